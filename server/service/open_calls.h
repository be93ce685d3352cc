#ifndef PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_
#define PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_

#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// A call that may last for as long as the client likes.
class DrainableCall {
 public:
  virtual ~DrainableCall() = default;

  // Take no more; end when what was taken is answered. Must not call Remove
  // on the calling thread.
  virtual void Drain() = 0;
};

// The calls in progress, so that a server can drain. Thread-safe.
class OpenCalls {
 public:
  void Enter();
  void Leave();

  // Of a call that is in, and after Drain is told so at once.
  void Add(DrainableCall* call);
  void Remove(DrainableCall* call);

  void Drain();

  // False: some are still open at `deadline`.
  bool AwaitNone(absl::Time deadline);

 private:
  absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_set<DrainableCall*> drainable_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_
