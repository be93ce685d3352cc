// Linear of every device against the plain loops of reference/.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/thread_team.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "engine/kernels/precision.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

using ::testing::HasSubstr;

struct LinearCase {
  Array weight;
  std::vector<float> bias;
  Array x;
  Activation activation = Activation::kNone;
  bool add_to_y = false;
  Array y;  // of LinearAdd; else what must be overwritten
  Precision precision = Precision::kFloat32;
  double epsilons_in_16_bits = 4;

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const auto packed = kernels
                            .PackLinear({weight.data, bias, weight.rows,
                                         weight.cols, precision})
                            .value();
    Matrix y_device = memory.Put(y);
    if (add_to_y) {
      kernels.LinearAdd(*packed, memory.Put(x), y_device);
    } else {
      kernels.Linear(*packed, memory.Put(x), activation, y_device);
    }
    return memory.Get(y_device);
  }

  LinearCase Select(const std::vector<int>& rows) const {
    LinearCase selected = *this;
    selected.x = x.Select(rows);
    selected.y = y.Select(rows);
    return selected;
  }
};

class LinearParityTest : public KernelsTest {
 protected:
  LinearCase RandomLinear(int rows, int in_dim, int out_dim, bool with_bias) {
    LinearCase linear;
    linear.weight = RandomArray(out_dim, in_dim, 1.0f);
    if (with_bias) linear.bias = RandomVector(out_dim, 2.0f);
    linear.x = RandomArray(rows, in_dim, 3.0f);
    linear.y = RandomArray(rows, out_dim, 100.0f);
    return linear;
  }

  // In every precision of the device.
  void ExpectParity(LinearCase linear);
};

using LinearInvarianceTest = BatchInvariance<LinearParityTest>;
class LinearPrecisionTest : public LinearParityTest {};

