#ifndef PEREGRINE_SERVER_MODELS_SERVED_MODEL_H_
#define PEREGRINE_SERVER_MODELS_SERVED_MODEL_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/backend/model_backend.h"
#include "server/metrics/metrics.h"
#include "server/options/model_options.h"
#include "server/scheduling/batcher.h"

namespace peregrine::server {

// A model and those who work for it. Requests share it while they are under
// way, so that it can be replaced without failing one.
class ServedModel {
 public:
  // Starts the workers: when this returns the model is warm. `metrics` must be
  // of this model.
  static absl::StatusOr<std::unique_ptr<ServedModel>> Start(
      std::unique_ptr<const ModelBackend> backend, const ModelOptions& options,
      std::shared_ptr<ModelMetrics> metrics);

  const ModelInfo& info() const { return backend_->info(); }
  // Other for models whose translations may differ.
  const std::string& identity() const { return identity_; }
  const ModelBackend& backend() const { return *backend_; }
  const RequestLimits& limits() const { return limits_; }
  ModelMetrics& metrics() const { return *metrics_; }
  std::shared_ptr<ModelMetrics> shared_metrics() const { return metrics_; }
  // When a request last asked for it; at first, when it was made.
  absl::Time last_used() const {
    return absl::FromUnixNanos(last_used_.load(std::memory_order_relaxed));
  }
  void Touch() const {
    last_used_.store(absl::ToUnixNanos(absl::Now()), std::memory_order_relaxed);
  }
  Batcher& batcher() const { return *batcher_; }

 private:
  ServedModel() = default;

  std::unique_ptr<const ModelBackend> backend_;
  std::string identity_;
  RequestLimits limits_;
  std::shared_ptr<ModelMetrics> metrics_;
  mutable std::atomic<int64_t> last_used_{absl::ToUnixNanos(absl::Now())};
  std::unique_ptr<Batcher> batcher_;  // above it goes first
};

using ServedModelPtr = std::shared_ptr<const ServedModel>;

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_SERVED_MODEL_H_
