#ifndef PEREGRINE_SERVER_GLOSSARIES_GLOSSARY_STORE_H_
#define PEREGRINE_SERVER_GLOSSARIES_GLOSSARY_STORE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/glossaries/stored_glossary.h"
#include "server/process/file_version.h"

namespace peregrine::server {

using StoredGlossaryPtr = std::shared_ptr<const StoredGlossary>;

// The glossaries of a server: NAME.tsv and NAME.tbx of one directory, in which
// they last. Files that come, change or go are noticed. One that cannot be read
// is logged once, and what was read before stays in force. A request keeps the
// glossary that it found. Thread-safe.
//
// Glossaries of the operator are there for all. Those that a client stored by
// an API of others are there for clients of its name alone, and only these
// change them. `reader` and `owner` are such names.
class GlossaryStore {
 public:
  static constexpr size_t kMaxGlossaries = 1000;
  static constexpr size_t kMaxBytes = 16 << 20;  // of one
  static constexpr size_t kMaxTotalBytes = 256 << 20;

  // Reads all files. The error names the first that is wrong.
  static absl::StatusOr<std::unique_ptr<GlossaryStore>> Open(
      const std::string& directory);

  // Of all. NOT_FOUND names some that there are.
  absl::StatusOr<StoredGlossaryPtr> Find(absl::string_view name) const;
  std::vector<StoredGlossaryPtr> All() const;  // by name
  // The same of those that `reader` may know of.
  absl::StatusOr<StoredGlossaryPtr> FindFor(const std::string& reader,
                                            absl::string_view name) const;
  std::vector<StoredGlossaryPtr> AllFor(const std::string& reader) const;

  // Adds or replaces one, and its file: by the operator. INVALID_ARGUMENT names
  // the field; RESOURCE_EXHAUSTED: there would be too many;
  // FAILED_PRECONDITION: the directory cannot be written to.
  absl::StatusOr<StoredGlossaryPtr> Put(GlossaryHead head,
                                        std::vector<document::Term> terms);
  absl::Status Delete(absl::string_view name);

  // The same by a client, which head.owner names. ALREADY_EXISTS: the name is
  // taken. RESOURCE_EXHAUSTED too: the client has `max_of_owner` already.
  absl::StatusOr<StoredGlossaryPtr> Create(GlossaryHead head,
                                           std::vector<Dictionary> dictionaries,
                                           int max_of_owner);
  // `change` is given what there is. NOT_FOUND as FindFor; PERMISSION_DENIED:
  // it is the operator's.
  using Change =
      absl::FunctionRef<absl::Status(GlossaryHead&, std::vector<Dictionary>&)>;
  absl::StatusOr<StoredGlossaryPtr> ChangeOwn(const std::string& owner,
                                              absl::string_view name,
                                              Change change);
  absl::Status DeleteOwn(const std::string& owner, absl::string_view name);

  // Looks for changes of files. Call it every second or so, on one thread. A
  // file is taken once two looks have found it the same.
  void Refresh();

  // Files that could not be taken.
  int64_t failures() const;

 private:
  struct Entry {
    StoredGlossaryPtr glossary;  // null: its file was wrong from the start
    std::string file;
    FileVersion version;
  };

  explicit GlossaryStore(const std::string& directory)
      : directory_(directory) {}

  std::string PathOf(absl::string_view file) const;
  // File names with their versions, of glossaries alone.
  absl::StatusOr<std::map<std::string, FileVersion>> Look() const;
  absl::StatusOr<StoredGlossaryPtr> Read(const std::string& file,
                                         const FileVersion& version) const;
  absl::Status NotFound(absl::string_view name, const std::string* reader) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckIsOwn(const std::string& owner,
                          absl::string_view name) const;
  absl::StatusOr<StoredGlossaryPtr> PutDictionaries(
      GlossaryHead head, std::vector<Dictionary> dictionaries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(changes_);
  absl::Status DeleteFiles(absl::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(changes_);
  absl::Status CheckRoom(absl::string_view name, size_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(const std::string& file, const FileVersion& version);
  void Forget(const std::map<std::string, FileVersion>& files);
  absl::Status Write(const StoredGlossary& glossary) const;

  const std::string directory_;
  std::map<std::string, FileVersion> seen_;  // by the last look
  absl::Mutex changes_;                      // one Put or Delete at a time
  mutable absl::Mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_GLOSSARIES_GLOSSARY_STORE_H_
