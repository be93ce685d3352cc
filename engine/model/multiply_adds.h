#ifndef PEREGRINE_ENGINE_MODEL_MULTIPLY_ADDS_H_
#define PEREGRINE_ENGINE_MODEL_MULTIPLY_ADDS_H_

#include <cstdint>

#include "engine/model/config.h"

namespace peregrine::model {

// Multiply-adds of the matrix products, which are nearly all the work; the
// scores of attention are left out, since they grow with the length.
struct MultiplyAdds {
  // For each source token: the encoder, and what the decoder keeps of it.
  std::int64_t source_token = 0;
  // For each target token of each hypothesis: one step of the decoder.
  std::int64_t target_token = 0;

  // For each token of a translation as long as its source.
  std::int64_t PerToken(int beam_size) const {
    return source_token + beam_size * target_token;
  }
};

MultiplyAdds CountMultiplyAdds(const ArchitectureConfig& architecture);

// The part of `target_token` that is the output projection.
std::int64_t OutputMultiplyAdds(const ArchitectureConfig& architecture);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_MULTIPLY_ADDS_H_
