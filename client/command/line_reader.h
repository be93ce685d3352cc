#ifndef PEREGRINE_CLIENT_COMMAND_LINE_READER_H_
#define PEREGRINE_CLIENT_COMMAND_LINE_READER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace peregrine::client {

// Wakes threads that wait for input. Thread-safe.
class StopEvent {
 public:
  StopEvent();
  ~StopEvent();
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;

  void Set();
  // Becomes readable once set, and stays so.
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Reads the lines of a file, a pipe or a terminal. A line ends with "\n" or
// "\r\n", which are not part of it, or where the input ends. Any other byte,
// NUL included, is text. Not thread-safe.
class LineReader {
 public:
  // Reads from `fd`, and does not close it. Of a line longer than
  // `max_line_bytes` only the first max_line_bytes + 1 bytes are kept, so that
  // it still shows as too long; the rest is skipped. `stop` must outlive this.
  // A line that `stop` cuts off is not given out.
  LineReader(int fd, std::size_t max_line_bytes, const StopEvent* stop);

  // True: `line` is the next one. False: the input has ended, or `stop` was
  // set. Waits for input.
  absl::StatusOr<bool> Next(std::string* line);

 private:
  // False: nothing more comes.
  absl::StatusOr<bool> Fill();

  const int fd_;
  const std::size_t max_line_bytes_;
  const StopEvent* const stop_;
  bool stopped_ = false;
  std::string buffer_;
  std::size_t position_ = 0;  // of the first byte of buffer_ not yet taken
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_LINE_READER_H_
