// Products by cuBLASLt beside those by own kernels, which linear_parity_test
// compares with the reference; and what becomes of a library that does not keep
// what a row of any company is promised. On an emulated GPU.

#include "engine/kernels/cuda/library_products.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "engine/kernels/cuda/emulation/emulated_kernels.h"
#include "engine/kernels/parity_fixture.h"

namespace peregrine::kernels {
namespace {

constexpr int kDim = 64;

struct Multiplied {
  Array y;
  int64_t products = 0;  // by the library, without those that try it
};

Multiplied Multiply(Kernels& kernels, Precision precision, int rows,
                    LinearRows of = LinearRows::kSourceTokens,
                    int out_dim = kDim) {
  DeviceMemory memory(kernels);
  std::vector<float> weight(static_cast<size_t>(out_dim) * kDim);
  for (size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<float>(i * 7919 % 1009) / 1009.0f - 0.5f;
  }
  const auto packed =
      kernels.PackLinear({weight, {}, out_dim, kDim, precision, of}).value();
  Array x(rows, kDim);
  for (size_t i = 0; i < x.data.size(); ++i) {
    x.data[i] = static_cast<float>(i * 104729 % 997) / 997.0f - 0.5f;
  }
  const Matrix y = memory.Put(Array(rows, out_dim));
  const int64_t before = CountEmulated().products;
  kernels.Linear(*packed, memory.Put(x), Activation::kNone, y);
  Multiplied result = {memory.Get(y)};
  result.products = CountEmulated().products - before;
  return result;
}

// y = x W^T + b in every way that a model asks for it.
struct Layer {
  int rows = 0;
  int in_dim = 0;
  int out_dim = 0;
  bool has_bias = false;
  Activation activation = Activation::kNone;
  bool adds = false;

  LinearUse use() const {
    if (adds) return LinearUse::kAdd;
    return activation == Activation::kRelu ? LinearUse::kRelu
                                           : LinearUse::kPlain;
  }
};

Array RandomArray(int rows, int cols, float magnitude, std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-magnitude, magnitude);
  Array array(rows, cols);
  for (float& x : array.data) x = uniform(random);
  return array;
}

Array Run(Kernels& kernels, const Layer& layer, Precision precision,
          std::mt19937 random) {
  DeviceMemory memory(kernels);
  const Array weight = RandomArray(layer.out_dim, layer.in_dim, 1.0f, random);
  const Array bias = RandomArray(1, layer.out_dim, 1.0f, random);
  const auto packed =
      kernels
          .PackLinear({weight.data,
                       layer.has_bias ? absl::MakeConstSpan(bias.data)
                                      : absl::Span<const float>(),
                       layer.out_dim, layer.in_dim, precision,
                       LinearRows::kHypotheses, layer.use()})
          .value();
  const Matrix x =
      memory.Put(RandomArray(layer.rows, layer.in_dim, 1.0f, random));
  const Matrix y =
      memory.Put(RandomArray(layer.rows, layer.out_dim, 1.0f, random));
  if (layer.adds) {
    kernels.LinearAdd(*packed, x, y);
  } else {
    kernels.Linear(*packed, x, layer.activation, y);
  }
  return memory.Get(y);
}

// Both round inputs and weights alike, and sum in another order; of int8 the
// sums are exact.
void ExpectLikeOwnKernels(const Layer& layer, Precision precision) {
  GpuTuning tuning;
  tuning.eight_bits = true;
  auto own =
      MakeEmulatedKernels(0, EmulatedLibrary::kAbsent, 0, tuning).value();
  auto library =
      MakeEmulatedKernels(0, EmulatedLibrary::kForAll, 0, tuning).value();
  const std::mt19937 random(layer.rows + layer.in_dim);
  const Array expected = Run(*own, layer, precision, random);
  const int64_t before = CountEmulated().products;
  const Array found = Run(*library, layer, precision, random);
  EXPECT_GT(CountEmulated().products, before);
  const double tolerance =
      precision == Precision::kInt8 ? 0.0 : 32 * kEpsilon * (layer.in_dim + 2);
  ExpectNear(found, expected, [&](int, int) { return tolerance; });
}

class LibraryProductsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto kernels = MakeEmulatedKernels();
    if (!kernels.ok()) GTEST_SKIP() << kernels.status();
  }
};

