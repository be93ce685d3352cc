#include "compare/shapes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Names(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  const auto shapes = ParseShapes(names);
  for (const Shape& shape : *shapes) found.push_back(shape.name);
  return found;
}

TEST(ShapesTest, TheLadderClimbsFromBaseToMdn) {
  EXPECT_THAT(Names({"ladder"}),
              ElementsAre("base-32k", "base-10k", "deep-22-1", "single-head",
                          "no-ffn", "mdn"));
  EXPECT_THAT(Names({"mdn-can", "none", "base-10k"}),
              ElementsAre("mdn-can", "base-10k"));
  EXPECT_EQ(Names({"all"}).size(), shapes::PaperShapes().size());
}

TEST(ShapesTest, MdnIsThePapers) {
  EXPECT_EQ(model::DescribeArchitecture(
                shapes::FindPaperShape("mdn")->config.architecture),
            "pre-norm, encoder 22 x 512 (8 heads of 64, ffn 2048), decoder 1 x "
            "512 (1 head of 64, no ffn), output rank 64");
}

TEST(ShapesTest, UnknownNames) {
  const auto shapes = ParseShapes({"mdn", "huge"});
  EXPECT_EQ(shapes.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shapes.status().message()),
              HasSubstr("--shape: found \"huge\", expected ladder, all, none "
                        "or one of base-32k, "));
}

}  // namespace
}  // namespace peregrine::compare
