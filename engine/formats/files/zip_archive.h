#ifndef PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::formats {

// What a reader does with a compressed member: the writers of checkpoints store
// theirs as they are, packages of several files hold compressed ones.
enum class ZipCompression { kRefused, kRead };

// The members of a ZIP archive, with or without its 64-bit extension, as views
// of its bytes. Opening unpacks nothing.
class ZipArchive {
 public:
  struct Member {
    absl::string_view bytes;  // as they are in the archive
    uint64_t size = 0;        // of the file
    uint32_t checksum = 0;    // CRC-32 of the file
    bool is_compressed = false;
  };

  // Checks the directory and each local header against it: members lie apart
  // from each other before the directory, and have one name each.
  // INVALID_ARGUMENT names `path` and the member. `bytes` must outlive the
  // archive.
  static absl::StatusOr<ZipArchive> Open(
      absl::string_view bytes, const std::string& path,
      ZipCompression compression = ZipCompression::kRefused);

  const std::map<std::string, Member>& members() const { return members_; }

  // Gives the file that `name`, one of members(), stands for to `write`, some
  // thousand bytes at a time: memory does not grow with it. INVALID_ARGUMENT:
  // not the size and checksum that the archive says; or the first error of
  // `write`.
  absl::Status Extract(
      const std::string& name,
      absl::FunctionRef<absl::Status(absl::string_view)> write) const;

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

  ZipArchive(absl::string_view bytes, const std::string& path,
             ZipCompression compression)
      : bytes_(bytes), path_(path), compression_(compression) {}

  absl::Status Error(absl::string_view message) const;
  absl::StatusOr<Directory> FindDirectory() const;
  absl::Status ReadZip64(uint64_t end, Directory& directory) const;
  absl::Status ReadMember(absl::string_view& directory, uint64_t data_end);
  absl::Status CheckMethod(absl::string_view name, const Member& member,
                           uint16_t method, uint16_t flags) const;
  absl::Status CheckApart();

  absl::string_view bytes_;
  std::string path_;
  ZipCompression compression_;
  std::map<std::string, Member> members_;
  std::vector<Range> ranges_;  // with local headers
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_ZIP_ARCHIVE_H_
