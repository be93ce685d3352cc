// The output projection and search for the best tokens of every device against
// the plain loops of reference/.

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
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

constexpr float kInfinity = std::numeric_limits<float>::infinity();

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
  LinearUse use = LinearUse::kSelected;
  std::vector<int32_t> wanted;  // empty: k of each row

  Best Run(Kernels& kernels) const {
    DeviceMemory memory(kernels);
    const auto packed =
        kernels
            .PackLinear({weight.data, bias, weight.rows, weight.cols, precision,
                         LinearRows::kHypotheses, use})
            .value();
    Best best = {Array(x.rows, k), std::vector<int32_t>(size_t(x.rows) * k)};
    const Matrix inputs = memory.Put(x);
    const Matrix logits = memory.Put(Array(x.rows, weight.rows));
    const TopK result = {k, best.log_probs.data.data(), best.tokens.data(),
                         wanted.empty() ? nullptr : wanted.data()};
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

class OutputParityTest : public KernelsTest {
 protected:
  // The best 8 of 2011 outputs, some of which may not be.
  OutputTopKCase RandomTopK(int rows, int in_dim) {
    OutputTopKCase top_k;
    top_k.weight = RandomArray(2011, in_dim, 0.3f);
    top_k.bias = RandomVector(2011, 1.0f);
    top_k.x = RandomArray(rows, in_dim, 2.0f);
    top_k.suppressed = {7, 9};
    top_k.constraints.resize(rows);
    for (TokenConstraint& constraint : top_k.constraints) {
      constraint.forbidden = UniformInt(0, 2010);
    }
    top_k.k = 8;
    return top_k;
  }
};

using OutputInvarianceTest = BatchInvariance<OutputParityTest>;

INSTANTIATE_TEST_SUITE_P(Devices, OutputParityTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, OutputParityTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(Devices, OutputInvarianceTest,
                         ::testing::ValuesIn(DevicesUnderTest()), DeviceName);
INSTANTIATE_TEST_SUITE_P(TunedGpus, OutputInvarianceTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()), DeviceName);

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

TEST_P(OutputParityTest, TopKOfAnyVocabularyAndK) {
  for (int vocab_size : {1, 2, 9, 16, 17, 70, 1000, 8003}) {
    for (int k : {1, 2, 8, 16, 40}) {
      SCOPED_TRACE(absl::StrCat(k, " of ", vocab_size));
      ExpectTopKParity(IntegerTopK(RandomIntegers(vocab_size, 6, 9),
                                   RandomIntegers(5, 6, 9), k),
                       *device_, reference_);
    }
  }
}

TEST_P(OutputParityTest, TopKOfRandomLogits) {
  OutputTopKCase top_k;
  top_k.weight = RandomArray(3001, 64, 0.3f);
  top_k.bias = RandomVector(3001, 1.0f);
  top_k.x = RandomArray(20, 64, 2.0f);
  top_k.constraints.resize(20);
  top_k.k = 8;
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(OutputParityTest, TopKOfLargeLogits) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(500, 4, 90), RandomIntegers(6, 4, 90), 8);
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(OutputParityTest, TopKTiesGoToTheLowerToken) {
  OutputTopKCase top_k = IntegerTopK(Array(300, 2), RandomArray(1, 2, 1.0f), 4);
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(0, 1, 2, 3));
  top_k.bias.resize(300);
  top_k.bias[299] = top_k.bias[50] = top_k.bias[170] = 1.0f;
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(50, 170, 299, 0));
}

// Rising logits replace the worst of the best at every token.
TEST_P(OutputParityTest, TopKOfRisingLogits) {
  OutputTopKCase top_k = IntegerTopK(Array(1000, 1), Array(1, 1), 5);
  top_k.bias.resize(1000);
  std::iota(top_k.bias.begin(), top_k.bias.end(), -500.0f);
  EXPECT_THAT(top_k.Run(*device_).tokens, ElementsAre(999, 998, 997, 996, 995));
}

// Exponentials are summed up from block to block of the vocabulary: no later
// logit may overflow what the first ones set the scale for.
TEST_P(OutputParityTest, TopKOfLogitsFarAboveTheFirst) {
  for (float rise : {50.0f, 70.0f, 120.0f}) {
    SCOPED_TRACE(rise);
    OutputTopKCase top_k = IntegerTopK(RandomIntegers(3000, 3, 4),
                                       RandomIntegers(4, 3, 4), /*k=*/4);
    top_k.bias.resize(3000);
    for (int i = 1000; i < 3000; ++i) top_k.bias[i] = i < 2000 ? rise : -rise;
    ExpectTopKParity(top_k, *device_, reference_);
  }
}

