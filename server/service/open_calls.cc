#include "server/service/open_calls.h"

namespace peregrine::server {

int OpenCalls::Enter() {
  absl::MutexLock lock(&mutex_);
  return ++count_;
}

void OpenCalls::Leave() {
  absl::MutexLock lock(&mutex_);
  --count_;
}

void OpenCalls::Add(OpenStream* stream) {
  bool draining = false;
  {
    absl::MutexLock lock(&mutex_);
    streams_.insert(stream);
    draining = draining_;
  }
  if (draining) stream->Drain();
}

void OpenCalls::Remove(OpenStream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void OpenCalls::Drain() {
  // Under the lock, since Remove comes before a stream is destroyed.
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  for (OpenStream* stream : streams_) stream->Drain();
}

void OpenCalls::EndRevoked() {
  absl::MutexLock lock(&mutex_);
  for (OpenStream* stream : streams_) stream->EndIfRevoked();
}

OpenCalls::Counts OpenCalls::counts() const {
  absl::MutexLock lock(&mutex_);
  return {count_, static_cast<int>(streams_.size())};
}

bool OpenCalls::AwaitNone(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return count_ == 0;
  };
  return mutex_.AwaitWithDeadline(absl::Condition(&none), deadline);
}

}  // namespace peregrine::server
