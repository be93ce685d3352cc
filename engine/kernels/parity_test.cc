// Every operation of every device against the plain loops of reference/.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "engine/kernels/precision.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// ---- One struct an operation: its arguments on the host, and how to run it.

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

struct LayerNormCase {
  std::vector<float> gain;
  std::vector<float> bias;
  float epsilon = 1e-5f;
  Array x;
  bool in_place = false;

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const NormWeight norm = {memory.Put(gain), memory.Put(bias), epsilon};
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

struct EncoderAttentionCase {
  HeadShape heads;
  std::vector<Array> sequences;  // qkv of each

  // The contexts of the sequences, one after another.
  Array Run(Kernels& kernels) const {
    std::vector<int32_t> offsets = {0};
    Array qkv(0, 3 * heads.width());
    int max_length = 0;
    for (const Array& sequence : sequences) {
      qkv.rows += sequence.rows;
      qkv.data.insert(qkv.data.end(), sequence.data.begin(),
                      sequence.data.end());
      offsets.push_back(qkv.rows);
      max_length = std::max(max_length, sequence.rows);
    }
    DeviceMemory memory(kernels);
    Matrix context = memory.Put(Array(qkv.rows, heads.width()));
    kernels.EncoderAttention(
        heads, {int(sequences.size()), max_length, memory.Put(offsets)},
        memory.Put(qkv), context);
    return memory.Get(context);
  }
};

struct SelfAttentionCase {
  HeadShape heads;
  Array qkv;
  Array keys;    // of all cells
  Array values;  // of all cells
  CellLists cells;
  bool in_bfloat16 = false;

  Attended Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const DeviceCells cache(keys, values, in_bfloat16, memory);
    Matrix context = memory.Put(Array(qkv.rows, heads.width()));
    kernels.SelfAttentionStep(heads, PutStepRows(cells, memory),
                              memory.Put(qkv), cache.cells(), context);
    return {memory.Get(context), cache.keys(), cache.values()};
  }

  SelfAttentionCase Select(const std::vector<int>& rows) const {
    SelfAttentionCase selected = *this;
    selected.qkv = qkv.Select(rows);
    selected.cells.clear();
    for (int r : rows) selected.cells.push_back(cells[r]);
    return selected;
  }
};

struct CrossAttentionCase {
  HeadShape heads;
  Array queries;
  Array keys;    // of all cells
  Array values;  // of all cells
  std::vector<int32_t> begins;
  std::vector<int32_t> lengths;
  bool in_bfloat16 = false;

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const DeviceCells cache(keys, values, in_bfloat16, memory);
    Matrix context = memory.Put(Array(queries.rows, heads.width()));
    kernels.CrossAttentionStep(
        heads, {queries.rows, memory.Put(begins), memory.Put(lengths)},
        memory.Put(queries), cache.cells(), context);
    return memory.Get(context);
  }

  CrossAttentionCase Select(const std::vector<int>& rows) const {
    CrossAttentionCase selected = *this;
    selected.queries = queries.Select(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      selected.begins[i] = begins[rows[i]];
      selected.lengths[i] = lengths[rows[i]];
    }
    selected.begins.resize(rows.size());
    selected.lengths.resize(rows.size());
    return selected;
  }
};

struct Best {
  Array log_probs;
  std::vector<int32_t> tokens;  // [rows, k]
};

struct OutputTopKCase {
  Array weight;
  std::vector<float> bias;
  Array x;
  std::vector<int32_t> suppressed;
  std::vector<TokenConstraint> constraints;
  int k = 1;
  std::vector<int32_t> selection;  // empty: the whole vocabulary
  Precision precision = Precision::kFloat32;

