#include "tests/forced_decoding.h"

#include <memory>
#include <numeric>

#include "engine/base/check.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"
#include "engine/model/encoder.h"

namespace peregrine {

std::vector<float> ToHost(kernels::Kernels& kernels, kernels::Matrix matrix) {
  std::vector<float> host(static_cast<size_t>(matrix.rows) * matrix.cols);
  kernels.CopyToHost(matrix.data, host.size() * sizeof(float), host.data());
  return host;
}

std::vector<std::vector<float>> ForcedLogits(
    const model::Model& model, kernels::Kernels& kernels,
    const std::vector<int32_t>& encoder_input,
    absl::Span<const int32_t> decoder_input) {
  const int length = static_cast<int>(encoder_input.size());
  const int steps = static_cast<int>(decoder_input.size());
  auto encoder = *model::Encoder::Create(model, kernels, length);
  auto decoder = *model::Decoder::Create(model, kernels, {1, steps, length});
  model::DeviceMemory memory(kernels);
  kernels::Matrix logits;
  PEREGRINE_CHECK(
      memory
          .NewMatrix(1, model.config().architecture.target_vocab_size, &logits)
          .ok());
  model::UploadedInts source_cells, cells, token, position, count, begin, span;
  PEREGRINE_CHECK(source_cells.Reserve(length, memory).ok());
  PEREGRINE_CHECK(cells.Reserve(steps, memory).ok());
  for (model::UploadedInts* one : {&token, &position, &count, &begin, &span}) {
    PEREGRINE_CHECK(one->Reserve(1, memory).ok());
  }
  source_cells.host.resize(length);
  std::iota(source_cells.host.begin(), source_cells.host.end(), 0);
  decoder->StoreSource(encoder->Encode(encoder_input, {length}),
                       source_cells.Upload(kernels));

  begin.host = {0};
  span.host = {length};
  std::vector<std::vector<float>> rows;
  for (int step = 0; step < steps; ++step) {
    token.host = {decoder_input[step]};
    position.host = {model.config().architecture.position_offset + step};
    count.host = {step + 1};
    cells.host.push_back(step);
    model::DecoderInput input;
    input.tokens = token.Upload(kernels);
    input.positions = position.Upload(kernels);
    input.target = {1, count.Upload(kernels), cells.Upload(kernels), step + 1};
    input.source = {1, begin.Upload(kernels), span.Upload(kernels)};
    kernels.Linear(*model.weights().output, decoder->Step(input),
                   kernels::Activation::kNone, logits);
    rows.push_back(ToHost(kernels, logits));
  }
  return rows;
}

}  // namespace peregrine
