#ifndef PEREGRINE_TESTS_FORCED_DECODING_H_
#define PEREGRINE_TESTS_FORCED_DECODING_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/model/model.h"

namespace peregrine {

// The matrix in host memory, row after row.
std::vector<float> ToHost(kernels::Kernels& kernels, kernels::Matrix matrix);

// The logits after each token of `decoder_input` (decoder_start first) for
// `encoder_input` (suffix included): a row of the vocabulary each.
std::vector<std::vector<float>> ForcedLogits(
    const model::Model& model, kernels::Kernels& kernels,
    const std::vector<int32_t>& encoder_input,
    absl::Span<const int32_t> decoder_input);

}  // namespace peregrine

#endif  // PEREGRINE_TESTS_FORCED_DECODING_H_