  Best Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const auto packed = kernels
                            .PackLinear({weight.data, bias, weight.rows,
                                         weight.cols, precision})
                            .value();
    Best best = {Array(x.rows, k), std::vector<int32_t>(size_t(x.rows) * k)};
    const Matrix inputs = memory.Put(x);
    const Matrix logits = memory.Put(Array(x.rows, weight.rows));
    const TopK result = {k, best.log_probs.data.data(), best.tokens.data()};
    if (selection.empty()) {
      kernels.OutputTopK(*packed, inputs, suppressed, constraints, logits,
                         result);
    } else {
      const auto selected = kernels.SelectOutputs(*packed, selection).value();
      kernels.SelectedTopK(*packed, *selected, inputs, suppressed, constraints,
                           logits, result);
    }
    return best;
  }

  OutputTopKCase Select(const std::vector<int>& rows) const {
    OutputTopKCase selected = *this;
    selected.x = x.Select(rows);
    selected.constraints.clear();
    for (int r : rows) selected.constraints.push_back(constraints[r]);
    return selected;
  }
};

// ---- What all tests share.

class ParityTest : public KernelsTest {
 protected:
  LinearCase RandomLinear(int rows, int in_dim, int out_dim, bool with_bias) {
    LinearCase linear;
    linear.weight = RandomArray(out_dim, in_dim, 1.0f);
    if (with_bias) linear.bias = RandomVector(out_dim, 2.0f);
    linear.x = RandomArray(rows, in_dim, 3.0f);
    linear.y = RandomArray(rows, out_dim, 100.0f);
    return linear;
  }
  SelfAttentionCase RandomSelfAttention(HeadShape heads, int rows,
                                        int max_length);
  CrossAttentionCase RandomCrossAttention(HeadShape heads, int rows,
                                          int max_length);

  // In every precision of the device.
  void ExpectLinearParity(LinearCase linear);
  void ExpectLayerNormParity(const LayerNormCase& norm);
};

INSTANTIATE_TEST_SUITE_P(Devices, ParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()),
                         [](const auto& device) { return device.param.name; });

// ---- Linear

// Sums of products err by a few epsilons of their norms. In bfloat16 both round
// weights and inputs to the same numbers. int8 is exact up to the activation.
double LinearTolerance(const LinearCase& linear, int r, int c) {
  const double residual = linear.add_to_y ? std::abs(linear.y.row(r)[c]) : 0;
  const double bias = linear.bias.empty() ? 0.0 : std::abs(linear.bias[c]);
  const int in_dim = linear.x.cols;
  const double norms =
      Norm(linear.x.row(r), in_dim) * Norm(linear.weight.row(c), in_dim);
  const bool exact = linear.precision == Precision::kInt8 &&
                     (linear.activation == Activation::kNone ||
                      linear.activation == Activation::kRelu);
  const bool in_16_bits = linear.precision == Precision::kBFloat16 ||
                          linear.precision == Precision::kFloat16;
  const double epsilons = in_16_bits ? linear.epsilons_in_16_bits : 4;
  return exact ? 0.0 : epsilons * kEpsilon * (norms + bias + residual);
}

