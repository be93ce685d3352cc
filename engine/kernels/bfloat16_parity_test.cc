// Every class of floats in the 16-bit caches of every device: rounded to the
// nearest bfloat16, ties to even, and a NaN stays a NaN.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/base/float16.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

constexpr int kWidth = 512;

float FromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

// Each upper half (zeros, denormal and normal numbers, infinities, NaN, of
// both signs) with the lower halves at which rounding changes its mind.
std::vector<float> AllClasses() {
  std::vector<float> values;
  for (uint32_t high = 0; high < 1 << 16; ++high) {
    for (uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      values.push_back(FromBits(high << 16 | low));
    }
  }
  return values;
}

// A number of bfloat16 by its magnitude's rank. The one after the largest is
// 2^128, which stands for infinity.
double Magnitude(uint32_t rank) {
  return rank == 0x7f80 ? std::ldexp(1.0, 128) : double{FromBits(rank << 16)};
}

// Of no other number is `x` nearer, and of two as near it is the even one.
bool IsNearest(float x, uint16_t rounded) {
  const uint32_t rank = rounded & 0x7fff;
  if (std::isnan(x)) return rank > 0x7f80;
  if (std::signbit(x) != (rounded >> 15 != 0) || rank > 0x7f80) return false;
  if (std::isinf(x)) return rank == 0x7f80;
  const double magnitude = std::abs(double{x});
  const double error = std::abs(magnitude - Magnitude(rank));
  const auto is_no_nearer = [&](uint32_t other) {
    const double other_error = std::abs(magnitude - Magnitude(other));
    return error < other_error || (error == other_error && rank % 2 == 0);
  };
  return (rank == 0 || is_no_nearer(rank - 1)) &&
         (rank == 0x7f80 || is_no_nearer(rank + 1));
}

TEST(ToBFloat16Test, RoundsEveryClassOfFloats) {
  for (float x : AllClasses()) {
    ASSERT_TRUE(IsNearest(x, ToBFloat16(x))) << x << " to " << ToBFloat16(x);
  }
}

TEST(ToFloat16Test, ANanStaysOne) {
  for (uint32_t nan : {0x7fffffffu, 0xffffffffu, 0x7f800001u, 0x7fc00000u}) {
    EXPECT_GT(ToFloat16(FromBits(nan)) & 0x7fff, 0x7c00) << nan;
  }
  EXPECT_EQ(ToFloat16(FromBits(0xff800000)), 0xfbff) << "-65504";
}

using BFloat16ParityTest = KernelsTest;
INSTANTIATE_TEST_SUITE_P(Devices, BFloat16ParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);

TEST_P(BFloat16ParityTest, CachesKeepEveryClassOfFloats) {
  std::vector<float> values = AllClasses();
  const int rows = static_cast<int>(values.size()) / (2 * kWidth);
  ASSERT_EQ(values.size(), size_t(rows) * 2 * kWidth);
  std::vector<int32_t> cells(rows);
  std::iota(cells.begin(), cells.end(), 0);
  DeviceMemory memory(*device_);
  uint16_t* const stored =
      memory.Put(std::vector<uint16_t>(values.size(), 0xabcd));
  KvCells cache;
  cache.keys = {nullptr, rows, kWidth, 2 * kWidth};
  cache.values = cache.keys;
  cache.bfloat16_keys = stored;
  cache.bfloat16_values = stored + kWidth;
  device_->StoreKeysValues(memory.Put(cells),
                           {memory.Put(values), rows, 2 * kWidth}, cache);
  const std::vector<uint16_t> rounded = memory.Get(stored, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(IsNearest(values[i], rounded[i]))
        << values[i] << " to " << rounded[i];
  }
}

}  // namespace
}  // namespace peregrine::kernels
