#include "client/console/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace peregrine::client {

constexpr absl::Duration kFirstDraw = absl::Seconds(2);
constexpr absl::Duration kDrawInterval = absl::Milliseconds(100);

std::string FormatProgress(std::int64_t done, std::int64_t total,
                           absl::Duration elapsed) {
  const double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-3);
  const double per_second = static_cast<double>(done) / seconds;
  if (total < 1) return absl::StrFormat("%d lines  %.1f/s", done, per_second);
  std::string line = absl::StrFormat("%d/%d lines  %d %%  %.1f/s", done, total,
                                     100 * done / total, per_second);
  if (done > 0) {
    const absl::Duration left =
        absl::Seconds(static_cast<double>(total - done) / per_second);
    absl::StrAppend(&line, "  ",
                    absl::FormatDuration(absl::Ceil(left, absl::Seconds(1))),
                    " left");
  }
  return line;
}

void TerminalLine::Draw(const std::string& text) {
  if (terminal_ == nullptr) return;
  drawn_ = true;
  *terminal_ << "\r\x1b[K" << text << std::flush;
}

void TerminalLine::Clear() {
  if (!drawn_) return;
  drawn_ = false;
  *terminal_ << "\r\x1b[K" << std::flush;
}

ProgressLine::ProgressLine(std::ostream* terminal, std::int64_t total,
                           absl::Time start)
    : line_(terminal),
      total_(total),
      start_(start),
      next_draw_(start + kFirstDraw) {}

void ProgressLine::Update(std::int64_t done, absl::Time now) {
  if (now < next_draw_) return;
  next_draw_ = now + kDrawInterval;
  line_.Draw(FormatProgress(done, total_, now - start_));
}

}  // namespace peregrine::client