void ParityTest::ExpectLinearParity(LinearCase linear) {
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

TEST_P(ParityTest, LinearOfAnyNumberOfRows) {
  for (int rows = 1; rows <= 130; rows += GetParam().slow ? 16 : 1) {
    SCOPED_TRACE(rows);
    ExpectLinearParity(RandomLinear(rows, 24, 70, true));
  }
  ExpectLinearParity(RandomLinear(700, 24, 70, true));
}

TEST_P(ParityTest, LinearOfAnyShape) {
  for (int in_dim : {1, 2, 3, 10, 17, 64, 65, 511, 512, 513, 1025, 2048}) {
    for (int out_dim : {1, 3, 15, 16, 17, 63, 64, 65, 130, 257}) {
      if (GetParam().slow && in_dim > 65 && out_dim > 17) continue;
      for (int rows : {1, 7}) {
        SCOPED_TRACE(absl::StrCat(rows, " x ", in_dim, " -> ", out_dim));
        LinearCase linear = RandomLinear(rows, in_dim, out_dim, rows == 7);
        ExpectLinearParity(linear);
        linear.add_to_y = true;
        ExpectLinearParity(linear);
      }
    }
  }
}

TEST_P(ParityTest, LinearOfTheShapesOfModels) {
  for (auto [in_dim, out_dim] : std::vector<std::pair<int, int>>{{512, 512},
                                                                 {512, 1536},
                                                                 {512, 2048},
                                                                 {2048, 512},
                                                                 {512, 64},
                                                                 {64, 512},
                                                                 {64, 1000}}) {
    SCOPED_TRACE(absl::StrCat(in_dim, " -> ", out_dim));
    ExpectLinearParity(RandomLinear(13, in_dim, out_dim, true));
  }
}

TEST_P(ParityTest, LinearWithActivations) {
  for (Activation activation :
       {Activation::kRelu, Activation::kGelu, Activation::kSwish}) {
    for (int in_dim : {30, 1100}) {
      SCOPED_TRACE(absl::StrCat(int(activation), " ", in_dim));
      LinearCase linear = RandomLinear(9, in_dim, 83, true);
      linear.activation = activation;
      ExpectLinearParity(linear);
    }
  }
}

// The whole range of an activation, through a weight of one.
TEST_P(ParityTest, ActivationsOverTheirRange) {
  for (Activation activation :
       {Activation::kRelu, Activation::kGelu, Activation::kSwish}) {
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

TEST_P(ParityTest, LinearOfNoRows) {
  ExpectLinearParity(RandomLinear(0, 12, 20, true));
}

TEST_P(ParityTest, LinearWeightKnowsItsShape) {
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
TEST_P(ParityTest, LinearOfExtremeMagnitudes) {
  LinearCase linear = RandomLinear(4, 40, 70, true);
  for (int i = 0; i < 40; ++i) {
    linear.x.row(0)[i] = 0.0f;
    linear.x.row(1)[i] *= 1e-38f;
    linear.x.row(2)[i] *= 1e30f;
    linear.weight.row(3)[i] = 0.0f;
    linear.weight.row(4)[i] *= 1e-38f;
  }
  ExpectLinearParity(linear);
}

// Inputs and weights at the ends of the range of int8, all of one sign.
TEST_P(ParityTest, LinearOfTheLargestSums) {
  for (float sign : {1.0f, -1.0f}) {
    LinearCase linear = RandomLinear(7, 4096, 70, true);
    std::fill(linear.x.data.begin(), linear.x.data.end(), 3.0f);
    std::fill(linear.weight.data.begin(), linear.weight.data.end(), sign);
    ExpectLinearParity(linear);
  }
}

// Halves between two bfloat16, or between two steps of int8.
TEST_P(ParityTest, LinearRoundsTiesToEven) {
  LinearCase linear;
  linear.weight = Array(130, 130);
  for (int i = 0; i < 130; ++i) linear.weight.row(i)[i] = 1.0f;
  linear.x = Array(2, 130);
  linear.y = linear.x;
  linear.x.row(0)[0] = 127.0f;
  for (int i = 1; i < 130; ++i) linear.x.row(0)[i] = i - 64.5f;
  for (int i = 0; i < 130; ++i) linear.x.row(1)[i] = 1.0f + i / 256.0f;
  ExpectLinearParity(linear);
}

TEST_P(ParityTest, RefusesOtherPrecisions) {
  const std::vector<Precision>& known = GetParam().precisions;
  const std::vector<float> weight(4);
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
    if (std::find(known.begin(), known.end(), precision) != known.end()) {
      continue;
    }
    const auto packed = device_->PackLinear({weight, {}, 2, 2, precision});
    EXPECT_EQ(packed.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(packed.status().message()),
                HasSubstr(PrecisionName(precision)));
  }
}

// ---- LayerNorm, Embed

void ParityTest::ExpectLayerNormParity(const LayerNormCase& norm) {
  const int dim = norm.x.cols;
  const Array actual = norm.Run(*device_);
  ExpectNear(actual, norm.Run(reference_), [&](int r, int c) {
    const float* x = norm.x.row(r);
    const double mean = std::accumulate(x, x + dim, 0.0) / dim;
    double variance = 0.0;
    for (int i = 0; i < dim; ++i) variance += (x[i] - mean) * (x[i] - mean);
    const double inverse = 1.0 / std::sqrt(variance / dim + norm.epsilon);
    const double rms = Norm(x, dim) / std::sqrt(double(dim));
    return 4 * kEpsilon *
           ((std::abs(x[c]) + rms) * inverse * std::abs(norm.gain[c]) +
            std::abs(norm.bias[c]));
  });
}

TEST_P(ParityTest, LayerNormOfAnyDim) {
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
    }
  }
}

TEST_P(ParityTest, LayerNormOfAConstantRowIsTheBias) {
  LayerNormCase norm;
  norm.gain = RandomVector(70, 2.0f);
  norm.bias = RandomVector(70, 1.0f);
  norm.x = Array(1, 70);
  std::fill(norm.x.data.begin(), norm.x.data.end(), 4.0f);
  EXPECT_EQ(norm.Run(*device_).data, norm.bias);
}

TEST_P(ParityTest, Embed) {
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

// ---- Attention

TEST_P(ParityTest, EncoderAttention) {
  for (HeadShape heads : kHeadShapes) {
    for (float magnitude : {0.5f, 4.0f}) {
      SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim, " by ",
                                magnitude));
      EncoderAttentionCase attention;
      attention.heads = heads;
      double norm = 0.0;
      for (int length : {1, 5, 0, 27, 16, 33, 64, 2}) {
        attention.sequences.push_back(
            RandomArray(length, 3 * heads.width(), magnitude));
        for (int h = 0; h < 2 * heads.num_heads; ++h) {
          norm = std::max(norm,
                          LargestRowNorm(attention.sequences.back(),
                                         h * heads.head_dim, heads.head_dim));
        }
      }
      const Array actual = attention.Run(*device_);
      ExpectNear(actual, attention.Run(reference_), [&](int, int) {
        return AttentionTolerance(heads, norm, norm, magnitude);
      });
    }
  }
}

