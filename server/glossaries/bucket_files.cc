#include "server/glossaries/bucket_files.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace peregrine::server {
namespace {

namespace fs = std::filesystem;

// "BUCKET/PATH", of plain names alone.
bool IsPlainPath(absl::string_view path) {
  int parts = 0;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    ++parts;
    if (part.empty() || part == "." || part == "..") return false;
  }
  return parts > 1 && path.find('\0') == path.npos;
}

bool IsBelow(const fs::path& path, const fs::path& directory) {
  auto part = path.begin();
  for (const fs::path& of_directory : directory) {
    if (part == path.end() || *part++ != of_directory) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> ReadBucketFile(const std::string& directory,
                                           absl::string_view uri,
                                           size_t max_bytes) {
  if (directory.empty()) {
    return absl::FailedPreconditionError(
        "this server reads no buckets: mount them, and say where by "
        "--gcs-directory");
  }
  absl::string_view path = uri;
  if (!absl::ConsumePrefix(&path, "gs://") || !IsPlainPath(path)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found \"", absl::CHexEscape(uri), "\", expected gs://BUCKET/FILE"));
  }
  const absl::Status not_found = absl::NotFoundError(
      absl::StrCat("\"", absl::CHexEscape(uri), "\" is not there"));
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) return not_found;
  const fs::path file = fs::canonical(root / std::string(path), error);
  if (error || !IsBelow(file, root) || !fs::is_regular_file(file, error)) {
    return not_found;
  }
  const uintmax_t bytes = fs::file_size(file, error);
  if (error) return not_found;
  if (bytes > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", bytes, " bytes, allowed at most ", max_bytes));
  }
  std::string content(static_cast<size_t>(bytes), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (stream.gcount() != static_cast<std::streamsize>(content.size())) {
    return not_found;
  }
  return content;
}

}  // namespace peregrine::server
