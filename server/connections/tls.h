#ifndef PEREGRINE_SERVER_CONNECTIONS_TLS_H_
#define PEREGRINE_SERVER_CONNECTIONS_TLS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "server/options/tls_options.h"

namespace peregrine::server {

// INVALID_ARGUMENT: a file cannot be read or is no PEM, or the key is not the
// certificate's. Checked here, at the start, since gRPC would fail handshakes
// without a word.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_TLS_H_