TEST_P(ParityTest, EncoderAttentionOfALongSequence) {
  const HeadShape heads = {2, 64};
  EncoderAttentionCase attention{heads,
                                 {RandomArray(700, 3 * heads.width(), 1.0f)}};
  const double norm = std::sqrt(64.0);
  const Array actual = attention.Run(*device_);
  ExpectNear(actual, attention.Run(reference_), [&](int, int) {
    return AttentionTolerance(heads, norm, norm, 1.0);
  });
}

SelfAttentionCase ParityTest::RandomSelfAttention(HeadShape heads, int rows,
                                                  int max_length) {
  const int num_cells = rows + max_length + 10;
  SelfAttentionCase attention;
  attention.heads = heads;
  attention.qkv = RandomArray(rows, 3 * heads.width(), 2.0f);
  attention.keys = RandomArray(num_cells, heads.width(), 2.0f);
  attention.values = RandomArray(num_cells, heads.width(), 2.0f);
  attention.cells = RandomCells(rows, max_length, num_cells);
  return attention;
}

TEST_P(ParityTest, SelfAttentionStep) {
  for (HeadShape heads : kHeadShapes) {
    for (int max_length : {1, 40, 300}) {
      SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                ", length ", max_length));
      SelfAttentionCase attention = RandomSelfAttention(heads, 12, max_length);
      for (bool in_bfloat16 : {false, true}) {
        attention.in_bfloat16 = in_bfloat16;
        const Attended actual = attention.Run(*device_);
        const Attended expected = attention.Run(reference_);
        ExpectSameBits(actual.keys, expected.keys);
        ExpectSameBits(actual.values, expected.values);
        const double norm = 2.0 * std::sqrt(double(heads.head_dim));
        ExpectNear(actual.context, expected.context, [&](int, int) {
          return AttentionTolerance(heads, norm, norm, 2.0);
        });
      }
    }
  }
}

