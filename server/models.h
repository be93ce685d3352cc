#ifndef PEREGRINE_SERVER_MODELS_H_
#define PEREGRINE_SERVER_MODELS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/batcher.h"
#include "server/metrics.h"
#include "server/model_backend.h"

namespace peregrine::server {

// A model and those who work for it.
struct ServedModel {
  std::unique_ptr<const ModelBackend> backend;
  ModelMetrics* metrics = nullptr;
  std::unique_ptr<Batcher> batcher;  // above it goes first

  const ModelInfo& info() const { return backend->info(); }
};

// The models of one server. Filled at start, then read by all threads.
class ModelSet {
 public:
  // `metrics` must outlive the set.
  explicit ModelSet(Metrics& metrics) : metrics_(metrics) {}
  ~ModelSet();

  // Starts its workers. ALREADY_EXISTS: the name is taken.
  absl::Status Add(std::unique_ptr<const ModelBackend> backend,
                   const BatcherOptions& options);

  // The empty name stands for the only model. NOT_FOUND and, for an empty name
  // among several models, INVALID_ARGUMENT name those that there are. `field`
  // is where the name stands in the request.
  absl::StatusOr<ServedModel*> Find(absl::string_view name,
                                    absl::string_view field) const;

  // By name.
  const std::vector<std::unique_ptr<ServedModel>>& all() const {
    return models_;
  }

  // From here on nothing new is admitted.
  void Drain();

 private:
  std::vector<std::string> Names() const;

  Metrics& metrics_;
  std::vector<std::unique_ptr<ServedModel>> models_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_H_
