#include "server/models/model_catalog.h"

#include <sys/stat.h>

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
#include "server/process/file_version.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 4;
constexpr int kDepthOfModels = 3;  // folders in those of models
constexpr size_t kMaxFolders = 10000;

// A folder with all files in it and below it, each with its version.
struct Folder {
  std::vector<std::string> folders;  // paths
  std::string version;
};

std::string VersionOf(const fs::path& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "";
  const FileVersion version = FileVersion::Of(info);
  return absl::StrCat(path.string(), "\n", version.inode, " ", version.bytes,
                      " ", absl::ToUnixNanos(version.modified), "\n");
}

}  // namespace

// Looks at a tree once.
class TreeReader {
 public:
  explicit TreeReader(ModelTree& tree) : tree_(tree) {}

  // All folders, with what tells whether anything changed.
  absl::Status Scan() { return ScanFolder(tree_.directory_, 0); }
  const std::string& version() { return folders_[tree_.directory_].version; }

  // Once, after Scan. Describes what it does not know.
  absl::StatusOr<ModelCatalog> Read() {
    PEREGRINE_RETURN_IF_ERROR(ReadFolders(folders_[tree_.directory_], 1));
    tree_.known_ = std::move(known_);
    return std::move(catalog_);
  }

 private:
  absl::Status ScanFolder(const fs::path& path, int depth) {
    if (++num_folders_ > kMaxFolders) {
      return absl::InvalidArgumentError(
          absl::StrCat(path.string(), ": found more than ", kMaxFolders,
                       " folders in the tree"));
    }
    std::vector<fs::path> files;
    Folder folder;
    std::error_code error;
    for (fs::directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      // Hidden ones are what others left there while they copied.
      if (absl::StartsWith(it->path().filename().string(), ".")) continue;
      const bool is_folder = it->is_directory(error);
      if (!is_folder) files.push_back(it->path());
      if (is_folder && depth < kMaxDepth + kDepthOfModels) {
        folder.folders.push_back(it->path().string());
      }
      error.clear();
    }
    if (error) {
      return absl::NotFoundError(
          absl::StrCat(path.string(), ": ", error.message()));
    }
    std::sort(files.begin(), files.end());
    std::sort(folder.folders.begin(), folder.folders.end());
    for (const fs::path& file : files) folder.version += VersionOf(file);
    for (const std::string& one : folder.folders) {
      absl::Status status = ScanFolder(one, depth + 1);
      // It may just have gone.
      if (!status.ok() && !absl::IsNotFound(status)) return status;
      absl::StrAppend(&folder.version, one, "\n", folders_[one].version);
    }
    folders_[path.string()] = std::move(folder);
    return absl::OkStatus();
  }

  absl::Status ReadFolders(const Folder& folder, int depth) {
    for (const std::string& one : folder.folders) {
      PEREGRINE_RETURN_IF_ERROR(ReadFolder(one, depth));
    }
    return absl::OkStatus();
  }

  absl::Status ReadFolder(const std::string& path, int depth) {
    const Folder& folder = folders_[path];
    const ModelTree::Known& known = KnownOf(path, folder);
    if (absl::IsNotFound(known.info.status())) {
      return depth < kMaxDepth ? ReadFolders(folder, depth + 1)
                               : absl::OkStatus();
    }
    CatalogModel model;
    model.directory = path;
    model.version = folder.version;
    model.sound = known.info.status();
    model.bytes = known.bytes;
    if (known.info.ok()) model.info = *known.info;
    if (model.info.name.empty()) {
      model.info.name = fs::path(path).filename().string();
    }
    const std::string name = model.info.name;
    const auto [place, is_new] = catalog_.emplace(name, std::move(model));
    if (is_new) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found a second model named ", Quoted(name),
                     ", the first is ", place->second.directory));
  }

  const ModelTree::Known& KnownOf(const std::string& path,
                                  const Folder& folder) {
    const auto found = tree_.known_.find(path);
    if (found != tree_.known_.end() &&
        found->second.version == folder.version) {
      return known_.emplace(path, found->second).first->second;
    }
    ModelTree::Known known = {folder.version, tree_.describe_({"", path}), 0};
    if (!absl::IsNotFound(known.info.status())) {
      known.bytes = SizeOfModelFiles(path);
    }
    return known_.emplace(path, std::move(known)).first->second;
  }

  ModelTree& tree_;
  std::map<std::string, Folder> folders_;
  std::map<std::string, ModelTree::Known> known_;
  ModelCatalog catalog_;
  size_t num_folders_ = 0;
};

absl::StatusOr<ModelCatalog> ModelTree::Read() {
  TreeReader reader(*this);
  PEREGRINE_RETURN_IF_ERROR(reader.Scan());
  seen_ = told_ = reader.version();
  PEREGRINE_ASSIGN_OR_RETURN(ModelCatalog catalog, reader.Read());
  if (catalog.empty()) {
    return absl::NotFoundError(absl::StrCat(
        directory_, ": found no model in it, expected at least 1"));
  }
  return catalog;
}

absl::optional<ModelCatalog> ModelTree::Look() {
  TreeReader reader(*this);
  if (!reader.Scan().ok()) return absl::nullopt;  // perhaps for a moment
  const bool is_settled = reader.version() == seen_;
  seen_ = reader.version();
  if (!is_settled || seen_ == told_) return absl::nullopt;
  told_ = seen_;
  absl::StatusOr<ModelCatalog> catalog = reader.Read();
  if (catalog.ok()) return *std::move(catalog);
  spdlog::error("--models: {}; what was there before stays",
                std::string(catalog.status().message()));
  return absl::nullopt;
}

absl::StatusOr<ModelCatalog> ReadModelCatalog(const std::string& directory,
                                              const ModelDescriber& describe) {
  return ModelTree(directory, describe).Read();
}

}  // namespace peregrine::server
