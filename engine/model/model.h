#ifndef PEREGRINE_ENGINE_MODEL_MODEL_H_
#define PEREGRINE_ENGINE_MODEL_MODEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"
#include "engine/model/shortlist.h"
#include "engine/model/tensor_source.h"
#include "engine/model/weights.h"

namespace peregrine::model {

// A configuration and its weights on one device. Immutable; shared by all
// sessions on that device. The computation itself is in encoder.h, decoder.h.
class Model {
 public:
  // Errors name the tensor, what was found and what was expected. `kernels` is
  // used during the call only. `shortlist` is that of the model, or null.
  static absl::StatusOr<std::unique_ptr<const Model>> Load(
      const ModelConfig& config, TensorSource& tensors,
      kernels::Kernels& kernels,
      kernels::Precision precision = kernels::Precision::kFloat32,
      std::unique_ptr<const Shortlist> shortlist = nullptr);

  const ModelConfig& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const Shortlist* shortlist() const { return shortlist_.get(); }  // or null

  // The decoder layer whose cross-attention aligns, see AlignmentConfig.
  int alignment_layer() const {
    const int layer = config_.alignment.layer;
    return layer >= 0 ? layer : config_.architecture.decoder.num_layers - 1;
  }

  // Longest source (with its suffix) and longest target (without eos) that the
  // positions allow.
  int max_source_length() const;
  int max_target_length() const;

 private:
  Model(const ModelConfig& config, Weights weights,
        std::unique_ptr<const Shortlist> shortlist)
      : config_(config),
        weights_(std::move(weights)),
        shortlist_(std::move(shortlist)) {}

  const ModelConfig config_;
  const Weights weights_;
  const std::unique_ptr<const Shortlist> shortlist_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_MODEL_H_