// In 16 bits and float32 tuning changes no bit, and many shapes take their
// time.
std::vector<DeviceUnderTest> GpusIn8Bits() {
  std::vector<DeviceUnderTest> devices = TunedGpusUnderTest();
  for (DeviceUnderTest& device : devices) {
    device.precisions = {Precision::kInt8, Precision::kFloat8};
  }
  return devices;
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(GpusIn8Bits, LinearParityTest,
                         ::testing::ValuesIn(GpusIn8Bits()), DeviceName);
INSTANTIATE_TEST_SUITE_P(Devices, LinearInvarianceTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, LinearInvarianceTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);

// Sums of products err by a few epsilons of their norms. In 16 bits and in
// float8 both round weights and inputs to the same numbers. int8 is exact up to
// the activation.
double LinearTolerance(const LinearCase& linear, int r, int c) {
  const double residual = linear.add_to_y ? std::abs(linear.y.row(r)[c]) : 0;
  const double bias = linear.bias.empty() ? 0.0 : std::abs(linear.bias[c]);
  const int in_dim = linear.x.cols;
  const double norms =
      Norm(linear.x.row(r), in_dim) * Norm(linear.weight.row(c), in_dim);
  const bool exact = linear.precision == Precision::kInt8 &&
                     (linear.activation == Activation::kNone ||
                      linear.activation == Activation::kRelu);
  const bool by_tensor_cores = linear.precision == Precision::kBFloat16 ||
                               linear.precision == Precision::kFloat16 ||
                               linear.precision == Precision::kFloat8;
  const double epsilons = by_tensor_cores ? linear.epsilons_in_16_bits : 4;
  return exact ? 0.0 : epsilons * kEpsilon * (norms + bias + residual);
}

void LinearParityTest::ExpectParity(LinearCase linear) {
  linear.epsilons_in_16_bits = GetParam().epsilons_in_16_bits;
  for (Precision precision : GetParam().precisions) {
    SCOPED_TRACE(PrecisionName(precision));
    linear.precision = precision;
    const Array actual = linear.Run(*device_);
    const Array expected = linear.Run(reference_);
    ExpectNear(actual, expected,
               [&](int r, int c) { return LinearTolerance(linear, r, c); });
  }
}

TEST_P(LinearParityTest, AnyNumberOfRows) {
  for (int rows = 1; rows <= 130; rows += GetParam().slow ? 16 : 1) {
    SCOPED_TRACE(rows);
    ExpectParity(RandomLinear(rows, 24, 70, true));
  }
  ExpectParity(RandomLinear(700, 24, 70, true));
}

TEST_P(LinearParityTest, AnyShape) {
  for (int in_dim : {1, 2, 3, 10, 17, 64, 65, 511, 512, 513, 1025, 2048}) {
    for (int out_dim : {1, 3, 15, 16, 17, 63, 64, 65, 130, 257}) {
      if (GetParam().slow && in_dim > 65 && out_dim > 17) continue;
      for (int rows : {1, 7}) {
        SCOPED_TRACE(absl::StrCat(rows, " x ", in_dim, " -> ", out_dim));
        LinearCase linear = RandomLinear(rows, in_dim, out_dim, rows == 7);
        ExpectParity(linear);
        linear.add_to_y = true;
        ExpectParity(linear);
      }
    }
  }
}

TEST_P(LinearParityTest, ShapesOfModels) {
  for (auto [in_dim, out_dim] : std::vector<std::pair<int, int>>{{512, 512},
                                                                 {512, 1536},
                                                                 {512, 2048},
                                                                 {2048, 512},
                                                                 {512, 64},
                                                                 {64, 512},
                                                                 {64, 1000}}) {
    SCOPED_TRACE(absl::StrCat(in_dim, " -> ", out_dim));
    ExpectParity(RandomLinear(13, in_dim, out_dim, true));
  }
}

TEST_P(LinearParityTest, Activations) {
  for (Activation activation : {Activation::kRelu, Activation::kGelu,
                                Activation::kSwish, Activation::kGeluTanh}) {
    for (int in_dim : {30, 1100}) {
      SCOPED_TRACE(absl::StrCat(int(activation), " ", in_dim));
      LinearCase linear = RandomLinear(9, in_dim, 83, true);
      linear.activation = activation;
      ExpectParity(linear);
    }
  }
}

// The whole range of an activation, through a weight of one.
TEST_P(LinearParityTest, ActivationsOverTheirRange) {
  for (Activation activation : {Activation::kRelu, Activation::kGelu,
                                Activation::kSwish, Activation::kGeluTanh}) {
    SCOPED_TRACE(int(activation));
    LinearCase linear;
    linear.weight = Array(1, 1);
    linear.weight.data[0] = 1.0f;
    linear.activation = activation;
    linear.x = Array(4001, 1);
    for (int r = 0; r < 4001; ++r) linear.x.data[r] = (r - 2000) * 0.01f;
    linear.x.data[0] = -1000.0f;
    linear.x.data[4000] = 1000.0f;
    linear.y = Array(4001, 1);
    for (Precision precision : GetParam().precisions) {
      SCOPED_TRACE(PrecisionName(precision));
      linear.precision = precision;
      const Array actual = linear.Run(*device_);
      ExpectNear(actual, linear.Run(reference_), [&](int r, int) {
        return 4 * kEpsilon * std::abs(linear.x.data[r]);
      });
    }
  }
}

TEST_P(LinearParityTest, NoRows) {
  ExpectParity(RandomLinear(0, 12, 20, true));
}

TEST_P(LinearParityTest, WeightKnowsItsShape) {
  const LinearCase linear = RandomLinear(1, 12, 20, false);
  for (Precision precision : GetParam().precisions) {
    const auto packed =
        device_->PackLinear({linear.weight.data, {}, 20, 12, precision})
            .value();
    EXPECT_EQ(packed->in_dim(), 12);
    EXPECT_EQ(packed->out_dim(), 20);
    EXPECT_GE(packed->bytes(), 12u * 20u);
  }
}

// Rows whose magnitudes have no scale, and one with the largest of all.
TEST_P(LinearParityTest, ExtremeMagnitudes) {
  LinearCase linear = RandomLinear(4, 40, 70, true);
  for (int i = 0; i < 40; ++i) {
    linear.x.row(0)[i] = 0.0f;
    linear.x.row(1)[i] *= 1e-38f;
    linear.x.row(2)[i] *= 1e30f;
    linear.weight.row(3)[i] = 0.0f;
    linear.weight.row(4)[i] *= 1e-38f;
  }
  ExpectParity(linear);
}

// Inputs and weights at the ends of the range of int8, all of one sign.
TEST_P(LinearParityTest, LargestSums) {
  for (float sign : {1.0f, -1.0f}) {
    LinearCase linear = RandomLinear(7, 4096, 70, true);
    std::fill(linear.x.data.begin(), linear.x.data.end(), 3.0f);
    std::fill(linear.weight.data.begin(), linear.weight.data.end(), sign);
    ExpectParity(linear);
  }
}

// Halves between two bfloat16, or between two steps of int8.
TEST_P(LinearParityTest, RoundsTiesToEven) {
  LinearCase linear;
  linear.weight = Array(130, 130);
  for (int i = 0; i < 130; ++i) linear.weight.row(i)[i] = 1.0f;
  linear.x = Array(2, 130);
  linear.y = linear.x;
  linear.x.row(0)[0] = 127.0f;
  for (int i = 1; i < 130; ++i) linear.x.row(0)[i] = i - 64.5f;
  for (int i = 0; i < 130; ++i) linear.x.row(1)[i] = 1.0f + i / 256.0f;
  ExpectParity(linear);
}

// Some rows at a time, by several threads where the host packs.
TEST_P(LinearParityTest, WeightsAreReadByRows) {
  ThreadTeam team(3);
  for (auto [in_dim, out_dim] :
       std::vector<std::pair<int, int>>{{37, 41}, {600, 700}}) {
    LinearCase linear = RandomLinear(2, in_dim, out_dim, true);
    const float* const weight = linear.weight.data.data();
    for (Precision precision : GetParam().precisions) {
      SCOPED_TRACE(absl::StrCat(PrecisionName(precision), ", ", in_dim, " -> ",
                                out_dim));
      linear.precision = precision;
      LinearSource source = {{}, linear.bias, out_dim, in_dim, precision};
      source.team = &team;
      source.read_rows = [&, in_dim = in_dim](int first, int count, float* to) {
        std::copy_n(weight + static_cast<size_t>(first) * in_dim,
                    static_cast<size_t>(count) * in_dim, to);
        return absl::OkStatus();
      };
      const auto packed = device_->PackLinear(source);
      ASSERT_TRUE(packed.ok()) << packed.status();
      DeviceMemory memory(*device_);
      const Matrix y = memory.Put(linear.y);
      device_->Linear(**packed, memory.Put(linear.x), Activation::kNone, y);
      ExpectSameBits(memory.Get(y), linear.Run(*device_));

      source.read_rows = [](int first, int count, float*) {
        return first + count > 30 ? absl::UnavailableError("row 30")
                                  : absl::OkStatus();
      };
      EXPECT_EQ(device_->PackLinear(source).status(),
                absl::UnavailableError("row 30"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearPrecisionTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, LinearPrecisionTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);

TEST_P(LinearPrecisionTest, RefusesOthers) {
  const std::vector<Precision>& known = GetParam().precisions;
  const std::vector<float> weight(4);
  for (Precision precision : {Precision::kFloat32, Precision::kBFloat16,
                              Precision::kInt8, Precision::kFloat8}) {
    if (std::find(known.begin(), known.end(), precision) != known.end()) {
      continue;
    }
    const auto packed = device_->PackLinear({weight, {}, 2, 2, precision});
    EXPECT_EQ(packed.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(packed.status().message()),
                HasSubstr(PrecisionName(precision)));
  }
}

TEST_P(LinearInvarianceTest, Rows) {
  for (auto [in_dim, out_dim] : std::vector<std::pair<int, int>>{{512, 512},
                                                                 {512, 1536},
                                                                 {512, 2048},
                                                                 {2048, 512},
                                                                 {512, 64},
                                                                 {64, 512},
                                                                 {64, 10000},
                                                                 {37, 41},
                                                                 {1030, 70}}) {
    if (GetParam().slow && in_dim * out_dim > 100 * 1024) continue;
    LinearCase linear = RandomLinear(256, in_dim, out_dim, true);
    linear.activation = Activation(UniformInt(0, 3));
    for (Precision precision : GetParam().precisions) {
      linear.precision = precision;
      for (bool add_to_y : {false, true}) {
        linear.add_to_y = add_to_y;
        const Array all = linear.Run(*device_);
        for (int i = GetParam().slow ? 8 : 0; i < 12; ++i) {
          // Every count of rows up to two tiles, then any.
          std::vector<int> rows = RandomPermutation(256);
          rows.resize(i < 11 ? i + 1 : UniformInt(12, 256));
          SCOPED_TRACE(absl::StrCat(PrecisionName(precision), ", ", in_dim,
                                    " -> ", out_dim, ", ", rows.size(),
                                    " rows"));
          ExpectSameBits(linear.Select(rows).Run(*device_), all.Select(rows));
        }
      }
    }
  }
}

// Two workers share weights and must agree.
TEST_P(LinearInvarianceTest, InstancesShareWeights) {
  const LinearCase linear = RandomLinear(5, 64, 100, true);
  const auto packed =
      device_->PackLinear({linear.weight.data, linear.bias, 100, 64}).value();
  const std::unique_ptr<Kernels> other = GetParam().make().value();
  DeviceMemory memory(*other);
  Matrix y = memory.Put(linear.y);
  other->Linear(*packed, memory.Put(linear.x), Activation::kNone, y);
  ExpectSameBits(memory.Get(y), linear.Run(*device_));
}

constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu,
                                       Activation::kGelu, Activation::kSwish,
                                       Activation::kGeluTanh};

Array RunActivateGated(Kernels& kernels, Activation activation,
                       const Array& projected) {
  DeviceMemory memory(kernels);
  const Matrix y = memory.Put(Array(projected.rows, projected.cols / 2));
  kernels.ActivateGated(activation, memory.Put(projected), y);
  return memory.Get(y);
}

TEST_P(LinearParityTest, ActivateGated) {
  for (int dim : {1, 3, 16, 31, 100, 512}) {
    for (Activation activation : kActivations) {
      SCOPED_TRACE(absl::StrCat(dim, ", activation ", int(activation)));
      Array projected = RandomArray(7, 2 * dim, 6.0f);
      // Where what is in the formulas overflows.
      projected.row(0)[0] = 1000.0f;
      projected.row(1)[0] = -1000.0f;
      const Array actual = RunActivateGated(*device_, activation, projected);
      ExpectNear(actual, RunActivateGated(reference_, activation, projected),
                 [&](int r, int c) {
                   return 16 * kEpsilon *
                          (std::abs(projected.row(r)[c]) + 1.0) *
                          std::abs(projected.row(r)[dim + c]);
                 });
      const std::vector<int> rows = RandomRows(7);
      ExpectSameBits(
          RunActivateGated(*device_, activation, projected.Select(rows)),
          actual.Select(rows));
    }
  }
}

}  // namespace
}  // namespace peregrine::kernels
