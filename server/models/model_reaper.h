#ifndef PEREGRINE_SERVER_MODELS_MODEL_REAPER_H_
#define PEREGRINE_SERVER_MODELS_MODEL_REAPER_H_

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/models/served_model.h"

namespace peregrine::server {

// Ends models on a thread of its own. The last one to let go of a model may be
// one of the model's own workers, which cannot wait for itself to end.
// Thread-safe.
class ModelReaper {
 public:
  ModelReaper();

  // Waits until every model that was shared has been let go of and is gone.
  ~ModelReaper();

  // The model ends here, on the reaper's thread, when its last holder lets go.
  ServedModelPtr Share(std::unique_ptr<ServedModel> model);

  // Shared models that are not gone yet, and the bytes of their weights.
  int models() const;
  int64_t bytes() const;

 private:
  void Run();
  // Waits for models that ended. Empty: there will be none any more.
  std::vector<std::unique_ptr<const ServedModel>> AwaitEnded();
  void Take(std::unique_ptr<const ServedModel> model);

  mutable absl::Mutex mutex_;
  int models_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<const ServedModel>> ended_
      ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_MODEL_REAPER_H_
