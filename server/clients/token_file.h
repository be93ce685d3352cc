#ifndef PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_
#define PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/clients/token_table.h"
#include "server/process/file_version.h"

namespace peregrine::server {

// A file of tokens that is read again when it has changed: at once if another
// file was put in its place, as one should; if it was written over, once it
// has not changed between two looks. What is unreadable, wrong, empty or cut
// short leaves the last good table in force, and is logged. Thread-safe.
class TokenFile {
 public:
  // The error names the file and the line.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(
      const std::string& path);

  // Never waits for the file.
  std::shared_ptr<const TokenTable> Current() const;

  // Looks for a change. Call it every second or so, on one thread, which may
  // have to wait for the file. True: there is a new table.
  bool Refresh();

  // Changes that could not be taken.
  int64_t failures() const;

 private:
  explicit TokenFile(const std::string& path) : path_(path) {}

  absl::StatusOr<FileVersion> Look() const;
  // The table in the file; not empty.
  absl::StatusOr<TokenTable> Read(bool must_be_whole) const;
  // NOT_FOUND: no change, or one that may not be finished.
  absl::StatusOr<TokenTable> ReadIfChanged();

  const std::string path_;
  FileVersion version_;  // of the table, or of what was complained of
  FileVersion seen_;     // by the last look
  mutable absl::Mutex mutex_;
  std::shared_ptr<const TokenTable> table_ ABSL_GUARDED_BY(mutex_);
  int64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_TOKEN_FILE_H_
