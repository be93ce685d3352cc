#ifndef PEREGRINE_SERVER_PROCESS_STOP_SIGNALS_H_
#define PEREGRINE_SERVER_PROCESS_STOP_SIGNALS_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// When the process ends, and that it does.
//
// SIGTERM, SIGINT or RequestStop ask it to stop: once is enough, and SIGTERM as
// often as anybody likes does no more. Before Serving they end the process on
// the spot: there is nothing to finish. Afterwards AwaitStop returns; if the
// process is still there `grace` after Stopping's deadline, whatever hangs, it
// ends with code 1. A second SIGINT ends it at once: somebody at a terminal
// wants it so. SIGHUP only says in the log what is
// reloaded without it.
class StopSignals {
 public:
  // Before any other thread starts: all threads made from here on leave these
  // signals to this one.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Stops are left to AwaitStop from here on.
  void Serving();

  // Why it stops, for the log.
  std::string AwaitStop();

  // As SIGTERM. On any thread; does not block.
  void RequestStop(const std::string& why);

  // From the request to stop on, how long the process may take. Before Serving.
  void SetStopTime(absl::Duration time);

 private:
  void Run();
  void HandleSignal(int number);
  void Stop(const std::string& why);
  void EndIfLate();

  int signals_ = -1;  // a signalfd
  int end_event_ = -1;
  absl::Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration stop_time_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  absl::Time stopped_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::string why_ ABSL_GUARDED_BY(mutex_);
  int interrupts_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_STOP_SIGNALS_H_
