// The stopwatch of devices that work as they are called.

#include <chrono>
#include <memory>

#include "engine/kernels/kernels.h"

namespace peregrine::kernels {
namespace {

class HostStopwatch final : public Stopwatch {
 public:
  void Start() override { begin_ = Clock::now(); }
  void Stop() override { end_ = Clock::now(); }
  std::chrono::nanoseconds Elapsed() override { return end_ - begin_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_;
  Clock::time_point end_;
};

}  // namespace

std::unique_ptr<Stopwatch> Kernels::NewStopwatch() {
  return std::make_unique<HostStopwatch>();
}

}  // namespace peregrine::kernels