TEST_F(LibraryProductsTest, MultipliesAsOwnKernelsDo) {
  for (Precision precision : {Precision::kFloat16, Precision::kBFloat16}) {
    for (Activation activation :
         {Activation::kNone, Activation::kRelu, Activation::kGelu,
          Activation::kSwish, Activation::kGeluTanh}) {
      for (bool has_bias : {true, false}) {
        SCOPED_TRACE(testing::Message()
                     << PrecisionName(precision) << ", activation "
                     << static_cast<int>(activation) << ", bias " << has_bias);
        ExpectLikeOwnKernels({7, 33, 17, has_bias, activation}, precision);
      }
    }
    for (const Layer& layer :
         {Layer{1, 64, 8, true, {}, true}, Layer{11, 65, 3, false, {}, true},
          Layer{5, 10, 130, true}, Layer{2, 1, 1, true},
          Layer{0, 16, 16, true}}) {
      SCOPED_TRACE(testing::Message() << layer.rows << " x " << layer.in_dim
                                      << " -> " << layer.out_dim);
      ExpectLikeOwnKernels(layer, precision);
    }
  }
}

// What the library finds is their sums, whatever the layer does with them. Its
// outputs are multiples of 4 or 16; others are for own kernels.
TEST_F(LibraryProductsTest, MultipliesIn8BitsAsOwnKernelsDo) {
  for (Precision precision : {Precision::kInt8, Precision::kFloat8}) {
    for (const Layer& layer :
         {Layer{7, 33, 16, true, Activation::kRelu},
          Layer{7, 33, 48, false, Activation::kGelu},
          Layer{11, 65, 32, true, {}, true}, Layer{1, 64, 16, false, {}, true},
          Layer{3, 130, 64, true}}) {
      SCOPED_TRACE(testing::Message()
                   << PrecisionName(precision) << ", " << layer.rows << " x "
                   << layer.in_dim << " -> " << layer.out_dim);
      ExpectLikeOwnKernels(layer, precision);
    }
  }
}

// Which of its algorithms it takes: of float8 one that keeps rows.
TEST_F(LibraryProductsTest, In8BitsARowHasTheSameBitsInAnyNumber) {
  GpuTuning tuning;
  tuning.eight_bits = true;
  auto kernels =
      MakeEmulatedKernels(0, EmulatedLibrary::kForAll, 0, tuning).value();
  for (Precision precision : {Precision::kInt8, Precision::kFloat8}) {
    const Array all = Multiply(*kernels, precision, 5).y;
    for (int rows = 1; rows < 5; ++rows) {
      const Multiplied some = Multiply(*kernels, precision, rows);
      EXPECT_EQ(some.products, 1);
      std::vector<int> first(rows);
      std::iota(first.begin(), first.end(), 0);
      ExpectSameBits(some.y, all.Select(first));
    }
  }
}

TEST_F(LibraryProductsTest, MoreRowsThanWereTriedAreMultipliedInPieces) {
  auto kernels = MakeEmulatedKernels(0, EmulatedLibrary::kForAll).value();
  EXPECT_EQ(Multiply(*kernels, Precision::kFloat16, 5).products, 1);
  EXPECT_EQ(Multiply(*kernels, Precision::kFloat16, 6).products, 2);
  EXPECT_EQ(Multiply(*kernels, Precision::kBFloat16, 13).products, 3);
}

