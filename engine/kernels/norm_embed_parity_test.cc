// LayerNorm and Embed of every device against the plain loops of reference/.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "engine/kernels/precision.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

struct LayerNormCase {
  std::vector<float> gain;
  std::vector<float> bias;  // none: an RMS norm
  float epsilon = 1e-5f;
  Array x;
  bool in_place = false;

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const NormWeight norm = {
        memory.Put(gain), bias.empty() ? nullptr : memory.Put(bias), epsilon};
    Matrix x_device = memory.Put(x);
    Matrix y = in_place ? x_device : memory.Put(Array(x.rows, x.cols));
    kernels.LayerNorm(norm, x_device, y);
    return memory.Get(y);
  }

  LayerNormCase Select(const std::vector<int>& rows) const {
    LayerNormCase selected = *this;
    selected.x = x.Select(rows);
    return selected;
  }
};

struct EmbedCase {
  Array table;
  Array positions_table;
  float scale = 1.0f;
  std::vector<int32_t> tokens;
  std::vector<int32_t> positions;
  Precision precision = Precision::kFloat32;  // of the table

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    EmbeddingTable embedding;
    embedding.positions = memory.Put(positions_table.data);
    embedding.scale = scale;
    if (precision == Precision::kInt8) {
      std::vector<int8_t> quantized(table.data.size());
      std::vector<float> scales;
      for (int r = 0; r < table.rows; ++r) {
        scales.push_back(QuantizeRow(table.row(r), table.cols,
                                     &quantized[size_t(r) * table.cols]));
      }
      embedding.int8_table = memory.Put(quantized);
      embedding.int8_scales = memory.Put(scales);
    } else if (precision == Precision::kBFloat16) {
      embedding.bfloat16_table = memory.Put(ToBFloat16s(table));
    } else {
      embedding.table = memory.Put(table.data);
    }
    Matrix y = memory.Put(Array(tokens.size(), table.cols));
    kernels.Embed(embedding, memory.Put(tokens), memory.Put(positions), y);
    return memory.Get(y);
  }

  EmbedCase Select(const std::vector<int>& rows) const {
    EmbedCase selected = *this;
    for (size_t i = 0; i < rows.size(); ++i) {
      selected.tokens[i] = tokens[rows[i]];
      selected.positions[i] = positions[rows[i]];
    }
    selected.tokens.resize(rows.size());
    selected.positions.resize(rows.size());
    return selected;
  }
};

class NormEmbedParityTest : public KernelsTest {
 protected:
  void ExpectLayerNormParity(const LayerNormCase& norm);
};

using NormEmbedInvarianceTest = BatchInvariance<NormEmbedParityTest>;

