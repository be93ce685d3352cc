#ifndef PEREGRINE_SERVER_CONNECTIONS_TLS_H_
#define PEREGRINE_SERVER_CONNECTIONS_TLS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "server/options/tls_options.h"

namespace peregrine::server {

// When a certificate ends. INVALID_ARGUMENT: none can be read.
absl::StatusOr<absl::Time> CertificateEnd(const std::string& path);

// INVALID_ARGUMENT: a file cannot be read or is no PEM, the key is not the
// certificate's, or the certificate has ended. Checked here, at the start,
// since gRPC would fail handshakes without a word.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_TLS_H_
