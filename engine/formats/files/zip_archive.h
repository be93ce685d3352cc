#ifndef PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::formats {

// The members of a ZIP archive, with or without its 64-bit extension, as views
// of its bytes. Nothing is unpacked: a compressed member is an error, as the
// writers of checkpoints store theirs.
class ZipArchive {
 public:
  // Checks the directory and each local header against it: members lie apart
  // from each other before the directory, and have one name each.
  // INVALID_ARGUMENT names `path` and the member. `bytes` must outlive the
  // archive.
  static absl::StatusOr<ZipArchive> Open(absl::string_view bytes,
                                         const std::string& path);

  const std::map<std::string, absl::string_view>& members() const {
    return members_;
  }

 private:
  struct Directory {
    uint64_t num_members = 0;
    uint64_t size = 0;
    uint64_t offset = 0;
  };
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  ZipArchive(absl::string_view bytes, const std::string& path)
      : bytes_(bytes), path_(path) {}

  absl::Status Error(absl::string_view message) const;
  absl::StatusOr<Directory> FindDirectory() const;
  absl::Status ReadZip64(uint64_t end, Directory& directory) const;
  absl::Status ReadMember(absl::string_view& directory, uint64_t data_end);
  absl::Status CheckApart();

  absl::string_view bytes_;
  std::string path_;
  std::map<std::string, absl::string_view> members_;
  std::vector<Range> ranges_;  // with local headers
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_
