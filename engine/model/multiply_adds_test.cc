#include "engine/model/multiply_adds.h"

#include "engine/shapes/paper_shapes.h"
#include "gtest/gtest.h"

namespace peregrine::model {
namespace {

ArchitectureConfig Architecture(const std::string& name) {
  return shapes::FindPaperShape(name)->config.architecture;
}

double Millions(std::int64_t count) { return static_cast<double>(count) / 1e6; }

// By hand: a layer has 4 x 512 x 512 for self-attention, as much for
// cross-attention (half of it for each source token), 2 x 512 x 2048 for its
// feed-forward network.
TEST(MultiplyAddsTest, TransformerBase) {
  const MultiplyAdds count = CountMultiplyAdds(Architecture("base-32k"));
  EXPECT_EQ(count.source_token,
            6 * (4 * 512 * 512 + 2 * 512 * 2048) + 6 * 2 * 512 * 512);
  EXPECT_EQ(count.target_token,
            6 * (6 * 512 * 512 + 2 * 512 * 2048) + 512 * 32000);
  EXPECT_NEAR(Millions(count.PerToken(1)), 60.4, 0.1);
  EXPECT_NEAR(Millions(count.PerToken(4)), 175.6, 0.1);
}

TEST(MultiplyAddsTest, MiniDecoder) {
  const MultiplyAdds count = CountMultiplyAdds(Architecture("mdn"));
  EXPECT_NEAR(Millions(count.source_token), 69.3, 0.05);
  EXPECT_NEAR(Millions(count.target_token), 0.87, 0.005);
  EXPECT_NEAR(Millions(count.PerToken(4)), 72.7, 0.05);
}

TEST(MultiplyAddsTest, OtherStates) {
  const std::int64_t output = 64 * (512 + 10000);
  const std::int64_t cross = 2 * 64 * 512;
  EXPECT_EQ(CountMultiplyAdds(Architecture("mdn-ssru")).target_token,
            2 * 512 * 512 + cross + output);
  EXPECT_EQ(CountMultiplyAdds(Architecture("mdn-aan")).target_token,
            2 * 512 * 512 + cross + output);
  const MultiplyAdds can = CountMultiplyAdds(Architecture("mdn-can"));
  EXPECT_EQ(can.target_token,
            512 * (64 + 64 + 2048 + 2048) + 2048 * 512 + output);
  EXPECT_EQ(can.source_token - 22 * (4 * 512 * 512 + 2 * 512 * 2048),
            512 * (64 + 2048));
}

}  // namespace
}  // namespace peregrine::model