TEST_P(ParityTest, StoreKeysValues) {
  for (int width : {1, 10, 64}) {
    for (int value_width : {width, 3, 130}) {
      SCOPED_TRACE(absl::StrCat(width, ", values ", value_width));
      const Array kv = RandomArray(3, width + value_width, 1.0f);
      const Array keys = RandomArray(6, width, 1.0f);
      const Array values = RandomArray(6, value_width, 1.0f);
      const auto store = [&](Kernels& kernels, bool in_bfloat16) {
        DeviceMemory memory(kernels);
        const DeviceCells cache(keys, values, in_bfloat16, memory);
        kernels.StoreKeysValues(memory.Put(std::vector<int32_t>{4, 0, 3}),
                                memory.Put(kv), cache.cells());
        return std::make_pair(cache.keys(), cache.values());
      };
      for (bool in_bfloat16 : {false, true}) {
        const auto actual = store(*device_, in_bfloat16);
        const auto expected = store(reference_, in_bfloat16);
        ExpectSameBits(actual.first, expected.first);
        ExpectSameBits(actual.second, expected.second);
      }
    }
  }
}

CrossAttentionCase ParityTest::RandomCrossAttention(HeadShape heads, int rows,
                                                    int max_length) {
  const int num_cells = max_length + 20;
  CrossAttentionCase attention;
  attention.heads = heads;
  attention.queries = RandomArray(rows, heads.width(), 2.0f);
  attention.keys = RandomArray(num_cells, heads.width(), 2.0f);
  attention.values = RandomArray(num_cells, heads.width(), 2.0f);
  for (int r = 0; r < rows; ++r) {
    attention.lengths.push_back(UniformInt(0, max_length));
    attention.begins.push_back(
        UniformInt(0, num_cells - attention.lengths.back()));
  }
  // The last row ends where the cells end.
  attention.lengths.back() = max_length;
  attention.begins.back() = num_cells - max_length;
  return attention;
}

TEST_P(ParityTest, CrossAttentionStep) {
  for (HeadShape heads : kHeadShapes) {
    for (int max_length : {1, 27, 300}) {
      SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                ", length ", max_length));
      CrossAttentionCase attention = RandomCrossAttention(heads, 9, max_length);
      const double norm = 2.0 * std::sqrt(double(heads.head_dim));
      for (bool in_bfloat16 : {false, true}) {
        attention.in_bfloat16 = in_bfloat16;
        const Array actual = attention.Run(*device_);
        ExpectNear(actual, attention.Run(reference_), [&](int, int) {
          return AttentionTolerance(heads, norm, norm, 2.0);
        });
      }
    }
  }
}

TEST_P(ParityTest, AttentionToNothingIsZero) {
  CrossAttentionCase attention = RandomCrossAttention({2, 10}, 1, 5);
  attention.lengths[0] = 0;
  EXPECT_THAT(attention.Run(*device_).data, ::testing::Each(0.0f));
}

// Scores of hundreds: the softmax must neither overflow nor lose the largest.
TEST_P(ParityTest, AttentionWithLargeScores) {
  CrossAttentionCase attention = RandomCrossAttention({1, 64}, 4, 50);
  for (float& x : attention.queries.data) x *= 100.0f;
  const Array actual = attention.Run(*device_);
  ExpectNear(actual, attention.Run(reference_), [&](int, int) {
    return AttentionTolerance({1, 64}, 200.0 * 8.0, 2.0 * 8.0, 2.0);
  });
}

// ---- OutputTopK

// Integers: logits are exact, so tokens and their order must be equal.
OutputTopKCase IntegerTopK(const Array& weight, const Array& x, int k) {
  OutputTopKCase top_k;
  top_k.weight = weight;
  top_k.x = x;
  top_k.constraints.resize(x.rows);
  top_k.k = k;
  return top_k;
}

void ExpectTopKParity(const OutputTopKCase& top_k, Kernels& device,
                      Kernels& reference) {
  const Best actual = top_k.Run(device);
  const Best expected = top_k.Run(reference);
  ASSERT_EQ(actual.tokens, expected.tokens);
  const int dim = top_k.x.cols;
  const double weight_norm = LargestRowNorm(top_k.weight, 0, dim);
  for (int r = 0; r < top_k.x.rows; ++r) {
    const double tolerance =
        4 * kEpsilon * (Norm(top_k.x.row(r), dim) * weight_norm + 16.0);
    for (int i = 0; i < top_k.k; ++i) {
      const float log_prob = expected.log_probs.row(r)[i];
      if (log_prob == -kInfinity) {
        ASSERT_EQ(actual.log_probs.row(r)[i], -kInfinity) << r << ", " << i;
      } else {
        ASSERT_NEAR(actual.log_probs.row(r)[i], log_prob, tolerance)
            << r << ", " << i;
      }
    }
  }
}

