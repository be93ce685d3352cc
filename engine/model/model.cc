#include "engine/model/model.h"

#include <utility>

#include "absl/memory/memory.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {

absl::StatusOr<std::unique_ptr<const Model>> Model::Load(
    const ModelConfig& config, TensorSource& tensors, kernels::Kernels& kernels,
    kernels::Precision precision, std::unique_ptr<const Shortlist> shortlist) {
  PEREGRINE_ASSIGN_OR_RETURN(
      Weights weights,
      LoadWeights(config.architecture, tensors, kernels, precision,
                  /*selects=*/shortlist != nullptr));
  return absl::WrapUnique<const Model>(
      new Model(config, std::move(weights), std::move(shortlist)));
}

int Model::max_source_length() const {
  return config_.architecture.max_positions -
         config_.architecture.position_offset;
}

int Model::max_target_length() const { return max_source_length() - 1; }

}  // namespace peregrine::model
