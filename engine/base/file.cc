#include "engine/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine {

namespace {

absl::Status CheckIsContent(absl::string_view bytes, const std::string& path) {
  if (!absl::StartsWith(bytes, "version https://git-lfs")) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   ": found a pointer of Git LFS, expected the file that it "
                   "stands for: run \"git lfs pull\" in its directory"));
}

}  // namespace

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes,
                                     absl::string_view expected) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return errno == ENOENT
               ? absl::NotFoundError(
                     absl::StrCat(path, ": no such file, expected ", expected))
               : absl::PermissionDeniedError(absl::StrCat(
                     path, ": cannot be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file, expected ", expected));
  }
  if (static_cast<uint64_t>(info.st_size) > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", info.st_size, " bytes, expected ",
                     expected, " of at most ", max_bytes));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  std::string text(static_cast<size_t>(info.st_size), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (static_cast<size_t>(file.gcount()) != text.size()) {
    return absl::UnavailableError(absl::StrCat(path, ": found ", file.gcount(),
                                               " bytes, expected ", text.size(),
                                               " by its size"));
  }
  PEREGRINE_RETURN_IF_ERROR(CheckIsContent(text, path));
  return text;
}

absl::StatusOr<std::unique_ptr<const MappedFile>> MappedFile::Open(
    const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const std::string message = absl::StrCat(path, ": ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message)
                           : absl::PermissionDeniedError(message);
  }
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file"));
  }
  const size_t size = static_cast<size_t>(info.st_size);
  void* mapping = nullptr;  // there is no mapping of 0 bytes
  if (size > 0) mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapping == MAP_FAILED) {
    const int error = errno;
    close(fd);
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": cannot map: ", std::strerror(error)));
  }
  auto file = absl::WrapUnique(new MappedFile(
      path, fd, absl::string_view(static_cast<const char*>(mapping), size)));
  PEREGRINE_RETURN_IF_ERROR(CheckIsContent(file->bytes(), path));
  return std::unique_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  close(descriptor_);
}

bool MappedFile::Has(absl::string_view part) const {
  return std::less_equal<>()(bytes_.data(), part.data()) &&
         std::less_equal<>()(part.data() + part.size(),
                             bytes_.data() + bytes_.size());
}

absl::Status MappedFile::Copy(absl::string_view part, void* to) const {
  if (!Has(part)) {
    std::memcpy(to, part.data(), part.size());
    return absl::OkStatus();
  }
  size_t done = 0;
  while (done < part.size()) {
    const ssize_t count =
        pread(descriptor_, static_cast<char*>(to) + done, part.size() - done,
              part.data() - bytes_.data() + static_cast<ptrdiff_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return absl::UnavailableError(absl::StrCat(
          path_, ": ",
          count < 0 ? std::strerror(errno) : "it has become shorter",
          ", expected the ", bytes_.size(), " bytes that it had"));
    }
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

void MappedFile::Forget(absl::string_view part) const {
  if (!Has(part)) return;
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t offset = part.data() - bytes_.data();
  const size_t begin = offset / page * page;
  // Whether it worked makes no difference but to the memory taken.
  madvise(const_cast<char*>(bytes_.data()) + begin,
          offset + part.size() - begin, MADV_DONTNEED);
}

}  // namespace peregrine
