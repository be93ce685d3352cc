// The operations that update decoder states, of every device, against the plain
// loops of reference/.

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

constexpr int kDims[] = {1, 3, 16, 37, 64, 130, 512};

struct Updated {
  Array y;
  Array states;  // of all cells
};

// AverageStep or SsruStep.
struct StateCase {
  Array x;       // of SsruStep: projected, twice as wide as the states
  Array states;  // of all cells
  Array y;       // of SsruStep; else what must be overwritten
  CellLists cells;

  Updated Run(Kernels& kernels, bool average) const {
    DeviceMemory memory(kernels);
    const Matrix states_device = memory.Put(states);
    const Matrix y_device = memory.Put(y);
    const StepRows rows = PutStepRows(cells, memory);
    if (average) {
      kernels.AverageStep(rows, memory.Put(x), states_device, y_device);
    } else {
      kernels.SsruStep(rows, memory.Put(x), states_device, y_device);
    }
    return {memory.Get(y_device), memory.Get(states_device)};
  }

  StateCase Select(const std::vector<int>& rows) const {
    StateCase selected = *this;
    selected.x = x.Select(rows);
    selected.y = y.Select(rows);
    selected.cells.clear();
    for (int r : rows) selected.cells.push_back(cells[r]);
    return selected;
  }
};

struct AddGatedCase {
  Array a_gate, a_value, b_gate, b_value, y;
  bool value_is_y = false;  // then a_value is not used

  Array Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const Matrix y_device = memory.Put(y);
    kernels.AddGated(
        {memory.Put(a_gate), value_is_y ? y_device : memory.Put(a_value)},
        {memory.Put(b_gate), memory.Put(b_value)}, y_device);
    return memory.Get(y_device);
  }

  AddGatedCase Select(const std::vector<int>& rows) const {
    return {a_gate.Select(rows),  a_value.Select(rows), b_gate.Select(rows),
            b_value.Select(rows), y.Select(rows),       value_is_y};
  }
};

struct CompressedAttentionCase {
  HeadShape heads;
  Array projected;
  Array source_keys, source_values;
  Array target_keys, target_values;
  std::vector<int32_t> begins, lengths;  // of the source spans
  CellLists cells;
  bool in_bfloat16 = false;

  Attended Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const DeviceCells source(source_keys, source_values, in_bfloat16, memory);
    const DeviceCells target(target_keys, target_values, in_bfloat16, memory);
    const Matrix context =
        memory.Put(Array(projected.rows, target_values.cols));
    kernels.CompressedAttentionStep(
        heads,
        {{projected.rows, memory.Put(begins), memory.Put(lengths)},
         source.cells(),
         PutStepRows(cells, memory),
         target.cells()},
        memory.Put(projected), context);
    return {memory.Get(context), target.keys(), target.values()};
  }

  CompressedAttentionCase Select(const std::vector<int>& rows) const {
    CompressedAttentionCase selected = *this;
    selected.projected = projected.Select(rows);
    selected.cells.clear();
    selected.begins.clear();
    selected.lengths.clear();
    for (int r : rows) {
      selected.cells.push_back(cells[r]);
      selected.begins.push_back(begins[r]);
      selected.lengths.push_back(lengths[r]);
    }
    return selected;
  }
};

class DecoderStateTest : public KernelsTest {
 protected:
  StateCase RandomState(int rows, int dim, int max_length, bool average) {
    const int num_cells = rows + max_length + 10;
    StateCase state;
    state.x = RandomArray(rows, average ? dim : 2 * dim, 3.0f);
    state.states = RandomArray(num_cells, dim, 3.0f);
    state.y = RandomArray(rows, dim, 3.0f);
    state.cells = RandomCells(rows, max_length, num_cells);
    state.cells[0].resize(1);  // one row at its first position
    state.cells[0][0] = 0;
    for (int r = 1; r < rows; ++r) state.cells[r].back() = r;
    return state;
  }

  AddGatedCase RandomGates(int rows, int dim) {
    return {RandomArray(rows, dim, 9.0f), RandomArray(rows, dim, 3.0f),
            RandomArray(rows, dim, 9.0f), RandomArray(rows, dim, 3.0f),
            RandomArray(rows, dim, 3.0f)};
  }

