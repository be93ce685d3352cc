// Attention of every device against the plain loops of reference/.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

// Biases by distance, on the host; without a table: none.
struct Biases {
  int max_distance = 0;
  std::vector<float> table;

  HeadShape Put(HeadShape heads, DeviceMemory& memory) const {
    if (!table.empty()) heads.bias = {memory.Put(table), max_distance};
    return heads;
  }
};

struct EncoderAttentionCase {
  HeadShape heads;
  std::vector<Array> sequences;  // qkv of each
  Biases biases = {};

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
        biases.Put(heads, memory),
        {int(sequences.size()), max_length, memory.Put(offsets)},
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
  Biases biases = {};

  Attended Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const DeviceCells cache(keys, values, in_bfloat16, memory);
    Matrix context = memory.Put(Array(qkv.rows, heads.width()));
    kernels.SelfAttentionStep(biases.Put(heads, memory),
                              PutStepRows(cells, memory), memory.Put(qkv),
                              cache.cells(), context);
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

class AttentionParityTest : public KernelsTest {
 protected:
  SelfAttentionCase RandomSelfAttention(HeadShape heads, int rows,
                                        int max_length);
  CrossAttentionCase RandomCrossAttention(HeadShape heads, int rows,
                                          int max_length);
  Biases RandomBiases(HeadShape heads, int max_distance) {
    return {max_distance,
            RandomVector(heads.num_heads * (2 * max_distance + 1), 8.0f)};
  }
};

using AttentionInvarianceTest = BatchInvariance<AttentionParityTest>;

INSTANTIATE_TEST_SUITE_P(Devices, AttentionParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, AttentionParityTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(Devices, AttentionInvarianceTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, AttentionInvarianceTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);

TEST_P(AttentionParityTest, EncoderAttention) {
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

TEST_P(AttentionParityTest, EncoderAttentionOfALongSequence) {
  const HeadShape heads = {2, 64};
  EncoderAttentionCase attention{heads,
                                 {RandomArray(700, 3 * heads.width(), 1.0f)}};
  const double norm = std::sqrt(64.0);
  const Array actual = attention.Run(*device_);
  ExpectNear(actual, attention.Run(reference_), [&](int, int) {
    return AttentionTolerance(heads, norm, norm, 1.0);
  });
}

SelfAttentionCase AttentionParityTest::RandomSelfAttention(HeadShape heads,
                                                           int rows,
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

TEST_P(AttentionParityTest, SelfAttentionStep) {
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

// Sequences shorter than the longest distance, as long, and longer.
TEST_P(AttentionParityTest, EncoderAttentionWithBiases) {
  for (HeadShape heads : kHeadShapes) {
    for (int max_distance : {1, 12, 40, 128}) {
      SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                ", distances to ", max_distance));
      EncoderAttentionCase attention;
      attention.heads = heads;
      attention.biases = RandomBiases(heads, max_distance);
      for (int length : {1, 5, 0, 27, 16, 41, 64, 2}) {
        attention.sequences.push_back(
            RandomArray(length, 3 * heads.width(), 1.0f));
      }
      const double norm = std::sqrt(double(heads.head_dim));
      ExpectNear(attention.Run(*device_), attention.Run(reference_),
                 [&](int, int) {
                   return AttentionTolerance(heads, norm, norm + 8.0, 1.0);
                 });
    }
  }
}

TEST_P(AttentionParityTest, SelfAttentionStepWithBiases) {
  for (HeadShape heads : kHeadShapes) {
    for (int max_distance : {1, 20, 128}) {
      SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                ", distances to ", max_distance));
      SelfAttentionCase attention = RandomSelfAttention(heads, 12, 200);
      attention.biases = RandomBiases(heads, max_distance);
      for (bool in_bfloat16 : {false, true}) {
        attention.in_bfloat16 = in_bfloat16;
        const double norm = 2.0 * std::sqrt(double(heads.head_dim));
        ExpectNear(attention.Run(*device_).context,
                   attention.Run(reference_).context, [&](int, int) {
                     return AttentionTolerance(heads, norm, norm + 8.0, 2.0);
                   });
      }
    }
  }
}

TEST_P(AttentionParityTest, StoreKeysValues) {
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

CrossAttentionCase AttentionParityTest::RandomCrossAttention(HeadShape heads,
                                                             int rows,
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

TEST_P(AttentionParityTest, CrossAttentionStep) {
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

TEST_P(AttentionParityTest, AttentionToNothingIsZero) {
  CrossAttentionCase attention = RandomCrossAttention({2, 10}, 1, 5);
  attention.lengths[0] = 0;
  EXPECT_THAT(attention.Run(*device_).data, ::testing::Each(0.0f));
}

// Scores of hundreds: the softmax must neither overflow nor lose the largest.
TEST_P(AttentionParityTest, AttentionWithLargeScores) {
  CrossAttentionCase attention = RandomCrossAttention({1, 64}, 4, 50);
  for (float& x : attention.queries.data) x *= 100.0f;
  const Array actual = attention.Run(*device_);
  ExpectNear(actual, attention.Run(reference_), [&](int, int) {
    return AttentionTolerance({1, 64}, 200.0 * 8.0, 2.0 * 8.0, 2.0);
  });
}

TEST_P(AttentionInvarianceTest, EncoderAttention) {
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

TEST_P(AttentionInvarianceTest, SelfAttentionStep) {
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

TEST_P(AttentionInvarianceTest, AttentionWithBiases) {
  for (HeadShape heads : kHeadShapes) {
    EncoderAttentionCase attention;
    attention.heads = heads;
    attention.biases = RandomBiases(heads, 16);
    Array alone(0, heads.width());
    for (int length : {7, 1, 27, 40, 12, 64}) {
      const Array sequence = RandomArray(length, 3 * heads.width(), 2.0f);
      attention.sequences.push_back(sequence);
      const Array context =
          EncoderAttentionCase{heads, {sequence}, attention.biases}.Run(
              *device_);
      alone.rows += length;
      alone.data.insert(alone.data.end(), context.data.begin(),
                        context.data.end());
    }
    ExpectSameBits(attention.Run(*device_), alone);

    SelfAttentionCase step = RandomSelfAttention(heads, 30, 50);
    step.biases = attention.biases;
    for (bool in_bfloat16 : {false, true}) {
      step.in_bfloat16 = in_bfloat16;
      const Array all = step.Run(*device_).context;
      const std::vector<int> rows = RandomRows(30);
      ExpectSameBits(step.Select(rows).Run(*device_).context, all.Select(rows));
    }
  }
}

TEST_P(AttentionInvarianceTest, CrossAttentionStep) {
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
TEST_P(AttentionInvarianceTest, CrossAttentionStepOfABeam) {
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

// Keys and values that are copied ahead: whatever is copied, the sums are the
// same. Lengths of no whole tiles, of one, and of several; heads that are not
// of whole vectors, or too wide, are read as they were.
class KeysAheadTest : public AttentionParityTest {};

INSTANTIATE_TEST_SUITE_P(Gpus, KeysAheadTest,
                         ::testing::ValuesIn(GpusUnderTest()), DeviceName);

TEST_P(KeysAheadTest, GiveTheSameBits) {
  GpuTuning tuning;
  tuning.keys_ahead = true;
  for (bool dependent_launch : {false, true}) {
    tuning.dependent_launch = dependent_launch;
    const auto ahead = MakeGpu(GetParam().name, tuning);
    for (HeadShape heads : kHeadShapes) {
      for (int max_length : {1, 31, 32, 33, 100}) {
        SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                  ", length ", max_length));
        SelfAttentionCase own = RandomSelfAttention(heads, 9, max_length);
        CrossAttentionCase cross = RandomCrossAttention(heads, 9, max_length);
        own.biases = RandomBiases(heads, 8);
        own.in_bfloat16 = cross.in_bfloat16 = true;
        const Attended expected = own.Run(*device_);
        const Array expected_cross = cross.Run(*device_);
        TakeEmulatedKernels();
        const Attended found = own.Run(*ahead);
        ExpectSameBits(found.context, expected.context);
        ExpectSameBits(found.keys, expected.keys);
        ExpectSameBits(cross.Run(*ahead), expected_cross);
        if (GetParam().name != "cuda_emulated") continue;
        const bool can_be = heads.head_dim % 8 == 0 && heads.head_dim <= 64;
        EXPECT_EQ(TakeEmulatedKernels().count("KeysAheadAttentionKernel"),
                  can_be ? 1u : 0u);
      }
    }
  }
}

}  // namespace
}  // namespace peregrine::kernels