// Each trial takes its time when a model is loaded.
TEST_F(LibraryProductsTest, AWeightIsTriedForTheOneUseThatItHas) {
  auto kernels = MakeEmulatedKernels(0, EmulatedLibrary::kForAll).value();
  DeviceMemory memory(*kernels);
  const std::vector<float> data(kDim * kDim, 0.5f);
  const auto pack = [&](LinearUse use) {
    const int64_t before = CountEmulated().products;
    auto weight = kernels->PackLinear({data,
                                       {},
                                       kDim,
                                       kDim,
                                       Precision::kFloat16,
                                       LinearRows::kSourceTokens,
                                       use});
    const int64_t tried = CountEmulated().products - before;
    return std::make_pair(*std::move(weight), tried);
  };
  const auto [plain, tried_plain] = pack(LinearUse::kPlain);
  EXPECT_GT(tried_plain, 0);
  EXPECT_EQ(pack(LinearUse::kPlain).second, 0) << "of a shape once";
  EXPECT_EQ(pack(LinearUse::kAdd).second, tried_plain);

  const Matrix x = memory.Put(Array(3, kDim));
  const Matrix y = memory.Put(Array(3, kDim));
  const int64_t before = CountEmulated().products;
  kernels->LinearAdd(*plain, x, y);
  kernels->Synchronize();
  EXPECT_EQ(CountEmulated().products, before) << "by own kernels";
}

TEST_F(LibraryProductsTest, Float32IsForOwnKernels) {
  auto kernels = MakeEmulatedKernels(0, EmulatedLibrary::kForAll).value();
  EXPECT_EQ(Multiply(*kernels, Precision::kFloat32, 5).products, 0);
}

// Its first algorithm sums differently for other numbers of rows: it was tried
// and left out, or rows would differ here.
TEST_F(LibraryProductsTest, ARowHasTheSameBitsInAnyNumber) {
  auto kernels = MakeEmulatedKernels(0, EmulatedLibrary::kForAll).value();
  const Array all = Multiply(*kernels, Precision::kFloat16, 5).y;
  for (int rows = 1; rows < 5; ++rows) {
    const Multiplied some = Multiply(*kernels, Precision::kFloat16, rows);
    EXPECT_EQ(some.products, 1);
    std::vector<int> first(rows);
    std::iota(first.begin(), first.end(), 0);
    ExpectSameBits(some.y, all.Select(first));
  }
}

TEST_F(LibraryProductsTest, WhereNoneKeepsRowsOwnKernelsMultiply) {
  auto kernels =
      MakeEmulatedKernels(0, EmulatedLibrary::kNoneKeepsRows).value();
  auto without = MakeEmulatedKernels(0, EmulatedLibrary::kAbsent).value();
  const int64_t before = CountEmulated().products;
  const Multiplied found = Multiply(*kernels, Precision::kFloat16, 5);
  EXPECT_GT(CountEmulated().products, before) << "it was tried";
  EXPECT_EQ(found.products, 0);
  ExpectSameBits(found.y, Multiply(*without, Precision::kFloat16, 5).y);
}

TEST_F(LibraryProductsTest, WithoutTheLibraryOwnKernelsMultiply) {
  auto kernels = MakeEmulatedKernels(0, EmulatedLibrary::kAbsent).value();
  const int64_t before = CountEmulated().products;
  EXPECT_EQ(Multiply(*kernels, Precision::kFloat16, 5).products, 0);
  EXPECT_EQ(CountEmulated().products, before) << "nothing was tried";
}

// The thresholds for devices: what hypotheses are multiplied by only where it
// is as large as an output projection.
TEST_F(LibraryProductsTest, SmallWeightsAreForOwnKernels) {
  auto kernels = MakeEmulatedKernels().value();
  EXPECT_EQ(Multiply(*kernels, Precision::kFloat16, 3).products, 0);
  EXPECT_EQ(
      Multiply(*kernels, Precision::kFloat16, 3, LinearRows::kHypotheses, 320)
          .products,
      0);
}

}  // namespace
}  // namespace peregrine::kernels
