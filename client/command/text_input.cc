#include "client/command/text_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace peregrine::client {

ArgumentsInput::ArgumentsInput(std::vector<std::string> texts)
    : texts_(std::move(texts)) {}

bool ArgumentsInput::Next(std::string* text) {
  if (next_ == texts_.size()) return false;
  *text = std::move(texts_[next_++]);
  return true;
}

std::string ArgumentsInput::Where(std::int64_t index) const {
  return absl::StrCat("text ", index + 1);
}

WholeFilesInput::WholeFilesInput(std::vector<std::string> paths,
                                 std::size_t max_bytes)
    : paths_(std::move(paths)), max_bytes_(max_bytes) {}

bool WholeFilesInput::Next(std::string* text) {
  if (next_ == paths_.size()) return false;
  const std::string path = paths_[next_] == "-" ? "/dev/stdin" : paths_[next_];
  ++next_;
  std::ifstream file(path, std::ios::binary);
  absl::Status status;
  if (file) {
    text->assign(std::istreambuf_iterator<char>(file), {});
    if (text->size() <= max_bytes_) return true;
    status = absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", text->size(),
                     " bytes, the server takes at most ", max_bytes_));
  } else {
    status = absl::NotFoundError(absl::StrCat(
        path,
        ": cannot open this file. With --whole, --format=html and --format=xml "
        "each TEXT names a file; pipe a text in instead"));
  }
  absl::MutexLock lock(&mutex_);
  status_ = std::move(status);
  return false;
}

std::string WholeFilesInput::Where(std::int64_t index) const {
  return paths_[static_cast<std::size_t>(index)];
}

absl::Status WholeFilesInput::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

StreamInput::StreamInput(int fd, std::size_t max_line_bytes)
    : reader_(fd, max_line_bytes, &stop_) {}

bool StreamInput::Next(std::string* text) {
  const absl::StatusOr<bool> found = reader_.Next(text);
  if (found.ok()) return *found;
  absl::MutexLock lock(&mutex_);
  status_ = found.status();
  return false;
}

std::string StreamInput::Where(std::int64_t index) const {
  return absl::StrCat("line ", index + 1);
}

absl::Status StreamInput::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

FilesInput::FilesInput(std::vector<std::string> paths,
                       std::size_t max_line_bytes)
    : paths_(std::move(paths)), max_line_bytes_(max_line_bytes) {}

FilesInput::~FilesInput() { Close(); }

void FilesInput::Close() {
  reader_.reset();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::StatusOr<bool> FilesInput::TryNext(std::string* text) {
  while (true) {
    if (reader_ != nullptr) {
      const absl::StatusOr<bool> found = reader_->Next(text);
      if (!found.ok() || *found) return found;
      Close();
    }
    absl::MutexLock lock(&mutex_);
    if (first_lines_.size() == paths_.size()) return false;
    fd_ = open(paths_[first_lines_.size()].c_str(), O_RDONLY | O_CLOEXEC);
    first_lines_.push_back(num_lines_);
    if (fd_ < 0) return absl::ErrnoToStatus(errno, "cannot open");
    reader_ = std::make_unique<LineReader>(fd_, max_line_bytes_, &stop_);
  }
}

bool FilesInput::Next(std::string* text) {
  const absl::StatusOr<bool> found = TryNext(text);
  if (found.ok()) {
    if (*found) ++num_lines_;
    return *found;
  }
  absl::MutexLock lock(&mutex_);
  status_ = absl::Status(found.status().code(),
                         absl::StrCat(paths_[first_lines_.size() - 1], ": ",
                                      found.status().message()));
  return false;
}

std::string FilesInput::Where(std::int64_t index) const {
  absl::MutexLock lock(&mutex_);
  const auto after =
      std::upper_bound(first_lines_.begin(), first_lines_.end(), index);
  if (after == first_lines_.begin()) return absl::StrCat("line ", index + 1);
  const auto file = static_cast<std::size_t>(after - first_lines_.begin()) - 1;
  return absl::StrCat(paths_[file], ":", index - first_lines_[file] + 1);
}

absl::Status FilesInput::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

std::int64_t CountLines(const std::vector<std::string>& paths) {
  std::int64_t num_lines = 0;
  std::vector<char> buffer(1 << 20);
  for (const std::string& path : paths) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
    std::ifstream file(path, std::ios::binary);
    char last = '\n';
    while (
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())),
        file.gcount() > 0) {
      const auto end = buffer.begin() + file.gcount();
      num_lines += std::count(buffer.begin(), end, '\n');
      last = *(end - 1);
    }
    if (last != '\n') ++num_lines;
  }
  return num_lines;
}

}  // namespace peregrine::client
