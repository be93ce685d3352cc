#ifndef PEREGRINE_ENGINE_TEXT_SEGMENTER_H_
#define PEREGRINE_ENGINE_TEXT_SEGMENTER_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace peregrine::text {

// A stretch of normalised text, from the end of the one before to `end`.
struct Segment {
  std::int32_t id;  // kUnknownSegment: not in the vocabulary
  std::int32_t end;
};
inline constexpr std::int32_t kUnknownSegment = -1;

// Cuts normalised text, which must be valid UTF-8, into pieces of a vocabulary
// and unknown characters. Immutable and thread-safe.
class Segmenter {
 public:
  virtual ~Segmenter() = default;
  virtual std::vector<Segment> Split(absl::string_view normalized) const = 0;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SEGMENTER_H_
