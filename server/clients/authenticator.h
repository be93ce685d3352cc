#ifndef PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_
#define PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
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

// Who makes a call, by what the call brought.
struct Caller {
  std::shared_ptr<Client> client;
  std::string token_hash;  // empty: tokens are not required
  bool admin = false;      // of this token, not of others of the same client
};

// Says which client a call is of: by its token where tokens are required, else
// by the name in its certificate where the connection has one, else the one
// without a name. Thread-safe.
class Authenticator {
 public:
  // `tokens`: null where none are required.
  explicit Authenticator(std::unique_ptr<TokenFile> tokens,
                         int max_streams_per_client = 0);

  // UNAUTHENTICATED: no token, or one that is not known.
  absl::StatusOr<Caller> Authenticate(const Claims& claims);

  // PERMISSION_DENIED: tokens are required, and this one does not allow it.
  static absl::Status CheckAdmin(const Caller& caller);

  // Whether the token that the caller brought is still good.
  bool IsStillGood(const Caller& caller) const;

  // Looks for changed tokens, as TokenFile::Refresh. True: there are.
  bool Refresh() { return tokens_ != nullptr && tokens_->Refresh(); }
  int64_t failed_refreshes() const {
    return tokens_ == nullptr ? 0 : tokens_->failures();
  }

  // Those that have called so far, by name; no more than are worth counting.
  std::vector<std::shared_ptr<Client>> clients() const;

 private:
  std::shared_ptr<Client> Named(const std::string& name, ClientLimits limits);

  const std::unique_ptr<TokenFile> tokens_;
  const int max_streams_per_client_;
  const std::shared_ptr<Client> anyone_;

  mutable absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<std::string, std::shared_ptr<Client>> clients_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_AUTHENTICATOR_H_
