#ifndef PEREGRINE_SERVER_PROCESS_LOG_WRITER_H_
#define PEREGRINE_SERVER_PROCESS_LOG_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// Writes lines to a file on a thread of its own, so that nobody who logs waits
// for whoever reads: a pipe that nobody empties costs lines, not translations.
// Bounded: a line that finds no room is dropped and counted, and a line says so
// as soon as there is room again. Thread-safe.
class LogWriter {
 public:
  // Does not own `fd`.
  explicit LogWriter(int fd, size_t max_bytes = 1 << 20);

  // Writes what it can within a second.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // `line` ends with a line break. Never blocks.
  void Write(std::string line);

  // Until all is written, or the time has passed.
  void Flush(absl::Duration timeout);

  int64_t dropped() const;

 private:
  void Run();
  // False: the writer ends before the file takes it.
  bool WriteOut(const std::string& line);
  bool AwaitRoom();

  const int fd_;
  const size_t max_bytes_;
  mutable absl::Mutex mutex_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t told_ ABSL_GUARDED_BY(mutex_) = 0;  // of those dropped
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The one on stderr, for as long as the process lives.
LogWriter& StderrLog();

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_LOG_WRITER_H_
