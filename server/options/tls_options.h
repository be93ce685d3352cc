#ifndef PEREGRINE_SERVER_OPTIONS_TLS_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_TLS_OPTIONS_H_

#include <string>

#include "absl/time/time.h"

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

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_TLS_OPTIONS_H_
