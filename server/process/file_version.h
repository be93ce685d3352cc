#ifndef PEREGRINE_SERVER_PROCESS_FILE_VERSION_H_
#define PEREGRINE_SERVER_PROCESS_FILE_VERSION_H_

#include <sys/stat.h>

#include <cstdint>

#include "absl/time/time.h"

namespace peregrine::server {

// What tells one version of a file from another.
struct FileVersion {
  int64_t inode = 0;
  int64_t bytes = 0;
  absl::Time modified;

  static FileVersion Of(const struct stat& info) {
    return {static_cast<int64_t>(info.st_ino), info.st_size,
            absl::TimeFromTimespec(info.st_mtim)};
  }

  bool operator==(const FileVersion& other) const {
    return inode == other.inode && bytes == other.bytes &&
           modified == other.modified;
  }
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_FILE_VERSION_H_
