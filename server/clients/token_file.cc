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

absl::Status Unreadable(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("--token-file: cannot read ", path, ": ", why));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(
    const std::string& path) {
  auto file = absl::WrapUnique(new TokenFile(path));
  PEREGRINE_ASSIGN_OR_RETURN(file->version_, file->Look());
  PEREGRINE_ASSIGN_OR_RETURN(TokenTable table,
                             file->Read(/*must_be_whole=*/false));
  file->seen_ = file->version_;
  absl::MutexLock lock(&file->mutex_);
  file->table_ = std::make_shared<const TokenTable>(std::move(table));
  return file;
}

std::shared_ptr<const TokenTable> TokenFile::Current() const {
  absl::MutexLock lock(&mutex_);
  return table_;
}

int64_t TokenFile::failures() const {
  absl::MutexLock lock(&mutex_);
  return failures_;
}

bool TokenFile::Refresh() {
  absl::StatusOr<TokenTable> table = ReadIfChanged();
  if (absl::IsNotFound(table.status())) return false;
  absl::MutexLock lock(&mutex_);
  if (!table.ok()) {
    ++failures_;
    spdlog::error("{}; the tokens read before stay in force",
                  std::string(table.status().message()));
    return false;
  }
  spdlog::info("--token-file: {} tokens read", table->size());
  table_ = std::make_shared<const TokenTable>(*std::move(table));
  return true;
}

absl::StatusOr<TokenTable> TokenFile::ReadIfChanged() {
  absl::StatusOr<FileVersion> version = Look();
  // One that is gone is complained of once, too.
  const FileVersion now = version.value_or(FileVersion());
  if (now == version_) return absl::NotFoundError("no change");
  const bool settled = now.inode != version_.inode || now == seen_;
  seen_ = now;
  if (!settled) return absl::NotFoundError("still being written");
  version_ = now;
  PEREGRINE_RETURN_IF_ERROR(version.status());
  return Read(/*must_be_whole=*/true);
}

absl::StatusOr<FileVersion> TokenFile::Look() const {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) {
    return Unreadable(path_, std::strerror(errno));
  }
  // To open one of another kind may take for ever.
  if (!S_ISREG(info.st_mode)) return Unreadable(path_, "not a regular file");
  return FileVersion::Of(info);
}

absl::StatusOr<TokenTable> TokenFile::Read(bool must_be_whole) const {
  std::ifstream file(path_);
  std::ostringstream stream;
  stream << file.rdbuf();
  const std::string text = stream.str();
  if (!file.good() && !text.empty()) return Unreadable(path_, "read error");
  if (must_be_whole && !text.empty() && text.back() != '\n') {
    return Unreadable(path_, "it ends in the middle of a line");
  }
  absl::StatusOr<TokenTable> table = ParseTokenTable(text);
  if (!table.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--token-file: ", path_, " ", table.status().message()));
  }
  if (table->empty()) return Unreadable(path_, "it holds no token");
  return table;
}

}  // namespace peregrine::server
