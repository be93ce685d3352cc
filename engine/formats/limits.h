#ifndef PEREGRINE_ENGINE_FORMATS_LIMITS_H_
#define PEREGRINE_ENGINE_FORMATS_LIMITS_H_

#include <cstddef>
#include <cstdint>

// What a checkpoint of any format may ask for. No model is larger: a file that
// asks for more is damaged.
namespace peregrine::formats {

constexpr int kMaxDim = 1 << 16;
constexpr int kMaxVocab = 1 << 22;
constexpr int kMaxLayers = 1024;
constexpr int kMaxPositions = 1 << 16;
// A table of positions, computed or learned.
constexpr int64_t kMaxPositionElements = int64_t{1} << 28;
constexpr size_t kMaxConfigBytes = 1 << 20;

// Of what a file holds, in a message.
constexpr size_t kMaxShownBytes = 80;

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_LIMITS_H_
