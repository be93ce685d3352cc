#ifndef PEREGRINE_ENGINE_MARKERS_H_
#define PEREGRINE_ENGINE_MARKERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model/config.h"
#include "engine/text/tokenizer.h"

namespace peregrine {

// The pieces that a model was trained to copy, in place of what must survive:
// `markers` of its config.json (docs/model-format.md). Side by side.
struct Markers {
  std::vector<std::string> texts;
  std::vector<int32_t> source_ids;
  std::vector<int32_t> target_ids;

  bool empty() const { return texts.empty(); }
};

// Finds the pieces in both vocabularies. INVALID_ARGUMENT: a text is none, or
// not one that can be told from others wherever it stands in a translation.
absl::StatusOr<Markers> FindMarkers(std::vector<std::string> texts,
                                    const model::ModelConfig& config,
                                    const text::Tokenizer* source,
                                    const text::Tokenizer* target);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_MARKERS_H_