TEST_P(ParityTest, TopKOfAnyVocabularyAndK) {
  for (int vocab_size : {1, 2, 9, 16, 17, 70, 1000, 8003}) {
    for (int k : {1, 2, 8, 16, 40}) {
      SCOPED_TRACE(absl::StrCat(k, " of ", vocab_size));
      ExpectTopKParity(IntegerTopK(RandomIntegers(vocab_size, 6, 9),
                                   RandomIntegers(5, 6, 9), k),
                       *device_, reference_);
    }
  }
}

TEST_P(ParityTest, TopKOfRandomLogits) {
  OutputTopKCase top_k;
  top_k.weight = RandomArray(3001, 64, 0.3f);
  top_k.bias = RandomVector(3001, 1.0f);
  top_k.x = RandomArray(20, 64, 2.0f);
  top_k.constraints.resize(20);
  top_k.k = 8;
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(ParityTest, TopKOfLargeLogits) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(500, 4, 90), RandomIntegers(6, 4, 90), 8);
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(ParityTest, TopKTiesGoToTheLowerToken) {
  OutputTopKCase top_k = IntegerTopK(Array(300, 2), RandomArray(1, 2, 1.0f), 4);
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(0, 1, 2, 3));
  top_k.bias.resize(300);
  top_k.bias[299] = top_k.bias[50] = top_k.bias[170] = 1.0f;
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(50, 170, 299, 0));
}

// Rising logits replace the worst of the best at every token.
TEST_P(ParityTest, TopKOfRisingLogits) {
  OutputTopKCase top_k = IntegerTopK(Array(1000, 1), Array(1, 1), 5);
  top_k.bias.resize(1000);
  std::iota(top_k.bias.begin(), top_k.bias.end(), -500.0f);
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(999, 998, 997, 996, 995));
}

TEST_P(ParityTest, TopKUnderConstraints) {
  for (int vocab_size : {5, 33, 1000}) {
    for (int k : {1, 4, 40}) {
      SCOPED_TRACE(absl::StrCat(k, " of ", vocab_size));
      OutputTopKCase top_k = IntegerTopK(RandomIntegers(vocab_size, 6, 9),
                                         RandomIntegers(30, 6, 9), k);
      top_k.suppressed = {0, vocab_size - 1, 3};
      for (TokenConstraint& constraint : top_k.constraints) {
        constraint.only = UniformInt(-4, vocab_size - 1);
        constraint.forbidden = UniformInt(-1, vocab_size - 1);
        constraint.forbidden_before_softmax = UniformInt(0, 1) == 1;
        if (constraint.only < 0) constraint.only = -1;
      }
      top_k.constraints[0] = {0, 0};  // `only` outranks the others
      ExpectTopKParity(top_k, *device_, reference_);
    }
  }
}

TEST_P(ParityTest, TopKNeverGivesTheForbiddenToken) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(20, 4, 9), RandomIntegers(20, 4, 9), 20);
  for (int r = 0; r < 20; ++r) top_k.constraints[r].forbidden = r;
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(ParityTest, TopKWithoutAnyAllowedToken) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(3, 2, 5), RandomIntegers(1, 2, 5), 2);
  top_k.suppressed = {0, 1};
  top_k.constraints[0].forbidden = 2;
  const Best best = top_k.Run(*device_);
  EXPECT_THAT(best.tokens, ElementsAre(-1, -1));
  EXPECT_THAT(best.log_probs.data, ElementsAre(-kInfinity, -kInfinity));
}

TEST_P(ParityTest, TopKLeavesOutImpossibleTokens) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(40, 2, 5), RandomIntegers(6, 2, 5), 20);
  top_k.bias.resize(40);
  for (int token = 0; token < 40; token += 2) {
    top_k.bias[token] = -kInfinity;
  }
  top_k.bias[1] = -kInfinity;
  top_k.constraints[3].only = 4;
  ExpectTopKParity(top_k, *device_, reference_);
}

