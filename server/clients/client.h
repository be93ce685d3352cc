#ifndef PEREGRINE_SERVER_CLIENTS_CLIENT_H_
#define PEREGRINE_SERVER_CLIENTS_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/clients/rate_limiter.h"
#include "server/metrics/metric_types.h"

namespace peregrine::server {

// What one client may do. A request is a call, or one text of a stream.
struct ClientLimits {
  double requests_per_second = 0;  // 0: any; a second's worth may come at once
  int max_requests = 0;            // under way at a time; 0: any
  double weight = 1;               // its share of busy workers, see Flow
  int max_streams = 0;             // open at a time; 0: any
};

// One who calls, for as long as any of its requests is under way or its
// limits are known. Thread-safe.
class Client {
 public:
  // `id` is unique; 0 is the one client that has no name.
  Client(std::string name, uint64_t id) : name_(std::move(name)), id_(id) {}

  // A request begins: RESOURCE_EXHAUSTED if there are too many; otherwise it
  // ends with Leave.
  absl::Status Enter(absl::Time now);
  void Leave();

  // A stream is opened, whether or not it brings anything: RESOURCE_EXHAUSTED
  // if there are too many; otherwise it ends with LeaveStream.
  absl::Status EnterStream();
  void LeaveStream();

  void SetLimits(const ClientLimits& limits);
  ClientLimits limits() const;

  const std::string& name() const { return name_; }
  uint64_t id() const { return id_; }
  // Requests by outcome.
  OutcomeCounter& outcomes() { return outcomes_; }

 private:
  const std::string name_;
  const uint64_t id_;
  mutable absl::Mutex mutex_;
  ClientLimits limits_ ABSL_GUARDED_BY(mutex_);
  RateLimiter rate_ ABSL_GUARDED_BY(mutex_);
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;  // under way
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;   // open
  OutcomeCounter outcomes_;
};

// A request of a client, while it is under way. Empty or not; movable.
class ClientTicket {
 public:
  ClientTicket() = default;
  ClientTicket(ClientTicket&& other) = default;
  ClientTicket& operator=(ClientTicket&& other) = delete;
  ~ClientTicket() {
    if (client_ != nullptr) client_->Leave();
  }

  // Once, on an empty ticket. As Client::Enter.
  absl::Status Enter(std::shared_ptr<Client> client, absl::Time now);

 private:
  std::shared_ptr<Client> client_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_CLIENT_H_
