#include "server/clients/token_table.h"

#include <openssl/sha.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kHexDigits = 2 * SHA256_DIGEST_LENGTH;
constexpr double kMaxNumber = 1e6;

absl::Status SetLimit(absl::string_view setting, TokenOwner& owner) {
  if (setting == "admin") {
    owner.admin = true;
    return absl::OkStatus();
  }
  ClientLimits& limits = owner.limits;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(setting, absl::MaxSplits('=', 1));
  double value = 0;
  if (!absl::SimpleAtod(parts.second, &value) || !(value > 0) ||
      value > kMaxNumber) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", Quoted(setting),
                     ", needed NAME=NUMBER with a number above 0"));
  }
  if (parts.first == "requests-per-second") {
    limits.requests_per_second = value;
  } else if (parts.first == "max-requests") {
    limits.max_requests = std::max(1, static_cast<int>(value));
  } else if (parts.first == "weight") {
    limits.weight = value;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", Quoted(parts.first),
        ", known are requests-per-second, max-requests, weight and admin"));
  }
  return absl::OkStatus();
}

absl::Status AddLine(absl::string_view line, TokenTable& table) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const absl::string_view hex = fields.size() < 2 ? "" : fields[1];
  if (hex.size() != kHexDigits ||
      !std::all_of(hex.begin(), hex.end(), absl::ascii_isxdigit)) {
    return absl::InvalidArgumentError(
        absl::StrCat("found no SHA-256 of ", kHexDigits,
                     " hexadecimal digits after the name"));
  }
  TokenOwner owner;
  owner.name = std::string(fields[0]);
  for (size_t i = 2; i < fields.size(); ++i) {
    PEREGRINE_RETURN_IF_ERROR(SetLimit(fields[i], owner));
  }
  if (!table.emplace(absl::HexStringToBytes(hex), std::move(owner)).second) {
    return absl::InvalidArgumentError("found a token that stands above, too");
  }
  return absl::OkStatus();
}

}  // namespace

std::string HashToken(absl::string_view token) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(&hash[0]));
  return hash;
}

absl::StatusOr<TokenTable> ParseTokenTable(absl::string_view text) {
  TokenTable table;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (absl::Status status = AddLine(line, table); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", status.message()));
    }
  }
  return table;
}

}  // namespace peregrine::server
