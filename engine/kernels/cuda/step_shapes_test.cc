#include "engine/kernels/cuda/step_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace peregrine::kernels {
namespace {

TEST(StepShapesTest, BucketsHoldTheirSteps) {
  for (int rows = 1; rows <= 3000; ++rows) {
    const int padded = StepBucket({rows, 1}).rows;
    ASSERT_GE(padded, rows);
    ASSERT_LE(padded, rows + rows / 2) << rows;
    ASSERT_EQ(StepBucket({padded, 1}).rows, padded) << "a bucket is its own";
  }
  for (int cells = 1; cells <= 3000; ++cells) {
    const int padded = StepBucket({1, cells}).cells_stride;
    ASSERT_GE(padded, cells);
    ASSERT_LE(padded, std::max(32, 2 * cells));
  }
}

TEST(StepShapesTest, ThereAreFew) {
  std::set<int> rows;
  std::set<int> cells;
  for (int n = 1; n <= 512; ++n) {
    rows.insert(StepBucket({n, 1}).rows);
    cells.insert(StepBucket({1, n}).cells_stride);
  }
  EXPECT_EQ(rows, (std::set<int>{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96,
                                 128, 192, 256, 384, 512}));
  EXPECT_EQ(cells, (std::set<int>{32, 64, 128, 256, 512}));
}

}  // namespace
}  // namespace peregrine::kernels
