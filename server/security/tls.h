#ifndef PEREGRINE_SERVER_SECURITY_TLS_H_
#define PEREGRINE_SERVER_SECURITY_TLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"

namespace peregrine::server {

// Files in PEM. Without a certificate connections are not encrypted.
struct TlsOptions {
  std::string certificate;  // the server's, and those up to its authority
  std::string key;
  // Not empty: clients must have a certificate of one of these authorities.
  std::string client_ca;
  // How often the files are looked at for a change; new connections get the
  // new ones.
  absl::Duration refresh = absl::Seconds(30);
};

// INVALID_ARGUMENT: a file cannot be read or is no PEM, or the key is not the
// certificate's. Checked here, at the start, since gRPC would fail handshakes
// without a word.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SECURITY_TLS_H_
