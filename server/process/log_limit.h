#ifndef PEREGRINE_SERVER_PROCESS_LOG_LIMIT_H_
#define PEREGRINE_SERVER_PROCESS_LOG_LIMIT_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// How many lines of one kind are logged where anybody can cause them: so many a
// second, and how many more there were. Thread-safe; time is an argument.
class LogLimit {
 public:
  explicit LogLimit(int per_second) : per_second_(per_second) {}

  struct Decision {
    bool log = false;
    int64_t left_out = 0;  // before this one, to be told with it
  };
  Decision Next(absl::Time now);

 private:
  const int per_second_;
  absl::Mutex mutex_;
  absl::Time second_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int logged_ ABSL_GUARDED_BY(mutex_) = 0;  // in this second
  int64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_LOG_LIMIT_H_
