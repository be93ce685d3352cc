#ifndef PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_
#define PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/clients/client.h"
#include "server/clients/token_file.h"

namespace peregrine::server {

// What a call says of who makes it.
struct Claims {
  std::string authorization;  // "Bearer TOKEN"; empty: there is none
  // Of the certificate that TLS has verified; empty: there is none. Asked only
  // where it counts.
  std::function<std::string()> certificate_name;
};

// Says which client a call is of: by its token where tokens are required, else
// by the name in its certificate where the connection has one, else the one
// without a name. Thread-safe.
class Authenticator {
 public:
  // `tokens`: null where none are required.
  explicit Authenticator(std::unique_ptr<TokenFile> tokens);

  // UNAUTHENTICATED: no token, or one that is not known.
  absl::StatusOr<std::shared_ptr<Client>> Authenticate(const Claims& claims,
                                                       absl::Time now);

  // PERMISSION_DENIED: tokens are required, and this one does not allow it.
  absl::Status CheckAdmin(const Claims& claims, absl::Time now);

 private:
  std::shared_ptr<Client> Named(const std::string& name,
                                const ClientLimits& limits);

  const std::unique_ptr<TokenFile> tokens_;
  const std::shared_ptr<Client> anyone_;

  absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<std::string, std::shared_ptr<Client>> clients_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_
