#ifndef PEREGRINE_ENGINE_DECODE_STEP_ARRAYS_H_
#define PEREGRINE_ENGINE_DECODE_STEP_ARRAYS_H_

#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/decode/live_sentence.h"
#include "engine/kernels/kernels.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"

namespace peregrine::decode {

// What a decode step is told of each row, but for its cells. In one piece of
// memory, so that it comes to the device in one copy; steps of as many rows
// have it in the same place, as Kernels::RunStep demands.
class StepArrays {
 public:
  // `kernels` must outlive it.
  StepArrays(kernels::Kernels& kernels, int position_offset);

  // Of each row, `more_words` can be appended.
  absl::Status Reserve(int max_rows, model::DeviceMemory& memory,
                       int more_words = 0);

  // Begins a step of `num_rows` rows: of padding, until they are added.
  void Begin(int num_rows);
  // The next row: a hypothesis of `sentence` that has `step` tokens.
  void Add(const LiveSentence& sentence, int step, int32_t token);
  // What else a step is told, behind its rows: where it will be.
  template <class T>
  const T* Append(absl::Span<const T> elements) {
    static_assert(sizeof(T) % sizeof(int32_t) == 0, "whole words");
    const size_t begin = ints_.host.size();
    const size_t bytes = elements.size() * sizeof(T);
    ints_.host.resize(begin + bytes / sizeof(int32_t));
    std::memcpy(ints_.host.data() + begin, elements.data(), bytes);
    return reinterpret_cast<const T*>(ints_.device() + begin);
  }
  // All but target.cells.
  model::DecoderInput Upload();

  // Of the step uploaded last, on the device.
  int32_t* tokens() const { return device_; }
  int32_t* lengths() const;

 private:
  enum Array { kTokens, kPositions, kLengths, kSourceBegins, kSourceLengths };
  static constexpr int kNumArrays = 5;

  size_t Offset(Array array) const {
    return static_cast<size_t>(array) * num_rows_;
  }

  kernels::Kernels& kernels_;
  const int position_offset_;
  int num_rows_ = 0;
  size_t added_ = 0;
  model::UploadedInts ints_;  // [kNumArrays, num_rows], and what was appended
  int32_t* device_ = nullptr;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_STEP_ARRAYS_H_