  CompressedAttentionCase RandomAttention(HeadShape heads, int value_dim,
                                          int rows, int max_length) {
    const int num_cells = rows + max_length + 10;
    const int value_width = heads.num_heads * value_dim;
    CompressedAttentionCase attention;
    attention.heads = heads;
    attention.projected =
        RandomArray(rows, 2 * heads.width() + 2 * value_width, 2.0f);
    attention.source_keys = RandomArray(num_cells, heads.width(), 2.0f);
    attention.source_values = RandomArray(num_cells, value_width, 2.0f);
    attention.target_keys = RandomArray(num_cells, heads.width(), 2.0f);
    attention.target_values = RandomArray(num_cells, value_width, 2.0f);
    attention.cells = RandomCells(rows, max_length, num_cells);
    for (int r = 0; r < rows; ++r) {
      attention.lengths.push_back(r == 0 ? 0 : UniformInt(0, max_length));
      attention.begins.push_back(
          UniformInt(0, num_cells - attention.lengths.back()));
    }
    // The last row ends where the cells end.
    attention.lengths.back() = max_length;
    attention.begins.back() = num_cells - max_length;
    return attention;
  }

  void ExpectStateParity(const StateCase& state, bool average) {
    const Updated actual = state.Run(*device_, average);
    const Updated expected = state.Run(reference_, average);
    // Inputs are below 3, sums of two of them below 6.
    const auto tolerance = [](int, int) { return 32 * kEpsilon; };
    ExpectNear(actual.states, expected.states, tolerance);
    ExpectNear(actual.y, expected.y, tolerance);
  }

