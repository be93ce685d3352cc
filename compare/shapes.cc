#include "compare/shapes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::compare {

absl::StatusOr<std::vector<Shape>> ParseShapes(
    const std::vector<std::string>& names) {
  const std::vector<Shape>& all = shapes::PaperShapes();
  std::vector<Shape> shapes;
  for (const std::string& name : names) {
    const std::size_t before = shapes.size();
    for (const Shape& shape : all) {
      if (name == shape.name || name == "all" ||
          (name == "ladder" && shape.is_rung)) {
        shapes.push_back(shape);
      }
    }
    if (shapes.size() == before && name != "none") {
      return absl::InvalidArgumentError(absl::StrCat(
          "--shape: found \"", name,
          "\", expected ladder, all, none or one of ",
          absl::StrJoin(all, ", ", [](std::string* out, const Shape& shape) {
            absl::StrAppend(out, shape.name);
          })));
    }
  }
  return shapes;
}

}  // namespace peregrine::compare