// ---- SelectedTopK

// Rising, and not all of them.
std::vector<int32_t> RandomSelection(int count, std::vector<int> permutation) {
  permutation.resize(count);
  std::sort(permutation.begin(), permutation.end());
  return {permutation.begin(), permutation.end()};
}

TEST_P(ParityTest, SelectedTopKUnderConstraints) {
  for (int vocab_size : {5, 33, 1000, 8003}) {
    for (int k : {1, 8, 40}) {
      for (int count : {1, vocab_size / 3 + 1, vocab_size}) {
        SCOPED_TRACE(absl::StrCat(k, " of ", count, " of ", vocab_size));
        OutputTopKCase top_k = IntegerTopK(RandomIntegers(vocab_size, 6, 9),
                                           RandomIntegers(30, 6, 9), k);
        top_k.selection = RandomSelection(count, RandomPermutation(vocab_size));
        top_k.suppressed = {0, vocab_size - 1, 3};
        for (TokenConstraint& constraint : top_k.constraints) {
          constraint.only = std::max(-1, UniformInt(-40, vocab_size - 1));
          constraint.forbidden = UniformInt(-1, vocab_size - 1);
          constraint.forbidden_before_softmax =
              count > 1 && UniformInt(0, 1) == 1;
        }
        ExpectTopKParity(top_k, *device_, reference_);
      }
    }
  }
}

// With the whole vocabulary as selection: the same bits as without one.
TEST_P(ParityTest, SelectingAllIsSelectingNone) {
  OutputTopKCase top_k;
  top_k.weight = RandomArray(2011, 70, 0.3f);
  top_k.bias = RandomVector(2011, 1.0f);
  top_k.x = RandomArray(20, 70, 2.0f);
  top_k.suppressed = {7, 9};
  top_k.constraints.resize(20);
  for (TokenConstraint& constraint : top_k.constraints) {
    constraint.forbidden = UniformInt(0, 2010);
  }
  top_k.k = 8;
  for (Precision precision : GetParam().precisions) {
    SCOPED_TRACE(PrecisionName(precision));
    top_k.precision = precision;
    top_k.selection.clear();
    const Best without = top_k.Run(*device_);
    top_k.selection.resize(2011);
    std::iota(top_k.selection.begin(), top_k.selection.end(), 0);
    const Best with = top_k.Run(*device_);
    ExpectSameBits(with.log_probs, without.log_probs);
    ASSERT_EQ(with.tokens, without.tokens);
  }
}

// ---- A row depends on its own arguments alone, bit for bit.

