#include "server/port_file.h"

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace peregrine::server {

absl::Status WritePortFile(const std::string& path, int grpc_port,
                           int metrics_port) {
  if (path.empty()) return absl::OkStatus();
  const std::string part = absl::StrCat(path, ".part");
  std::ofstream file(part);
  file << "grpc " << grpc_port << "\n";
  if (metrics_port != 0) file << "metrics " << metrics_port << "\n";
  file.close();
  if (!file.good() || std::rename(part.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("--port-file: cannot write ", path));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::server
