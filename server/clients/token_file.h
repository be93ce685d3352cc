#ifndef PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_
#define PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/clients/token_table.h"

namespace peregrine::server {

// A file of tokens that is read again when it has changed. Thread-safe.
class TokenFile {
 public:
  // The error names the file and the line.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(
      const std::string& path);

  // Looks for a change at most once a second. A file that has become
  // unreadable or wrong leaves the last good table in force, and is logged.
  std::shared_ptr<const TokenTable> Current(absl::Time now);

 private:
  // What tells one version of the file from another.
  struct Version {
    int64_t inode = 0;
    int64_t bytes = 0;
    absl::Time modified;

    bool operator==(const Version& other) const {
      return inode == other.inode && bytes == other.bytes &&
             modified == other.modified;
    }
  };

  explicit TokenFile(const std::string& path) : path_(path) {}

  absl::Status ReadIfChanged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  absl::Time checked_ ABSL_GUARDED_BY(mutex_);
  Version version_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const TokenTable> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_
