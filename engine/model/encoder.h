#ifndef PEREGRINE_ENGINE_MODEL_ENCODER_H_
#define PEREGRINE_ENGINE_MODEL_ENCODER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device_memory.h"
#include "engine/model/model.h"
#include "engine/model/sublayers.h"

namespace peregrine::model {

// The encoder: packed sequences, no padding. Holds the activations of one
// session; not thread-safe. `model` and `kernels` must outlive it.
class Encoder {
 public:
  // Memory for `max_tokens` tokens a call, at least the model's longest source.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(
      const Model& model, kernels::Kernels& kernels, int max_tokens);

  int max_tokens() const { return max_tokens_; }

  // `tokens` are those of all sequences, one after another; `lengths` says how
  // many each has, none 0. Returns [tokens, model_dim], valid until the next
  // call.
  kernels::Matrix Encode(absl::Span<const int32_t> tokens,
                         absl::Span<const int> lengths);

 private:
  // Whole sequences that go through a layer together, of as many tokens as the
  // device likes. Bounds the scratch memory; on a CPU the speed is the same
  // from 64 to 4096 tokens (bench/README.md).
  struct Chunk {
    int first_token = 0;
    int num_tokens = 0;
    int first_offset = 0;  // into offsets_
    int num_sequences = 0;
    int max_length = 0;
  };

  Encoder(const Model& model, kernels::Kernels& kernels, int max_tokens);
  absl::Status Allocate();
  void LayOut(absl::Span<const int> lengths);
  void RunLayer(const EncoderLayerWeights& layer, const Chunk& chunk,
                const int32_t* offsets, kernels::Matrix x);

  const Model& model_;
  kernels::Kernels& kernels_;
  const Sublayers sublayers_;
  const int max_tokens_;
  const int chunk_tokens_;  // but a longer sequence is a chunk of its own
  const int max_chunk_tokens_;

  DeviceMemory memory_;
  kernels::Matrix x_;        // [max_tokens, model_dim]
  kernels::Matrix normed_;   // [max_chunk_tokens, model_dim]
  kernels::Matrix qkv_;      // [max_chunk_tokens, 3 * width]
  kernels::Matrix context_;  // [max_chunk_tokens, width]
  kernels::Matrix inner_;    // [max_chunk_tokens, Sublayers::InnerWidth]
  UploadedInts tokens_;
  UploadedInts positions_;
  UploadedInts offsets_;  // of each chunk, starting at 0
  std::vector<Chunk> chunks_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_ENCODER_H_
