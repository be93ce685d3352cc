#ifndef PEREGRINE_ENGINE_SHAPES_PAPER_SHAPES_H_
#define PEREGRINE_ENGINE_SHAPES_PAPER_SHAPES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/model/config.h"

namespace peregrine::shapes {

// A full-size architecture of "Bag of Tricks for Optimizing Transformer
// Efficiency", to be filled with RandomTensors: what benchmarks compare.
struct PaperShape {
  std::string name;   // "base-10k"
  std::string label;  // "+ 10K vocabulary", relative to the rung before
  bool is_rung;       // of the ladder of tricks, or beside it
  model::ModelConfig config;
};

// The ladder of the paper's tricks, from the baseline to the Mini-Decoder
// Network, each rung followed by what stands beside it.
const std::vector<PaperShape>& PaperShapes();

// Null: there is none of this name.
const PaperShape* FindPaperShape(absl::string_view name);

}  // namespace peregrine::shapes

#endif  // PEREGRINE_ENGINE_SHAPES_PAPER_SHAPES_H_
