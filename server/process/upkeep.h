#ifndef PEREGRINE_SERVER_PROCESS_UPKEEP_H_
#define PEREGRINE_SERVER_PROCESS_UPKEEP_H_

#include <functional>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace peregrine::server {

// Does something every now and then, on a thread of its own, from construction
// to destruction.
class Upkeep {
 public:
  Upkeep(absl::Duration interval, std::function<void()> task)
      : thread_([this, interval, task = std::move(task)] {
          do {
            task();
          } while (!ended_.WaitForNotificationWithTimeout(interval));
        }) {}
  ~Upkeep() {
    ended_.Notify();
    thread_.join();
  }
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  absl::Notification ended_;
  std::thread thread_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_UPKEEP_H_
