#ifndef PEREGRINE_ENGINE_MODEL_DECODER_H_
#define PEREGRINE_ENGINE_MODEL_DECODER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device_memory.h"
#include "engine/model/model.h"
#include "engine/model/stage_profile.h"
#include "engine/model/sublayers.h"

namespace peregrine::model {

struct DecoderLimits {
  int max_rows = 0;      // hypotheses a step
  int target_cells = 0;  // target positions kept, all hypotheses
  int source_cells = 0;  // source positions kept, all sentences
};

// One decode step: row r continues one hypothesis. All arrays on the device.
struct DecoderInput {
  const int32_t* tokens = nullptr;     // [rows]: the last token of each
  const int32_t* positions = nullptr;  // [rows]: its row of the position table
  kernels::StepRows target;            // the cells of its positions
  kernels::SourceSpans source;
};

// The decoder: the caches and activations of one session. Which cell belongs to
// whom is the session's business: a DecoderState that carries a vector from
// position to position keeps one a cell, too, so that hypotheses share what
// their ancestors left and none is copied. Not thread-safe. `model` and
// `kernels` must outlive it.
class Decoder {
 public:
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(
      const Model& model, kernels::Kernels& kernels,
      const DecoderLimits& limits);

  // Where Step leaves its times, or null.
  void set_profile(StageProfile* profile) { profile_ = profile; }

  // Puts the keys and values of every decoder layer for `encoded`
  // [tokens, encoder model_dim] into the source cells `cells` (device,
  // [tokens]).
  void StoreSource(kernels::Matrix encoded, const int32_t* cells);

  // Runs one step and returns Output(rows).
  kernels::Matrix Step(const DecoderInput& input);

  // Has the next steps copy the cross-attention queries of a layer to the host,
  // [rows, key width] in `queries`; null: no more. What copies must not be
  // repeated by Kernels::RunStep.
  void set_queries_tap(int layer, std::vector<float>* queries) {
    tapped_layer_ = layer;
    tapped_queries_ = queries;
  }

  // The keys of a layer for `length` source cells from `begin` on, in float32,
  // [length, key width].
  std::vector<float> SourceKeys(int layer, int begin, int length) const;

  // The input of the output projection that the last step left in its first
  // `rows` rows, [rows, model_dim or output_rank]. Valid until the next one.
  kernels::Matrix Output(int rows) const;

 private:
  Decoder(const Model& model, kernels::Kernels& kernels,
          const DecoderLimits& limits);
  absl::Status Allocate();
  absl::Status AllocateState();
  const kernels::LinearWeight& SourceKeyValue(int layer) const;
  void RunLayer(int layer, const DecoderInput& input, kernels::Matrix x);
  void UpdateState(int layer, const kernels::StepRows& rows, kernels::Matrix x);
  void SelfAttention(int layer, const kernels::StepRows& rows,
                     kernels::Matrix x);
  void AverageAttention(int layer, const kernels::StepRows& rows,
                        kernels::Matrix x);
  void Ssru(int layer, const kernels::StepRows& rows, kernels::Matrix x);
  void CompressedAttention(int layer, const DecoderInput& input,
                           kernels::Matrix x);
  void EndStack(kernels::Matrix x);
  void TapQueries(int layer, kernels::Matrix queries);
  void AttendToSource(int layer, const kernels::SourceSpans& spans,
                      kernels::Matrix x);

  const Model& model_;
  kernels::Kernels& kernels_;
  const Sublayers sublayers_;
  const DecoderLimits limits_;
  StageProfile* profile_ = nullptr;
  int tapped_layer_ = -1;
  std::vector<float>* tapped_queries_ = nullptr;

  // What the DecoderState does not need stays without memory. A row of
  // `projected_` is what the first matrix of the state makes of its input:
  // [query | key | value], [input | forget] or [query | key | value | inner].
  DeviceMemory memory_;
  std::vector<kernels::KvCells> target_cache_;  // one a layer
  std::vector<kernels::KvCells> source_cache_;  // one a layer
  std::vector<kernels::Matrix> states_;         // one a layer: [cells, D]
  kernels::Matrix x_;                           // [max_rows, model_dim]
  kernels::Matrix normed_;                      // [max_rows, model_dim]
  kernels::Matrix projected_;                   // [max_rows, see above]
  kernels::Matrix mean_;                        // [max_rows, model_dim]
  kernels::Matrix mean_inner_;                  // [max_rows, aan_ffn_dim]
  kernels::Matrix mean_outer_;                  // [max_rows, model_dim]
  kernels::Matrix input_gate_;                  // [max_rows, model_dim]
  kernels::Matrix forget_gate_;                 // [max_rows, model_dim]
  kernels::Matrix query_;                       // [max_rows, width]
  kernels::Matrix context_;                     // [max_rows, value width]
  kernels::Matrix inner_;      // [max_rows, Sublayers::InnerWidth]
  kernels::Matrix factor_;     // [max_rows, output_rank]
  kernels::Matrix source_kv_;  // [tokens at once, key width + value width]
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_DECODER_H_
