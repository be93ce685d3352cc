#ifndef PEREGRINE_CLIENT_CONSOLE_PROGRESS_H_
#define PEREGRINE_CLIENT_CONSOLE_PROGRESS_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace peregrine::client {

// "1200/5000 lines  24 %  150.0/s  26s left". A `total` below 1 is unknown.
std::string FormatProgress(std::int64_t done, std::int64_t total,
                           absl::Duration elapsed);

// A line at the foot of a terminal, drawn over and over. Not thread-safe.
class TerminalLine {
 public:
  // Draws on `terminal`, or never where that is null.
  explicit TerminalLine(std::ostream* terminal) : terminal_(terminal) {}
  ~TerminalLine() { Clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  void Draw(const std::string& text);

  // Makes room for other output.
  void Clear();

 private:
  std::ostream* const terminal_;
  bool drawn_ = false;
};

// A line at the foot of a terminal that tells how far a long run has come. Not
// thread-safe.
class ProgressLine {
 public:
  // Draws on `terminal`, or never where that is null.
  ProgressLine(std::ostream* terminal, std::int64_t total, absl::Time start);

  // Draws at most ten times a second, and not in the first two: a short run
  // needs no progress.
  void Update(std::int64_t done, absl::Time now);

  // Makes room for other output.
  void Clear() { line_.Clear(); }

 private:
  TerminalLine line_;
  const std::int64_t total_;
  const absl::Time start_;
  absl::Time next_draw_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CONSOLE_PROGRESS_H_
