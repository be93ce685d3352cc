#ifndef PEREGRINE_SERVER_SERVICE_CALL_H_
#define PEREGRINE_SERVER_SERVICE_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/clients/authenticator.h"
#include "server/clients/client.h"
#include "server/service/call_environment.h"
#include "server/service/call_ids.h"
#include "server/service/logged_texts.h"

namespace peregrine::server {

// What a transport knows of a call.
struct CallInfo {
  const char* method = "";  // for logs and metrics
  CallIds ids;
  Claims claims;
  absl::Time start;
  absl::Time deadline = absl::InfiniteFuture();  // which is none
};

// One call of any method of any API: who calls, how it ended. Open from its
// construction to its destruction, which draining waits for. A call that
// translates brings one Request, or a stream of them. Not thread-safe, but for
// the const methods.
class Call {
 public:
  // `environment` must outlive the call.
  Call(const CallEnvironment& environment, CallInfo info);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Once, before all else: UNAUTHENTICATED.
  absl::Status Authenticate();

  // For the log.
  struct Summary {
    const ServedModel* model = nullptr;  // null: none, or several
    int sentences = 0;
    const LoggedTexts* texts = nullptr;  // if they are
  };
  // Once, when the outcome is known.
  void End(const absl::Status& status, const Summary& summary) const;

  const CallEnvironment& environment() const { return environment_; }
  const CallInfo& info() const { return info_; }
  // Null until Authenticate is OK.
  const std::shared_ptr<Client>& client() const { return client_; }

 private:
  const CallEnvironment& environment_;
  const CallInfo info_;
  std::shared_ptr<Client> client_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_H_
