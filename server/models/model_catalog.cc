#include "server/models/model_catalog.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/backend/model_files.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 4;
constexpr size_t kMaxFolders = 10000;

// Adds what is in `folder` and below it.
class Reader {
 public:
  explicit Reader(const ModelDescriber& describe) : describe_(describe) {}

  absl::Status Read(const fs::path& folder, int depth) {
    std::vector<fs::path> folders;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      // Hidden ones are what others left there while they copied.
      if (absl::StartsWith(it->path().filename().string(), ".")) continue;
      if (it->is_directory(error)) folders.push_back(it->path());
      error.clear();
    }
    if (error) {
      return absl::NotFoundError(
          absl::StrCat(folder.string(), ": ", error.message()));
    }
    std::sort(folders.begin(), folders.end());
    for (const fs::path& one : folders) {
      if (++num_folders_ > kMaxFolders) {
        return absl::InvalidArgumentError(
            absl::StrCat(folder.string(), ": found more than ", kMaxFolders,
                         " folders in the tree"));
      }
      PEREGRINE_RETURN_IF_ERROR(ReadFolder(one, depth));
    }
    return absl::OkStatus();
  }

  ModelCatalog Take() { return std::move(catalog_); }

 private:
  absl::Status ReadFolder(const fs::path& folder, int depth) {
    CatalogModel model;
    model.directory = folder.string();
    absl::StatusOr<ModelInfo> info = describe_({"", model.directory});
    if (absl::IsNotFound(info.status()) && depth < kMaxDepth) {
      return Read(folder, depth + 1);
    }
    if (absl::IsNotFound(info.status())) return absl::OkStatus();
    model.sound = info.status();
    if (info.ok()) model.info = *std::move(info);
    if (model.info.name.empty()) model.info.name = folder.filename().string();
    model.bytes = SizeOfModelFiles(model.directory);
    const std::string name = model.info.name;
    const auto [place, is_new] = catalog_.emplace(name, std::move(model));
    if (is_new) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), ": found a second model named ",
                     Quoted(name), ", the first is ", place->second.directory));
  }

  const ModelDescriber& describe_;
  ModelCatalog catalog_;
  size_t num_folders_ = 0;
};

}  // namespace

absl::StatusOr<ModelCatalog> ReadModelCatalog(const std::string& directory,
                                              const ModelDescriber& describe) {
  Reader reader(describe);
  PEREGRINE_RETURN_IF_ERROR(reader.Read(directory, 1));
  ModelCatalog catalog = reader.Take();
  if (catalog.empty()) {
    return absl::NotFoundError(
        absl::StrCat(directory, ": found no model in it, expected at least 1"));
  }
  return catalog;
}

}  // namespace peregrine::server
