#ifndef PEREGRINE_CLIENT_COMMAND_TEXT_INPUT_H_
#define PEREGRINE_CLIENT_COMMAND_TEXT_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/bulk_translation.h"
#include "client/command/line_reader.h"

namespace peregrine::client {

// Of a line where the server names no limit.
inline constexpr std::size_t kMaxLineBytes = 16 << 20;

// A source that can say where a text stood.
class TextInput : public TextSource {
 public:
  // For messages: "text 3", "line 12", "news.en:12". `index` counts the texts
  // that Next has given out, from 0. Thread-safe.
  virtual std::string Where(std::int64_t index) const = 0;

  // Why Next returned false, if not for the end of the input. Thread-safe.
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// The arguments of the command, as they are.
class ArgumentsInput final : public TextInput {
 public:
  explicit ArgumentsInput(std::vector<std::string> texts);
  bool Next(std::string* text) override;
  void Stop() override {}
  std::string Where(std::int64_t index) const override;

 private:
  std::vector<std::string> texts_;
  std::size_t next_ = 0;
};

// Whole files, each one text; "-" is the standard input.
class WholeFilesInput final : public TextInput {
 public:
  WholeFilesInput(std::vector<std::string> paths, std::size_t max_bytes);
  bool Next(std::string* text) override;
  void Stop() override {}
  std::string Where(std::int64_t index) const override;
  absl::Status status() const override;

 private:
  const std::vector<std::string> paths_;
  const std::size_t max_bytes_;
  std::size_t next_ = 0;
  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// The lines of an open file descriptor, which stays open.
class StreamInput final : public TextInput {
 public:
  StreamInput(int fd, std::size_t max_line_bytes);
  bool Next(std::string* text) override;
  void Stop() override { stop_.Set(); }
  std::string Where(std::int64_t index) const override;
  absl::Status status() const override;

 private:
  StopEvent stop_;
  LineReader reader_;
  mutable absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// The lines of files, one file after the other.
class FilesInput final : public TextInput {
 public:
  FilesInput(std::vector<std::string> paths, std::size_t max_line_bytes);
  ~FilesInput() override;
  bool Next(std::string* text) override;
  void Stop() override { stop_.Set(); }
  std::string Where(std::int64_t index) const override;
  absl::Status status() const override;

 private:
  absl::StatusOr<bool> TryNext(std::string* text);
  void Close();

  const std::vector<std::string> paths_;
  const std::size_t max_line_bytes_;
  StopEvent stop_;
  int fd_ = -1;
  std::unique_ptr<LineReader> reader_;
  std::int64_t num_lines_ = 0;  // given out, of all files

  mutable absl::Mutex mutex_;
  // For each file opened so far: the index of its first line.
  std::vector<std::int64_t> first_lines_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// Lines of the files together; 0 where one of them is not a plain file, so
// that it can't be read twice.
std::int64_t CountLines(const std::vector<std::string>& paths);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_TEXT_INPUT_H_