TEST_P(OutputParityTest, TopKUnderConstraints) {
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

TEST_P(OutputParityTest, TopKNeverGivesTheForbiddenToken) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(20, 4, 9), RandomIntegers(20, 4, 9), 20);
  for (int r = 0; r < 20; ++r) top_k.constraints[r].forbidden = r;
  ExpectTopKParity(top_k, *device_, reference_);
}

TEST_P(OutputParityTest, TopKWithoutAnyAllowedToken) {
  OutputTopKCase top_k =
      IntegerTopK(RandomIntegers(3, 2, 5), RandomIntegers(1, 2, 5), 2);
  top_k.suppressed = {0, 1};
  top_k.constraints[0].forbidden = 2;
  const Best best = top_k.Run(*device_);
  EXPECT_THAT(best.tokens, ElementsAre(-1, -1));
  EXPECT_THAT(best.log_probs.data, ElementsAre(-kInfinity, -kInfinity));
}

TEST_P(OutputParityTest, TopKLeavesOutImpossibleTokens) {
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

// Rising, and not all of them.
std::vector<int32_t> RandomSelection(int count, std::vector<int> permutation) {
  permutation.resize(count);
  std::sort(permutation.begin(), permutation.end());
  return {permutation.begin(), permutation.end()};
}

TEST_P(OutputParityTest, SelectedTopKUnderConstraints) {
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
TEST_P(OutputParityTest, SelectingAllIsSelectingNone) {
  OutputTopKCase top_k = RandomTopK(20, 70);
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

// Whether or not the device has prepared the weight for it, and however many
// rows and inputs there are.
TEST_P(OutputParityTest, SelectedOutputsHaveTheirBits) {
  if (!device_->gains_by_selections()) GTEST_SKIP() << "it prepares nothing";
  for (Precision precision : GetParam().precisions) {
    for (int in_dim : {5, 70, 200}) {
      for (int rows : {1, 2, 7}) {
        SCOPED_TRACE(
            absl::StrCat(PrecisionName(precision), " ", rows, " x ", in_dim));
        OutputTopKCase top_k = RandomTopK(rows, in_dim);
        top_k.precision = precision;
        top_k.selection = RandomSelection(715, RandomPermutation(2011));
        const Best prepared = top_k.Run(*device_);
        top_k.use = LinearUse::kPlain;
        const Best plain = top_k.Run(*device_);
        ExpectSameBits(prepared.log_probs, plain.log_probs);
        ASSERT_EQ(prepared.tokens, plain.tokens);
      }
    }
  }
}

// As many as are wanted of a row are those that are best without being told.
TEST_P(OutputParityTest, TopKOfAsManyAsAreWanted) {
  for (bool selects : {false, true}) {
    OutputTopKCase top_k = RandomTopK(5, 20);
    if (selects) {
      top_k.selection = RandomSelection(715, RandomPermutation(2011));
    }
    const Best all = top_k.Run(*device_);
    for (int r = 0; r < 5; ++r) top_k.wanted.push_back(UniformInt(1, 8));
    const Best some = top_k.Run(*device_);
    for (int r = 0; r < 5; ++r) {
      for (int i = 0; i < top_k.wanted[r]; ++i) {
        const int at = r * top_k.k + i;
        ASSERT_EQ(some.tokens[at], all.tokens[at]) << r << ", " << i;
        ASSERT_EQ(some.log_probs.data[at], all.log_probs.data[at]);
      }
    }
  }
}

TEST_P(OutputInvarianceTest, SelectedTopK) {
  if (!device_->gains_by_selections()) GTEST_SKIP() << "picked on the host";
  for (Precision precision : GetParam().precisions) {
    OutputTopKCase top_k = RandomTopK(50, 64);
    top_k.precision = precision;
    top_k.selection = RandomSelection(715, RandomPermutation(2011));
    const Best all = top_k.Run(*device_);
    for (int i = 0; i < 3; ++i) {
      const std::vector<int> rows = RandomRows(50);
      const Best some = top_k.Select(rows).Run(*device_);
      ExpectSameBits(some.log_probs, all.log_probs.Select(rows));
    }
  }
}

TEST_P(OutputInvarianceTest, TopK) {
  OutputTopKCase top_k = RandomTopK(50, 64);
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

}  // namespace
}  // namespace peregrine::kernels
