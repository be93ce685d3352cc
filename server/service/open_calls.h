#ifndef PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_
#define PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_

#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// A call that may last for as long as the client likes.
class OpenStream {
 public:
  virtual ~OpenStream() = default;

  // Take no more; end when what was taken is answered. Must not call Remove
  // on the calling thread.
  virtual void Drain() = 0;

  // End if who called may call no more. Likewise.
  virtual void EndIfRevoked() = 0;
};

// The calls in progress, so that a server can drain. Thread-safe.
class OpenCalls {
 public:
  // How many there are, with this one.
  int Enter();
  void Leave();

  // Of a call that is in, and after Drain is told so at once.
  void Add(OpenStream* stream);
  void Remove(OpenStream* stream);

  void Drain();

  // Asks all streams. After tokens have changed.
  void EndRevoked();

  struct Counts {
    int calls = 0;
    int streams = 0;
  };
  Counts counts() const;

  // False: some are still open at `deadline`.
  bool AwaitNone(absl::Time deadline);

 private:
  mutable absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_set<OpenStream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_OPEN_CALLS_H_
