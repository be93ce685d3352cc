#ifndef PEREGRINE_SERVER_SERVICE_CALL_H_
#define PEREGRINE_SERVER_SERVICE_CALL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/clients/authenticator.h"
#include "server/clients/client.h"
#include "server/service/call_environment.h"
#include "server/service/call_ids.h"
#include "server/service/logged_texts.h"

namespace peregrine::server {

// A method of an API, for logs and metrics: names of the program's own.
struct Method {
  const char* api = "";
  const char* name = "";
};

// What a transport knows of a call.
struct CallInfo {
  Method method;
  CallIds ids;
  std::string peer;  // the connection, as gRPC spells it
  Claims claims;
  absl::Time start;
  absl::Time deadline = absl::InfiniteFuture();  // which is none
  bool no_cache = false;                         // asked for by its headers
};

// One call of any method of any API: who calls, how it ended. Open from its
// construction to its destruction, which draining waits for. A call that
// translates brings one Request, or a stream of them. Not thread-safe, but for
// the const methods and those that account for what the peer makes us hold.
class Call {
 public:
  // `environment` must outlive the call.
  Call(const CallEnvironment& environment, CallInfo info);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Once, before all else. UNAUTHENTICATED: who calls is not known.
  // RESOURCE_EXHAUSTED: there are as many calls as may be.
  absl::Status Begin();

  // For the log.
  struct Summary {
    const ServedModel* model = nullptr;  // null: none, or several
    int sentences = 0;
    const LoggedTexts* texts = nullptr;  // if they are
    bool counted = false;                // by the Request that had this outcome
  };
  // Once, when the outcome is known.
  void End(const absl::Status& status, const Summary& summary) const;

  // A message of so many bytes came.
  void AddBytes(size_t bytes) const;
  // An answer of so many bytes waits for the peer to take it; took it.
  void HoldAnswer(size_t bytes) { Allow(-static_cast<int64_t>(bytes)); }
  void ReleaseAnswer(size_t bytes) { Allow(static_cast<int64_t>(bytes)); }
  // The peer may send so much that is not read, until the call ends.
  void AllowUnread(size_t bytes) { Allow(static_cast<int64_t>(bytes)); }

  const CallEnvironment& environment() const { return environment_; }
  const CallInfo& info() const { return info_; }
  const Caller& caller() const { return caller_; }
  // Null until Begin is OK.
  const std::shared_ptr<Client>& client() const { return caller_.client; }

 private:
  void Allow(int64_t bytes);

  const CallEnvironment& environment_;
  const CallInfo info_;
  std::atomic<int64_t> allowed_{0};  // see PeerAccounts::Allow
  const int open_;                   // calls, with this one, when it came
  Caller caller_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_H_
