#include "server/process/log_limit.h"

#include <utility>

namespace peregrine::server {

LogLimit::Decision LogLimit::Next(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now - second_ >= absl::Seconds(1)) {
    second_ = now;
    logged_ = 0;
  }
  if (logged_ >= per_second_) {
    ++left_out_;
    return {};
  }
  ++logged_;
  return {true, std::exchange(left_out_, 0)};
}

}  // namespace peregrine::server
