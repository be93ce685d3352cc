#ifndef PEREGRINE_SERVER_CLIENTS_TOKEN_TABLE_H_
#define PEREGRINE_SERVER_CLIENTS_TOKEN_TABLE_H_

#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/clients/client.h"

namespace peregrine::server {

// Who a token belongs to.
struct TokenOwner {
  std::string name;
  ClientLimits limits;
  bool admin = false;  // this token may use the admin service
};

// Owners by the SHA-256 of their tokens (32 bytes).
using TokenTable = std::unordered_map<std::string, TokenOwner>;

// The SHA-256 of a token, as the keys of a table.
std::string HashToken(absl::string_view token);

// Reads the text of a token file: a line for each token,
//
//   NAME SHA256 [requests-per-second=N] [max-requests=N] [weight=N] [admin]
//
// with the hash in hexadecimal; empty lines and those that begin with '#' are
// skipped. A name may have several tokens, for the time in which one replaces
// another. INVALID_ARGUMENT names the line; it never repeats a hash.
absl::StatusOr<TokenTable> ParseTokenTable(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_TOKEN_TABLE_H_
