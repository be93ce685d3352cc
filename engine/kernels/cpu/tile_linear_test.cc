// TileLinear on a unit of tiles that is written out in C++, so that it runs on
// every machine. What AMX makes of it, the parity tests tell where there is
// AMX.

#include "engine/kernels/cpu/vector/tile_linear.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/linear_weight.h"
#include "engine/kernels/cpu/vector/generic.h"
#include "engine/kernels/cpu/vector/linear.h"
#include "engine/kernels/kernels.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

// Of odd dimensions, and strict about what it is asked for.
class SmallSquare {
 public:
  static constexpr int kRows = 5;
  static constexpr int kColumns = 8;
  static constexpr int kSteps = 3;

  static void Configure(int rows) {
    ASSERT_GE(rows, 1);
    ASSERT_LE(rows, kRows);
    configured_rows = rows;
  }
  static void Release() { configured_rows = 0; }

  static void Start(int rows, const int32_t* first_sums) {
    ASSERT_EQ(rows, configured_rows);
    ASSERT_EQ(first_sums, nullptr);
    std::memset(sums, 0, sizeof(sums));
  }

  // Pairs of bfloat16, as WidenedBFloat16Product has them: the same sums.
  static void Step(int rows, const char* inputs, size_t stride,
                   const uint32_t* lanes) {
    ASSERT_EQ(rows, configured_rows);
    for (int r = 0; r < rows; ++r) {
      const float* x = reinterpret_cast<const float*>(inputs + r * stride);
      for (int step = 0; step < kSteps; ++step) {
        for (int c = 0; c < kColumns; ++c) {
          const uint32_t pair = lanes[step * kColumns + c];
          sums[r][c] = x[2 * step] * ToFloat(pair << 16) + sums[r][c];
          sums[r][c] =
              x[2 * step + 1] * ToFloat(pair & 0xffff0000u) + sums[r][c];
        }
      }
    }
  }

  static void Store(int rows, uint32_t* to) {
    ASSERT_EQ(rows, configured_rows);
    std::memcpy(to, sums, rows * sizeof(sums[0]));
  }

  static bool IsReleased() { return configured_rows == 0; }

 private:
  static float ToFloat(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

  inline static int configured_rows = 0;
  inline static float sums[kRows][kColumns];
};

struct SmallSquareProduct : WidenedBFloat16Product<Generic> {
  static constexpr int kVectors = SmallSquare::kColumns / Generic::kWidth;
  using Square = SmallSquare;
};

struct Case {
  int rows, in_dim, out_dim;
  Activation activation = Activation::kNone;
  bool add_to_y = false;
};

// What `ops` make of the case's random numbers.
std::vector<float> Run(const LinearOps& ops, const Case& product) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  const auto draw = [&](size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = uniform(random);
    return values;
  };
  const auto [rows, in_dim, out_dim, activation, add_to_y] = product;
  const std::vector<float> weight = draw(size_t(out_dim) * in_dim);
  const std::vector<float> bias = draw(out_dim);
  std::vector<float> x = draw(size_t(rows) * in_dim);
  std::vector<float> y = draw(size_t(rows) * out_dim);
  HostArena arena;
  const auto packed =
      CpuLinearWeight::Pack(
          Isa::kGeneric, ops,
          {weight, bias, out_dim, in_dim, Precision::kBFloat16}, arena)
          .value();
  // What was there before must not matter, were it no number.
  std::vector<float> scratch(packed->ScratchFloats(rows) + kLineFloats,
                             std::numeric_limits<float>::quiet_NaN());
  PackedLinear linear =
      packed->Prepare({x.data(), rows, in_dim}, scratch.data(),
                      [&](absl::FunctionRef<void(int row)> pack) {
                        for (int row = 0; row < rows; ++row) pack(row);
                      });
  linear.activation = activation;
  linear.add_to_y = add_to_y;
  linear.y = y.data();
  linear.y_stride = out_dim;
  ops.run(linear);
  return y;
}

void ExpectSameBits(const Case& product) {
  SCOPED_TRACE(testing::Message() << product.rows << " x " << product.in_dim
                                  << " -> " << product.out_dim);
  static constexpr LinearOps kTiles = TileLinear<SmallSquareProduct>::Ops();
  static constexpr LinearOps kVectors =
      PanelLinear<WidenedBFloat16Product<Generic>>::Ops();
  EXPECT_EQ(Run(kTiles, product), Run(kVectors, product));
  EXPECT_TRUE(SmallSquare::IsReleased());
}

TEST(TileLinearTest, AnyNumberOfRows) {
  for (int rows = 0; rows <= 33; ++rows) ExpectSameBits({rows, 24, 20});
}

TEST(TileLinearTest, AnyShape) {
  for (int in_dim : {1, 2, 5, 6, 7, 12, 13, 100}) {
    for (int out_dim : {1, 7, 8, 9, 16, 31}) {
      ExpectSameBits({7, in_dim, out_dim});
    }
  }
}

TEST(TileLinearTest, WhatHappensToTheResults) {
  for (int out_dim : {16, 19}) {
    ExpectSameBits({9, 30, out_dim, Activation::kNone, /*add_to_y=*/true});
    for (Activation activation : {Activation::kRelu, Activation::kGelu,
                                  Activation::kSwish, Activation::kGeluTanh}) {
      ExpectSameBits({9, 30, out_dim, activation});
    }
  }
}

}  // namespace
}  // namespace peregrine::kernels