  // With caches of either type. Both round to the same bfloat16.
  void ExpectAttentionParity(CompressedAttentionCase attention) {
    const double norm = 2.0 * std::sqrt(double(attention.heads.head_dim));
    const double tolerance =
        AttentionTolerance(attention.heads, norm, norm, 2.0);
    for (bool in_bfloat16 : {false, true}) {
      SCOPED_TRACE(in_bfloat16 ? "bfloat16" : "float32");
      attention.in_bfloat16 = in_bfloat16;
      const Attended actual = attention.Run(*device_);
      const Attended expected = attention.Run(reference_);
      ExpectSameBits(actual.keys, expected.keys);
      ExpectSameBits(actual.values, expected.values);
      ExpectNear(actual.context, expected.context,
                 [&](int, int) { return tolerance; });
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, DecoderStateTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, DecoderStateTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);

TEST_P(DecoderStateTest, AverageStep) {
  for (int dim : kDims) {
    for (int max_length : {1, 2, 100}) {
      SCOPED_TRACE(absl::StrCat(dim, ", length ", max_length));
      ExpectStateParity(RandomState(9, dim, max_length, true), true);
    }
  }
}

TEST_P(DecoderStateTest, SsruStep) {
  for (int dim : kDims) {
    for (int max_length : {1, 2, 100}) {
      SCOPED_TRACE(absl::StrCat(dim, ", length ", max_length));
      ExpectStateParity(RandomState(9, dim, max_length, false), false);
    }
  }
}

// The first position follows zero, whatever the cells hold.
TEST_P(DecoderStateTest, FirstPositionReadsNoState) {
  for (bool average : {true, false}) {
    StateCase state = RandomState(5, 37, 1, average);
    for (float& x : state.states.data) x = NAN;
    const Array y = state.Run(*device_, average).y;
    for (float x : y.data) ASSERT_FALSE(std::isnan(x));
    ExpectNear(y, state.Run(reference_, average).y,
               [](int, int) { return 32 * kEpsilon; });
  }
}

// A mean of many is the mean: the divisor is the position's.
TEST_P(DecoderStateTest, AverageOverAllPositions) {
  const int kPositions = 60;
  const Array inputs = RandomArray(kPositions, 37, 3.0f);
  StateCase step;
  step.states = Array(kPositions, 37);
  step.y = Array(1, 37);
  std::vector<double> sums(37);
  std::vector<int32_t> cells;
  for (int t = 0; t < kPositions; ++t) {
    cells.push_back(kPositions - 1 - t);
    step.cells = {cells};
    step.x = inputs.Select({t});
    const Updated updated = step.Run(*device_, true);
    step.states = updated.states;
    for (int i = 0; i < 37; ++i) {
      sums[i] += inputs.row(t)[i];
      // An epsilon a position at most.
      ASSERT_NEAR(updated.y.row(0)[i], sums[i] / (t + 1), 4 * t * kEpsilon)
          << "position " << t;
    }
  }
}

// Gates at their ends: nothing overflows, and what is open or shut is so.
TEST_P(DecoderStateTest, SsruForgetsNothingOrAll) {
  StateCase state = RandomState(4, 24, 9, false);
  state.cells[1].assign({20, 1});
  state.cells[2].assign({20, 2});
  for (int i = 0; i < 24; ++i) {
    state.x.row(1)[24 + i] = 1000.0f;
    state.x.row(2)[24 + i] = -1000.0f;
  }
  const Updated actual = state.Run(*device_, false);
  for (int i = 0; i < 24; ++i) {
    EXPECT_NEAR(actual.states.row(1)[i], state.states.row(20)[i], 8 * kEpsilon);
    EXPECT_NEAR(actual.states.row(2)[i], state.x.row(2)[i], 8 * kEpsilon);
  }
}

TEST_P(DecoderStateTest, AddGated) {
  for (int dim : kDims) {
    for (bool value_is_y : {false, true}) {
      SCOPED_TRACE(absl::StrCat(dim, value_is_y ? ", in place" : ""));
      AddGatedCase gates = RandomGates(7, dim);
      gates.value_is_y = value_is_y;
      gates.a_gate.row(0)[0] = 1000.0f;
      gates.b_gate.row(0)[0] = -1000.0f;
      ExpectNear(gates.Run(*device_), gates.Run(reference_),
                 [](int, int) { return 32 * kEpsilon; });
    }
  }
}

TEST_P(DecoderStateTest, CompressedAttentionStep) {
  for (HeadShape heads : kHeadShapes) {
    for (int value_dim : {1, 9, 64, 130}) {
      for (int max_length : {1, 27, 200}) {
        SCOPED_TRACE(absl::StrCat(heads.num_heads, " x ", heads.head_dim,
                                  ", values ", value_dim, ", length ",
                                  max_length));
        ExpectAttentionParity(RandomAttention(heads, value_dim, 7, max_length));
      }
    }
  }
}

TEST_P(DecoderStateTest, CompressedAttentionOfThePaper) {
  ExpectAttentionParity(RandomAttention({8, 64}, 256, 5, 60));
  ExpectAttentionParity(RandomAttention({1, 64}, 2048, 5, 60));
}

TEST_P(DecoderStateTest, NoRows) {
  DeviceMemory memory(*device_);
  const Matrix states = memory.Put(Array(3, 8));
  device_->AverageStep({}, {nullptr, 0, 8}, states, {nullptr, 0, 8});
  device_->SsruStep({}, {nullptr, 0, 16}, states, {nullptr, 0, 8});
  device_->AddGated({{nullptr, 0, 8}, {nullptr, 0, 8}},
                    {{nullptr, 0, 8}, {nullptr, 0, 8}}, {nullptr, 0, 8});
  const StridedMatrix cells = {states.data, 3, 8, 8};
  device_->CompressedAttentionStep({1, 8},
                                   {{}, {cells, cells}, {}, {cells, cells}},
                                   {nullptr, 0, 32}, {nullptr, 0, 8});
}

// A row depends on its own arguments alone, bit for bit.
TEST_P(DecoderStateTest, StateOfARowInAnyCompany) {
  for (bool average : {true, false}) {
    for (int dim : kDims) {
      const StateCase state = RandomState(30, dim, 50, average);
      const Array all = state.Run(*device_, average).y;
      std::vector<int> rows = RandomPermutation(30);
      rows.resize(UniformInt(1, 30));
      ExpectSameBits(state.Select(rows).Run(*device_, average).y,
                     all.Select(rows));
    }
  }
}

TEST_P(DecoderStateTest, GatesOfARowInAnyCompany) {
  for (int dim : kDims) {
    const AddGatedCase gates = RandomGates(30, dim);
    const Array all = gates.Run(*device_);
    const std::vector<int> rows = RandomRows(30);
    ExpectSameBits(gates.Select(rows).Run(*device_), all.Select(rows));
  }
}

TEST_P(DecoderStateTest, CompressedAttentionOfARowInAnyCompany) {
  for (HeadShape heads : kHeadShapes) {
    CompressedAttentionCase attention = RandomAttention(heads, 17, 30, 50);
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

}  // namespace
}  // namespace peregrine::kernels
