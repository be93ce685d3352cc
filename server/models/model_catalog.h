#ifndef PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_
#define PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  ModelInfo info;      // as far as it is known before it is loaded
  int64_t bytes = 0;   // of its files
  absl::Status sound;  // not OK: why it cannot be described
};

// By name.
using ModelCatalog = std::map<std::string, CatalogModel, std::less<>>;

// The models of a directory tree. A folder that holds a model is one; else its
// folders are looked at, a few levels deep. Of a damaged model the entry, by
// the name of its folder, says why. INVALID_ARGUMENT: two have one name.
// NOT_FOUND: there is none, or no such directory.
absl::StatusOr<ModelCatalog> ReadModelCatalog(const std::string& directory,
                                              const ModelDescriber& describe);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_MODEL_CATALOG_H_