INSTANTIATE_TEST_SUITE_P(Devices, NormEmbedParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, NormEmbedParityTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(Devices, NormEmbedInvarianceTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);

void NormEmbedParityTest::ExpectLayerNormParity(const LayerNormCase& norm) {
  const int dim = norm.x.cols;
  const Array actual = norm.Run(*device_);
  ExpectNear(actual, norm.Run(reference_), [&](int r, int c) {
    const float* x = norm.x.row(r);
    const bool is_rms = norm.bias.empty();
    const double mean = is_rms ? 0.0 : std::accumulate(x, x + dim, 0.0) / dim;
    double variance = 0.0;
    for (int i = 0; i < dim; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const double inverse = 1.0 / std::sqrt(variance / dim + norm.epsilon);
    const double rms = Norm(x, dim) / std::sqrt(double(dim));
    return 4 * kEpsilon *
           ((std::abs(x[c]) + rms) * inverse * std::abs(norm.gain[c]) +
            (is_rms ? 0.0f : std::abs(norm.bias[c])));
  });
}

TEST_P(NormEmbedParityTest, LayerNormOfAnyDim) {
  for (int dim :
       {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 512, 1000, 1024, 2048}) {
    for (float mean : {0.0f, 50.0f}) {
      SCOPED_TRACE(absl::StrCat(dim, " around ", mean));
      LayerNormCase norm;
      norm.gain = RandomVector(dim, 2.0f);
      norm.bias = RandomVector(dim, 1.0f);
      norm.x = RandomArray(5, dim, 3.0f);
      for (float& x : norm.x.data) x += mean;
      ExpectLayerNormParity(norm);
      norm.in_place = true;
      norm.epsilon = 1e-2f;
      ExpectLayerNormParity(norm);
      norm.bias.clear();
      ExpectLayerNormParity(norm);
      norm.in_place = false;
      ExpectLayerNormParity(norm);
    }
  }
}

TEST_P(NormEmbedParityTest, LayerNormOfAConstantRowIsTheBias) {
  LayerNormCase norm;
  norm.gain = RandomVector(70, 2.0f);
  norm.bias = RandomVector(70, 1.0f);
  norm.x = Array(1, 70);
  std::fill(norm.x.data.begin(), norm.x.data.end(), 4.0f);
  EXPECT_EQ(norm.Run(*device_).data, norm.bias);
}

// Numbers of rows that are multiplied in different ways, and dims of no whole
// tile. What is in `normed` does not matter.
TEST_P(NormEmbedParityTest, NormLinearHasTheBitsOfBoth) {
  for (auto [rows, dim] : std::vector<std::pair<int, int>>{
           {1, 1}, {1, 512}, {17, 70}, {128, 33}, {140, 70}}) {
    const Array weight = RandomArray(70, dim, 1.0f);
    const std::vector<float> bias = RandomVector(70, 1.0f);
    LayerNormCase norm;
    norm.gain = RandomVector(dim, 2.0f);
    norm.x = RandomArray(rows, dim, 3.0f);
    for (bool is_rms : {false, true}) {
      norm.bias = is_rms ? std::vector<float>() : RandomVector(dim, 1.0f);
      for (Precision precision : GetParam().precisions) {
        SCOPED_TRACE(absl::StrCat(rows, " x ", dim, ", ",
                                  PrecisionName(precision), ", RMS ", is_rms));
        DeviceMemory memory(*device_);
        const auto packed =
            device_->PackLinear({weight.data, bias, 70, dim, precision})
                .value();
        const NormWeight gains = {memory.Put(norm.gain),
                                  is_rms ? nullptr : memory.Put(norm.bias)};
        const Matrix expected = memory.Put(Array(rows, 70));
        device_->Linear(*packed, memory.Put(norm.Run(*device_)),
                        Activation::kRelu, expected);
        const Matrix found = memory.Put(Array(rows, 70));
        device_->NormLinear(gains, *packed, memory.Put(norm.x),
                            memory.Put(Array(rows, dim)), Activation::kRelu,
                            found);
        ExpectSameBits(memory.Get(found), memory.Get(expected));
      }
    }
  }
}

TEST_P(NormEmbedParityTest, Embed) {
  for (int dim : {1, 5, 16, 30, 64, 512}) {
    SCOPED_TRACE(dim);
    EmbedCase embed;
    embed.table = RandomArray(11, dim, 2.0f);
    embed.positions_table = RandomArray(7, dim, 1.0f);
    embed.scale = std::sqrt(float(dim));
    embed.tokens = {0, 10, 3, 3, 9};
    embed.positions = {6, 0, 2, 3, 1};
    for (Precision precision :
         {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
      SCOPED_TRACE(PrecisionName(precision));
      embed.precision = precision;
      const Array actual = embed.Run(*device_);
      ExpectNear(actual, embed.Run(reference_), [&](int, int) {
        return 2 * kEpsilon * (2.0 * embed.scale + 1.0);
      });
    }
  }
}

TEST_P(NormEmbedInvarianceTest, LayerNorm) {
  LayerNormCase norm;
  norm.gain = RandomVector(100, 2.0f);
  norm.bias = RandomVector(100, 2.0f);
  norm.x = RandomArray(64, 100, 3.0f);
  const Array all = norm.Run(*device_);
  for (int i = 0; i < 5; ++i) {
    const std::vector<int> rows = RandomRows(64);
    ExpectSameBits(norm.Select(rows).Run(*device_), all.Select(rows));
  }
  norm.bias.clear();
  const Array rms = norm.Run(*device_);
  const std::vector<int> rows = RandomRows(64);
  ExpectSameBits(norm.Select(rows).Run(*device_), rms.Select(rows));
}

TEST_P(NormEmbedInvarianceTest, Embed) {
  EmbedCase embed;
  embed.table = RandomArray(50, 30, 2.0f);
  embed.positions_table = RandomArray(40, 30, 1.0f);
  embed.scale = 5.5f;
  for (int r = 0; r < 40; ++r) {
    embed.tokens.push_back(UniformInt(0, 49));
    embed.positions.push_back(UniformInt(0, 39));
  }
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
    embed.precision = precision;
    const Array all = embed.Run(*device_);
    const std::vector<int> rows = RandomRows(40);
    ExpectSameBits(embed.Select(rows).Run(*device_), all.Select(rows));
  }
}

}  // namespace
}  // namespace peregrine::kernels
