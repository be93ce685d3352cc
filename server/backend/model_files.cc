#include "server/backend/model_files.h"

#include <openssl/evp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 3;  // of folders in folders
constexpr size_t kMaxFiles = 10000;
constexpr size_t kChunkBytes = 1 << 20;
constexpr size_t kDigits = 16;

absl::Status Wrong(const fs::path& path, absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat(
      path.string(), ": found ", found, ", expected a file or a folder"));
}

// All regular files, sorted.
absl::StatusOr<std::vector<fs::path>> List(const std::string& root) {
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (!fs::exists(status)) {
    return absl::NotFoundError(absl::StrCat(root, ": no such directory"));
  }
  if (fs::is_regular_file(status)) return std::vector<fs::path>{root};
  if (!fs::is_directory(status)) return Wrong(root, "a special file");
  std::vector<fs::path> files;
  auto entry = fs::recursive_directory_iterator(
      root, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    // Those that tools keep for themselves, as .git.
    const bool is_hidden = entry->path().filename().string()[0] == '.';
    if (is_hidden || entry.depth() >= kMaxDepth) {
      entry.disable_recursion_pending();
    }
    if (is_hidden) continue;
    std::error_code dangling;  // links to nothing are the format's to complain
    const fs::file_status of_entry = fs::status(entry->path(), dangling);
    if (fs::is_other(of_entry)) return Wrong(entry->path(), "a special file");
    if (fs::is_regular_file(of_entry)) files.push_back(entry->path());
    if (files.size() > kMaxFiles) {
      return absl::InvalidArgumentError(
          absl::StrCat(root, ": found more than ", kMaxFiles,
                       " files, expected those of one model"));
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Sha256 {
 public:
  Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void Add(absl::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string Hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), size));
  }

 private:
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{
      EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

}  // namespace

absl::Status CheckModelFiles(const std::string& path) {
  return List(path).status();
}

absl::StatusOr<ModelFiles> DigestModelFiles(const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const std::vector<fs::path> files, List(path));
  ModelFiles result;
  Sha256 digest;
  std::string chunk(kChunkBytes, '\0');
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    int64_t bytes = 0;
    // What ends a name can't be in one.
    digest.Add(absl::StrCat(file.lexically_relative(path).string(),
                            absl::string_view("\0", 1)));
    while (stream.read(chunk.data(), static_cast<std::streamsize>(kChunkBytes)),
           stream.gcount() > 0) {
      const auto size = static_cast<size_t>(stream.gcount());
      digest.Add(absl::string_view(chunk.data(), size));
      bytes += static_cast<int64_t>(size);
    }
    digest.Add(absl::StrCat(":", bytes));
    result.bytes += bytes;
  }
  result.revision = digest.Hex().substr(0, kDigits);
  return result;
}

int64_t SizeOfModelFiles(const std::string& path) {
  const absl::StatusOr<std::vector<fs::path>> files = List(path);
  int64_t bytes = 0;
  if (!files.ok()) return bytes;
  for (const fs::path& file : *files) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    if (!error) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace peregrine::server
