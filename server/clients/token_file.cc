#include "server/clients/token_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr absl::Duration kCheckInterval = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(
    const std::string& path) {
  auto file = absl::WrapUnique(new TokenFile(path));
  absl::MutexLock lock(&file->mutex_);
  PEREGRINE_RETURN_IF_ERROR(file->ReadIfChanged());
  return file;
}

std::shared_ptr<const TokenTable> TokenFile::Current(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now - checked_ >= kCheckInterval) {
    checked_ = now;
    if (absl::Status status = ReadIfChanged(); !status.ok()) {
      spdlog::error("{}; the tokens read before stay in force",
                    std::string(status.message()));
    }
  }
  return table_;
}

absl::Status TokenFile::ReadIfChanged() {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) {
    version_ = {};
    return absl::NotFoundError(absl::StrCat("--token-file: cannot read ", path_,
                                            ": ", std::strerror(errno)));
  }
  const Version version = {static_cast<int64_t>(info.st_ino), info.st_size,
                           absl::TimeFromTimespec(info.st_mtim)};
  if (version == version_) return absl::OkStatus();
  version_ = version;  // one that is wrong is complained of once
  std::ifstream file(path_);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file.good()) {
    return absl::UnavailableError(
        absl::StrCat("--token-file: cannot read ", path_));
  }
  absl::StatusOr<TokenTable> table = ParseTokenTable(text.str());
  if (!table.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--token-file: ", path_, " ", table.status().message()));
  }
  if (table_ != nullptr) {
    spdlog::info("--token-file: {} tokens read", table->size());
  }
  table_ = std::make_shared<const TokenTable>(*std::move(table));
  return absl::OkStatus();
}

}  // namespace peregrine::server
