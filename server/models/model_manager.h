#ifndef PEREGRINE_SERVER_MODELS_MODEL_MANAGER_H_
#define PEREGRINE_SERVER_MODELS_MODEL_MANAGER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/backend/model_backend.h"
#include "server/models/models.h"
#include "server/options/config.h"

namespace peregrine::server {

// Reads a model directory: LoadEngineBackend, or a fake.
using ModelLoader =
    std::function<absl::StatusOr<std::unique_ptr<const ModelBackend>>(
        const ModelSource& source)>;

// Loads, reloads and unloads the models of a ModelSet while it serves. A
// failure leaves all models as they are. One change at a time; thread-safe.
class ModelManager {
 public:
  // All must outlive the manager.
  ModelManager(const Config& config, const ModelLoader& loader,
               ModelSet& models);

  // Before anything is served: all, at full speed.
  absl::Status LoadAll(const std::vector<ModelSource>& sources);

  // Beside what is served, at a low priority.
  absl::StatusOr<ServedModelPtr> Load(const ModelSource& source);

  // An empty directory stands for the one that the model came from.
  absl::StatusOr<ServedModelPtr> Reload(absl::string_view name,
                                        const std::string& directory);

  absl::Status Unload(absl::string_view name);

  // From here on all of these fail with UNAVAILABLE.
  void Drain();

 private:
  using Backend = std::unique_ptr<const ModelBackend>;
  // ModelSet::Add or ModelSet::Replace.
  using Placement = absl::Status (ModelSet::*)(Backend, const ModelOptions&);

  // Draining shows itself within a change, which can take long.
  absl::Status CheckOpen() const;
  absl::StatusOr<Backend> ReadAtLowPriority(const ModelSource& source) const;
  absl::StatusOr<ServedModelPtr> Serve(Backend backend,
                                       const std::string& directory,
                                       Placement place)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);

  const Config& config_;
  const ModelLoader& loader_;
  ModelSet& models_;

  absl::Mutex change_mutex_;
  std::map<std::string, std::string, std::less<>> directories_
      ABSL_GUARDED_BY(change_mutex_);  // by name
  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_MODEL_MANAGER_H_
