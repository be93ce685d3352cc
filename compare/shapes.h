#ifndef PEREGRINE_COMPARE_SHAPES_H_
#define PEREGRINE_COMPARE_SHAPES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/shapes/paper_shapes.h"

namespace peregrine::compare {

using Shape = shapes::PaperShape;

// Names of shapes, or "ladder", "all" or "none", in the order given.
// INVALID_ARGUMENT names what was given and what exists.
absl::StatusOr<std::vector<Shape>> ParseShapes(
    const std::vector<std::string>& names);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_SHAPES_H_
