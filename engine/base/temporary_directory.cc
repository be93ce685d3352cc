#include "engine/base/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace peregrine {

absl::StatusOr<std::unique_ptr<TemporaryDirectory>>
TemporaryDirectory::Create() {
  const char* parent = std::getenv("TMPDIR");
  if (parent == nullptr || *parent == '\0') parent = "/tmp";
  std::string path = absl::StrCat(parent, "/peregrine-XXXXXX");
  if (mkdtemp(&path[0]) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make a temporary folder in ", parent, ": ",
                     std::strerror(errno),
                     "; expected TMPDIR to name a folder that can be written "
                     "to"));
  }
  return absl::WrapUnique(new TemporaryDirectory(std::move(path)));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace peregrine
