#ifndef PEREGRINE_CLIENT_CANCELLATION_H_
#define PEREGRINE_CLIENT_CANCELLATION_H_

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/client_context.h"

namespace peregrine::client {

// Ends the calls that it was given to (CallOptions::cancellation), from any
// thread. Must outlive them. Thread-safe.
class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // Calls that are under way end with CANCELLED soon, later ones at once.
  void Cancel();

  // While it lives, the call of `context` is one of those. `cancellation` may
  // be null.
  class Scope {
   public:
    Scope(Cancellation* cancellation, grpc::ClientContext* context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation* const cancellation_;
    grpc::ClientContext* const context_;
  };

 private:
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CANCELLATION_H_
