#ifndef PEREGRINE_CLIENT_COMPARE_SHAPES_H_
#define PEREGRINE_CLIENT_COMPARE_SHAPES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model/config.h"

namespace peregrine::compare {

// A full-size architecture of the paper, to be filled with random weights.
struct Shape {
  std::string name;   // "base-10k"
  std::string label;  // "+ 10K vocabulary", relative to the rung before
  model::ModelConfig config;
};

// The ladder of the paper's tricks, first the baseline and last the
// Mini-Decoder Network; then MDN with other decoder states and depths.
const std::vector<Shape>& Shapes();

// The first rungs of Shapes(), by number.
inline constexpr int kLadderLength = 6;

// Names of shapes, or "ladder", "all" or "none", in the order given.
// INVALID_ARGUMENT names what was given and what exists.
absl::StatusOr<std::vector<Shape>> ParseShapes(
    const std::vector<std::string>& names);

}  // namespace peregrine::compare

#endif  // PEREGRINE_CLIENT_COMPARE_SHAPES_H_
