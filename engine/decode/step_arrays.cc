#include "engine/decode/step_arrays.h"

#include "engine/base/check.h"

namespace peregrine::decode {

StepArrays::StepArrays(kernels::Kernels& kernels, int position_offset)
    : kernels_(kernels), position_offset_(position_offset) {}

absl::Status StepArrays::Reserve(int max_rows, model::DeviceMemory& memory,
                                 int more_words) {
  return ints_.Reserve(static_cast<size_t>(kNumArrays + more_words) * max_rows,
                       memory);
}

void StepArrays::Begin(int num_rows) {
  num_rows_ = num_rows;
  added_ = 0;
  ints_.host.assign(static_cast<size_t>(kNumArrays) * num_rows, 0);
}

void StepArrays::Add(const LiveSentence& sentence, int step, int32_t token) {
  PEREGRINE_CHECK(added_ < static_cast<size_t>(num_rows_)) << num_rows_;
  const size_t row = added_++;
  ints_.host[Offset(kTokens) + row] = token;
  ints_.host[Offset(kPositions) + row] = position_offset_ + step;
  ints_.host[Offset(kLengths) + row] = step + 1;
  ints_.host[Offset(kSourceBegins) + row] = sentence.source_begin;
  ints_.host[Offset(kSourceLengths) + row] = sentence.source_length;
}

model::DecoderInput StepArrays::Upload() {
  device_ = ints_.Upload(kernels_);
  model::DecoderInput input;
  input.tokens = device_ + Offset(kTokens);
  input.positions = device_ + Offset(kPositions);
  input.target.num_rows = num_rows_;
  input.target.lengths = device_ + Offset(kLengths);
  input.source = {num_rows_, device_ + Offset(kSourceBegins),
                  device_ + Offset(kSourceLengths)};
  return input;
}

int32_t* StepArrays::lengths() const { return device_ + Offset(kLengths); }

}  // namespace peregrine::decode
