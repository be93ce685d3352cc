#include "server/process/port_file.h"

#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace peregrine::server {

absl::Status WritePortFile(const std::string& path,
                           absl::Span<const NamedPort> ports) {
  if (path.empty()) return absl::OkStatus();
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--port-file: found ", path,
        ", which is a device, a folder or the like; it would be replaced"));
  }
  const std::string part = absl::StrCat(path, ".part");
  std::ofstream file(part);
  for (const NamedPort& named : ports) {
    if (named.port != 0) file << named.name << " " << named.port << "\n";
  }
  file.close();
  if (!file.good() || std::rename(part.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("--port-file: cannot write ", path));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::server
