#include "server/process/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

constexpr int kPollMilliseconds = 100;
constexpr absl::Duration kLastFlush = absl::Seconds(1);

}  // namespace

LogWriter::LogWriter(int fd, size_t max_bytes)
    : fd_(fd), max_bytes_(max_bytes), thread_([this] { Run(); }) {}

LogWriter::~LogWriter() {
  Flush(kLastFlush);
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void LogWriter::Write(std::string line) {
  absl::MutexLock lock(&mutex_);
  if (bytes_ + line.size() > max_bytes_) {
    ++dropped_;
    return;
  }
  if (dropped_ > told_) {
    lines_.push_back(
        absl::StrCat("log: ", dropped_ - told_, " lines were dropped\n"));
    bytes_ += lines_.back().size();
    told_ = dropped_;
  }
  bytes_ += line.size();
  lines_.push_back(std::move(line));
}

void LogWriter::Flush(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto empty = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return lines_.empty() && !writing_;
  };
  mutex_.AwaitWithTimeout(absl::Condition(&empty), timeout);
}

int64_t LogWriter::dropped() const {
  absl::MutexLock lock(&mutex_);
  return dropped_;
}

void LogWriter::Run() {
  while (true) {
    std::string line;
    {
      absl::MutexLock lock(&mutex_);
      const auto has_news = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return !lines_.empty() || stopping_;
      };
      mutex_.Await(absl::Condition(&has_news));
      if (stopping_) return;
      line = std::move(lines_.front());
      lines_.pop_front();
      writing_ = true;
    }
    WriteOut(line);
    absl::MutexLock lock(&mutex_);
    bytes_ -= line.size();
    writing_ = false;
  }
}

bool LogWriter::WriteOut(const std::string& line) {
  size_t written = 0;
  while (written < line.size()) {
    if (!AwaitRoom()) return false;
    // A pipe that is ready takes so much without blocking.
    const size_t size = std::min<size_t>(line.size() - written, PIPE_BUF);
    const ssize_t result = write(fd_, line.data() + written, size);
    if (result >= 0) {
      written += static_cast<size_t>(result);
    } else if (errno != EINTR && errno != EAGAIN) {
      return false;  // nobody is there to read
    }
  }
  return true;
}

bool LogWriter::AwaitRoom() {
  while (true) {
    pollfd file = {fd_, POLLOUT, 0};
    if (poll(&file, 1, kPollMilliseconds) > 0) return true;
    absl::MutexLock lock(&mutex_);
    if (stopping_) return false;
  }
}

LogWriter& StderrLog() {
  static auto* const writer = new LogWriter(STDERR_FILENO);
  return *writer;
}

}  // namespace peregrine::server
