#include "engine/kernels/precision.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(QuantizeRowTest, LargestMagnitudeIs127AndTiesGoToEven) {
  const std::vector<float> x = {-254.0f, 1.0f, 3.0f, 5.0f, -1.0f, 2.2f, 0.0f};
  std::vector<int8_t> y(x.size());
  EXPECT_EQ(QuantizeRow(x.data(), static_cast<int>(x.size()), y.data()), 2.0f);
  EXPECT_THAT(y, ElementsAre(-127, 0, 2, 2, 0, 1, 0));
}

TEST(QuantizeRowTest, ARowOfZerosHasTheScaleZero) {
  for (float x : {0.0f, 1e-36f}) {
    const std::vector<float> row(5, x);
    std::vector<int8_t> y(5, 1);
    EXPECT_EQ(QuantizeRow(row.data(), 5, y.data()), 0.0f);
    EXPECT_THAT(y, Each(0));
  }
}

}  // namespace
}  // namespace peregrine::kernels
