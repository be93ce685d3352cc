#ifndef PEREGRINE_SERVER_TESTING_STEP_GATE_H_
#define PEREGRINE_SERVER_TESTING_STEP_GATE_H_

#include <atomic>
#include <functional>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace peregrine::server {

// For tests: holds the workers of a FakeBackend in their steps until opened.
// Must outlive them. Thread-safe.
class StepGate {
 public:
  // FakeBackend::Options::on_step.
  std::function<void()> hook() {
    return [this] {
      ++waiting_;
      opened_.WaitForNotification();
    };
  }
  // Until so many steps have come to the gate.
  void AwaitWaiting(int count = 1) const {
    while (waiting_ < count) absl::SleepFor(absl::Milliseconds(1));
  }
  void Open() {
    if (!open_.exchange(true)) opened_.Notify();
  }

 private:
  std::atomic<int> waiting_{0};
  std::atomic<bool> open_{false};
  absl::Notification opened_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_TESTING_STEP_GATE_H_
