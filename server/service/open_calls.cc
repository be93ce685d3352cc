#include "server/service/open_calls.h"

namespace peregrine::server {

void OpenCalls::Enter() {
  absl::MutexLock lock(&mutex_);
  ++count_;
}

void OpenCalls::Leave() {
  absl::MutexLock lock(&mutex_);
  --count_;
}

void OpenCalls::Add(DrainableCall* call) {
  bool draining = false;
  {
    absl::MutexLock lock(&mutex_);
    drainable_.insert(call);
    draining = draining_;
  }
  if (draining) call->Drain();
}

void OpenCalls::Remove(DrainableCall* call) {
  absl::MutexLock lock(&mutex_);
  drainable_.erase(call);
}

void OpenCalls::Drain() {
  // Under the lock, since Remove comes before a call is destroyed.
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  for (DrainableCall* call : drainable_) call->Drain();
}

bool OpenCalls::AwaitNone(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return count_ == 0;
  };
  return mutex_.AwaitWithDeadline(absl::Condition(&none), deadline);
}

}  // namespace peregrine::server
