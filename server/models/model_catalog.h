#ifndef PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_
#define PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/backend/model_backend.h"
#include "server/options/model_options.h"

namespace peregrine::server {

// What a model directory says of itself, without its weights: name and
// languages are set. NOT_FOUND: it holds no model.
using ModelDescriber =
    std::function<absl::StatusOr<ModelInfo>(const ModelSource& source)>;

// A model that can be loaded.
struct CatalogModel {
  std::string directory;
  ModelInfo info;       // as far as it is known before it is loaded
  int64_t bytes = 0;    // of its files
  absl::Status sound;   // not OK: why it cannot be described
  std::string version;  // another one where any of its files is another
};

// By name.
using ModelCatalog = std::map<std::string, CatalogModel, std::less<>>;

// The models of a directory tree. A folder that holds a model is one; else its
// folders are looked at, a few levels deep. Of a damaged model the entry, by
// the name of its folder, says why. INVALID_ARGUMENT: two have one name.
// NOT_FOUND: there is none, or no such directory.
absl::StatusOr<ModelCatalog> ReadModelCatalog(const std::string& directory,
                                              const ModelDescriber& describe);

// The same tree again and again, for models that come, change and go. Not
// thread-safe.
class ModelTree {
 public:
  ModelTree(std::string directory, ModelDescriber describe)
      : directory_(std::move(directory)), describe_(std::move(describe)) {}

  // As ReadModelCatalog.
  absl::StatusOr<ModelCatalog> Read();

  // What the tree holds now, if it is not what was told last. A change is told
  // once two looks have found it the same: files that are being copied are not
  // finished. A tree that is wrong is logged once, and not told. It may be
  // empty. Call it every second or so; only what changed is described anew.
  absl::optional<ModelCatalog> Look();

 private:
  friend class TreeReader;
  struct Known {
    std::string version;
    absl::StatusOr<ModelInfo> info;
    int64_t bytes = 0;
  };

  const std::string directory_;
  const ModelDescriber describe_;
  std::map<std::string, Known> known_;  // by directory
  std::string seen_;                    // versions of all by the last look
  std::string told_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_