class BatchInvarianceTest : public ParityTest {
 protected:
  void SetUp() override {
    ParityTest::SetUp();
    if (const char* reason = GetParam().why_rows_depend) GTEST_SKIP() << reason;
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, BatchInvarianceTest,
                         ::testing::ValuesIn(DevicesUnderTest()),
                         [](const auto& device) { return device.param.name; });

TEST_P(BatchInvarianceTest, Linear) {
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

TEST_P(BatchInvarianceTest, LayerNorm) {
  LayerNormCase norm;
  norm.gain = RandomVector(100, 2.0f);
  norm.bias = RandomVector(100, 2.0f);
  norm.x = RandomArray(64, 100, 3.0f);
  const Array all = norm.Run(*device_);
  for (int i = 0; i < 5; ++i) {
    const std::vector<int> rows = RandomRows(64);
    ExpectSameBits(norm.Select(rows).Run(*device_), all.Select(rows));
  }
}

TEST_P(BatchInvarianceTest, Embed) {
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

TEST_P(BatchInvarianceTest, EncoderAttention) {
  for (HeadShape heads : kHeadShapes) {
    EncoderAttentionCase attention;
    attention.heads = heads;
    Array alone(0, heads.width());
    for (int length : {7, 1, 27, 40, 12, 64}) {
      const Array sequence = RandomArray(length, 3 * heads.width(), 2.0f);
      attention.sequences.push_back(sequence);
      const Array context =
          EncoderAttentionCase{heads, {sequence}}.Run(*device_);
      alone.rows += length;
      alone.data.insert(alone.data.end(), context.data.begin(),
                        context.data.end());
    }
    ExpectSameBits(attention.Run(*device_), alone);
  }
}

TEST_P(BatchInvarianceTest, SelfAttentionStep) {
  for (HeadShape heads : kHeadShapes) {
    SelfAttentionCase attention = RandomSelfAttention(heads, 30, 50);
    for (bool in_bfloat16 : {false, true}) {
      attention.in_bfloat16 = in_bfloat16;
      const Array all = attention.Run(*device_).context;
      std::vector<int> rows = RandomPermutation(30);
      rows.resize(UniformInt(1, 30));
      ExpectSameBits(attention.Select(rows).Run(*device_).context,
                     all.Select(rows));
    }
  }
}

TEST_P(BatchInvarianceTest, CrossAttentionStep) {
  for (HeadShape heads : kHeadShapes) {
    CrossAttentionCase attention = RandomCrossAttention(heads, 30, 50);
    for (bool in_bfloat16 : {false, true}) {
      attention.in_bfloat16 = in_bfloat16;
      const Array all = attention.Run(*device_);
      const std::vector<int> rows = RandomRows(30);
      ExpectSameBits(attention.Select(rows).Run(*device_), all.Select(rows));
    }
  }
}

// Hypotheses of one sentence, side by side: a device may go through their cells
// together.
TEST_P(BatchInvarianceTest, CrossAttentionStepOfABeam) {
  for (HeadShape heads : kHeadShapes) {
    CrossAttentionCase attention = RandomCrossAttention(heads, 24, 50);
    for (int r = 0; r < 24; ++r) {  // beams of 1, 2, ... rows, then of 3
      const int first = r < 21 ? int((std::sqrt(8.0 * r + 1) - 1) / 2) : 6;
      attention.begins[r] = attention.begins[first * (first + 1) / 2];
      attention.lengths[r] = attention.lengths[first * (first + 1) / 2];
    }
    for (bool in_bfloat16 : {false, true}) {
      attention.in_bfloat16 = in_bfloat16;
      const Array all = attention.Run(*device_);
      for (int r = 0; r < 24; ++r) {
        SCOPED_TRACE(r);
        ExpectSameBits(attention.Select({r}).Run(*device_), all.Select({r}));
      }
    }
  }
}

TEST_P(BatchInvarianceTest, OutputTopK) {
  OutputTopKCase top_k;
  top_k.weight = RandomArray(2011, 64, 0.3f);
  top_k.bias = RandomVector(2011, 1.0f);
  top_k.x = RandomArray(50, 64, 2.0f);
  top_k.suppressed = {7, 9};
  top_k.constraints.resize(50);
  for (TokenConstraint& constraint : top_k.constraints) {
    constraint.forbidden = UniformInt(0, 2010);
  }
  top_k.k = 8;
  const Best all = top_k.Run(*device_);
  for (int i = 0; i < 5; ++i) {
    const std::vector<int> rows = RandomRows(50);
    const Best some = top_k.Select(rows).Run(*device_);
    ExpectSameBits(some.log_probs, all.log_probs.Select(rows));
    for (size_t r = 0; r < rows.size(); ++r) {
      for (int j = 0; j < top_k.k; ++j) {
        ASSERT_EQ(some.tokens[r * top_k.k + j],
                  all.tokens[rows[r] * top_k.k + j]);
      }
    }
  }
}

// Two workers share weights and must agree.
TEST_P(BatchInvarianceTest, InstancesShareWeights) {
  const LinearCase linear = RandomLinear(5, 64, 100, true);
  const auto packed =
      device_->PackLinear({linear.weight.data, linear.bias, 100, 64}).value();
  const std::unique_ptr<Kernels> other = GetParam().make().value();
  DeviceMemory memory(*other);
  Matrix y = memory.Put(linear.y);
  other->Linear(*packed, memory.Put(linear.x), Activation::kNone, y);
  ExpectSameBits(memory.Get(y), linear.Run(*device_));
}

}  // namespace
}  // namespace peregrine::kernels
