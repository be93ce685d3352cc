#include "client/command/line_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace peregrine::client {

namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

}  // namespace

StopEvent::StopEvent() : fd_(eventfd(0, EFD_CLOEXEC)) {}

StopEvent::~StopEvent() { close(fd_); }

void StopEvent::Set() {
  const std::uint64_t one = 1;
  // Can only fail where the event is set already.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
}

LineReader::LineReader(int fd, std::size_t max_line_bytes,
                       const StopEvent* stop)
    : fd_(fd), max_line_bytes_(max_line_bytes), stop_(stop) {}

absl::StatusOr<bool> LineReader::Fill() {
  pollfd waited[] = {{fd_, POLLIN, 0}, {stop_->fd(), POLLIN, 0}};
  while (poll(waited, 2, -1) < 0) {
    if (errno != EINTR)
      return absl::ErrnoToStatus(errno, "cannot wait for input");
  }
  if (waited[1].revents != 0) {
    stopped_ = true;
    return false;
  }

  buffer_.resize(kBufferBytes);
  position_ = 0;
  ssize_t num_read;
  do {
    num_read = read(fd_, &buffer_[0], buffer_.size());
  } while (num_read < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(static_cast<std::size_t>(std::max<ssize_t>(num_read, 0)));
  if (num_read < 0) return absl::ErrnoToStatus(error, "cannot read");
  return num_read > 0;
}

absl::StatusOr<bool> LineReader::Next(std::string* line) {
  line->clear();
  bool any = false;
  bool cut = false;
  while (true) {
    if (position_ == buffer_.size()) {
      const absl::StatusOr<bool> filled = Fill();
      if (!filled.ok()) return filled.status();
      if (!*filled) return any && !stopped_;
    }
    any = true;
    const std::size_t end = buffer_.find('\n', position_);
    const std::size_t piece_bytes = std::min(end, buffer_.size()) - position_;
    // One byte more than is given out, for the "\r" of a line that just fits.
    const std::size_t room = max_line_bytes_ + 2 - line->size();
    line->append(buffer_, position_, std::min(piece_bytes, room));
    cut |= piece_bytes > room;
    position_ += piece_bytes;
    if (end != std::string::npos) {
      ++position_;
      if (!cut && !line->empty() && line->back() == '\r') line->pop_back();
      line->resize(std::min(line->size(), max_line_bytes_ + 1));
      return true;
    }
  }
}

}  // namespace peregrine::client
