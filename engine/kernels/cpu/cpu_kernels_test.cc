// What the parity tests cannot see from outside.

#include "engine/kernels/cpu/cpu_kernels.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/precision.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {
std::atomic<int> allocations{0};  // by all threads
}  // namespace

// Counts every allocation of this binary. Not inlined, or g++ would warn of a
// `free` that answers a `new`.
__attribute__((noinline)) void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace peregrine::kernels {
namespace {

constexpr HeadShape kHeads = {2, 24};
constexpr int kDim = 48;
constexpr int kVocabSize = 100;
constexpr int kRows = 9;

// A worker with weights, and one step of everything it can do.
class Worker {
 public:
  explicit Worker(Isa isa, const CpuThreads& threads = {})
      : kernels_(isa, threads),
        qkv_weight_(Pack(3 * kDim)),
        weight_(Pack(kDim)),
        output_weight_(Pack(kVocabSize)) {}

  void Step(int rows) {
    const Matrix x = Of(x_, rows, kDim);
    const Matrix y = Of(y_, rows, kDim);
    const Matrix qkv = Of(qkv_, rows, 3 * kDim);
    const KvCells cache = {{keys_.data(), kRows, kDim, kDim},
                           {values_.data(), kRows, kDim, kDim}};
    EmbeddingTable table;
    table.table = x_.data();
    table.positions = y_.data();
    kernels_.Embed(table, numbers_.data(), numbers_.data(), x);
    kernels_.LayerNorm({y_.data(), y_.data()}, x, x);
    kernels_.Linear(*qkv_weight_, x, Activation::kGelu, qkv);
    kernels_.LinearAdd(*weight_, x, y);
    const int32_t offsets[] = {0, rows};
    kernels_.EncoderAttention(kHeads, {1, rows, offsets}, qkv, y);
    kernels_.StoreKeysValues(numbers_.data(), Of(qkv_, rows, 2 * kDim), cache);
    kernels_.SelfAttentionStep(kHeads, {rows, ones_.data(), numbers_.data(), 1},
                               qkv, cache, y);
    kernels_.CrossAttentionStep(kHeads, {rows, numbers_.data(), ones_.data()},
                                x, cache, y);
    kernels_.OutputTopK(
        *output_weight_, x, numbers_, {constraints_.data(), size_t(rows)},
        Of(logits_, rows, kVocabSize), {4, log_probs_.data(), tokens_.data()});
  }

 private:
  std::unique_ptr<LinearWeight> Pack(int out_dim) {
    const std::vector<float> weight(out_dim * kDim, 0.1f);
    return kernels_.PackLinear({weight, {}, out_dim, kDim}).value();
  }
  static Matrix Of(std::vector<float>& data, int rows, int cols) {
    return {data.data(), rows, cols};
  }

  CpuKernels kernels_;
  std::unique_ptr<LinearWeight> qkv_weight_, weight_, output_weight_;
  std::vector<float> x_ = std::vector<float>(kRows * kDim, 1.0f);
  std::vector<float> y_ = x_, keys_ = x_, values_ = x_;
  std::vector<float> qkv_ = std::vector<float>(kRows * 3 * kDim);
  std::vector<float> logits_ = std::vector<float>(kRows * kVocabSize);
  std::vector<float> log_probs_ = std::vector<float>(kRows * 4);
  std::vector<int32_t> tokens_ = std::vector<int32_t>(kRows * 4);
  std::vector<int32_t> numbers_ = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<int32_t> ones_ = std::vector<int32_t>(kRows, 1);
  std::vector<TokenConstraint> constraints_ =
      std::vector<TokenConstraint>(kRows);
};

TEST(CpuKernelsTest, AStepAllocatesNothing) {
  for (Isa isa : SupportedIsas()) {
    for (const CpuThreads& threads : {CpuThreads(), CpuThreads{3, 0}}) {
      SCOPED_TRACE(testing::Message()
                   << IsaName(isa) << ", " << threads.num_threads);
      Worker worker(isa, threads);
      const int before_first = allocations;
      worker.Step(kRows);
      EXPECT_GT(allocations, before_first) << "allocations are not counted";
      const int before = allocations;
      for (int rows : {kRows, 1, 5, kRows}) worker.Step(rows);
      EXPECT_EQ(allocations, before);
    }
  }
}

// y += x W^T + b of random numbers; the same for the same arguments.
std::vector<float> RandomProduct(CpuKernels& kernels, Precision precision,
                                 int rows, int in_dim, int out_dim) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  const auto draw = [&](int count) {
    std::vector<float> values(count);
    for (float& value : values) value = uniform(random);
    return values;
  };
  const std::vector<float> weight = draw(out_dim * in_dim);
  const std::vector<float> bias = draw(out_dim);
  std::vector<float> x = draw(rows * in_dim);
  std::vector<float> y = draw(rows * out_dim);
  const auto packed =
      kernels.PackLinear({weight, bias, out_dim, in_dim, precision}).value();
  kernels.LinearAdd(*packed, {x.data(), rows, in_dim},
                    {y.data(), rows, out_dim});
  return y;
}

// Deep products, whose partial sums wait in memory; fewer panels than threads;
// more rows than go into one product.
TEST(CpuKernelsTest, ThreadsChangeNoBitOfAProduct) {
  constexpr std::array<int, 3> kShapes[] = {
      {1, 2100, 300}, {7, 2100, 300}, {250, 600, 130}, {3, 50, 20}};
  const Isa isa = SupportedIsas().back();
  CpuKernels one(isa);
  for (int num_threads : {2, 3, 5}) {
    CpuKernels several(isa, CpuThreads{num_threads, 0});
    for (Precision precision :
         {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
      for (const auto& [rows, in_dim, out_dim] : kShapes) {
        SCOPED_TRACE(testing::Message()
                     << num_threads << " threads, " << PrecisionName(precision)
                     << ", " << rows << " x " << in_dim << " x " << out_dim);
        EXPECT_EQ(RandomProduct(several, precision, rows, in_dim, out_dim),
                  RandomProduct(one, precision, rows, in_dim, out_dim));
      }
    }
  }
}

// Attention, norms and the best outputs of random rows; the same for the same
// arguments. From the output 1200 on logits are `far` higher than before.
class StepOfRows {
 public:
  StepOfRows(int rows, float far) : rows_(rows) {
    for (int r = 0; r < rows; ++r) {
      lengths_.push_back(r % (kLength + 1));
      begins_.push_back(r * kLength);
      constraints_.push_back({r % 5 == 3 ? 1234 : -1, 1201 + r, r % 2 == 1});
    }
    for (int i = 1200; i < kOutputs; ++i) output_bias_[i] += far;
    for (int i = 0; i < kOutputs; i += 1 + i % 3) selected_.push_back(i);
  }

  std::vector<float> Run(CpuKernels& kernels, Precision precision) const {
    std::vector<float> x = x_, y = x_, keys = keys_;
    const KvCells cache = {
        {keys.data(), num_cells(), kWidth, 2 * kWidth},
        {keys.data() + kWidth, num_cells(), kWidth, 2 * kWidth}};
    const Matrix inputs = {x.data(), rows_, kWidth};
    kernels.StoreKeysValues(begins_.data(), {y.data(), rows_ / 2, 2 * kWidth},
                            cache);
    kernels.LayerNorm({gain_.data(), bias_.data()}, inputs, inputs);
    kernels.CrossAttentionStep(kStepHeads,
                               {rows_, begins_.data(), lengths_.data()}, inputs,
                               cache, {y.data(), rows_, kWidth});
    std::vector<float> results = y;
    const auto packed =
        kernels
            .PackLinear({weight_, output_bias_, kOutputs, kWidth, precision,
                         LinearRows::kHypotheses, LinearUse::kSelected})
            .value();
    const auto selection = kernels.SelectOutputs(*packed, selected_).value();
    std::vector<float> logits(size_t(rows_) * kOutputs);
    const Matrix scratch = {logits.data(), rows_, kOutputs};
    std::vector<float> log_probs(rows_ * kBest);
    std::vector<int32_t> tokens(rows_ * kBest);
    const TopK top = {kBest, log_probs.data(), tokens.data()};
    const auto add = [&] {
      results.insert(results.end(), log_probs.begin(), log_probs.end());
      results.insert(results.end(), tokens.begin(), tokens.end());
    };
    kernels.OutputTopK(*packed, inputs, suppressed_, constraints_, scratch,
                       top);
    add();
    kernels.SelectedTopK(*packed, *selection, inputs, suppressed_, constraints_,
                         scratch, top);
    add();
    return results;
  }

 private:
  static constexpr HeadShape kStepHeads = {3, 24};
  static constexpr int kWidth = 72;
  static constexpr int kLength = 11;
  static constexpr int kBest = 5;
  static constexpr int kOutputs = 3001;

  int num_cells() const { return rows_ * kLength; }
  std::vector<float> Draw(size_t count) {
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    std::vector<float> values(count);
    for (float& value : values) value = uniform(random_);
    return values;
  }

  const int rows_;
  std::mt19937 random_{6};
  std::vector<int32_t> lengths_, begins_, selected_;
  const std::vector<int32_t> suppressed_ = {0, 7, 3000};
  std::vector<TokenConstraint> constraints_;
  const std::vector<float> x_ = Draw(size_t(rows_) * kWidth);
  const std::vector<float> keys_ = Draw(size_t(rows_) * kLength * 2 * kWidth);
  const std::vector<float> gain_ = Draw(kWidth), bias_ = Draw(kWidth);
  const std::vector<float> weight_ = Draw(size_t(kOutputs) * kWidth);
  std::vector<float> output_bias_ = Draw(kOutputs);
};

// A row alone and a few, whose outputs are computed at once, and more than are.
TEST(CpuKernelsTest, ThreadsChangeNoBitOfAStep) {
  const Isa isa = SupportedIsas().back();
  CpuKernels one(isa);
  for (int num_threads : {2, 5}) {
    CpuKernels several(isa, CpuThreads{num_threads, 0});
    for (Precision precision : {Precision::kFloat32, Precision::kInt8}) {
      for (int rows : {1, 4, 50}) {
        for (float far : {0.0f, 80.0f}) {
          SCOPED_TRACE(testing::Message() << num_threads << " threads, "
                                          << PrecisionName(precision) << ", "
                                          << rows << " rows, " << far);
          const StepOfRows step(rows, far);
          EXPECT_EQ(step.Run(several, precision), step.Run(one, precision));
        }
      }
    }
  }
}

TEST(CpuKernelsDeathTest, RefusesWeightsPackedForAnotherInstructionSet) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::vector<Isa> isas = SupportedIsas();
  if (isas.size() < 2) GTEST_SKIP() << "this machine has one instruction set";
  CpuKernels weakest(isas.front());
  CpuKernels best(isas.back());
  std::vector<float> data(16, 1.0f);
  const auto weight = weakest.PackLinear({data, {}, 4, 4}).value();
  const Matrix x = {data.data(), 1, 4};
  std::vector<float> y(4);
  EXPECT_DEATH(best.Linear(*weight, x, Activation::kNone, {y.data(), 1, 4}),
               "another device");
}

TEST(CpuKernelsDeathTest, RefusesShapesThatDoNotFit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  CpuKernels kernels(SupportedIsas().back());
  std::vector<float> data(16, 1.0f);
  const auto weight = kernels.PackLinear({data, {}, 4, 4}).value();
  std::vector<float> y(8);
  EXPECT_DEATH(kernels.Linear(*weight, {data.data(), 2, 4}, Activation::kNone,
                              {y.data(), 2, 3}),
               "expected \\[2, 4\\]");
}

}  // namespace
}  // namespace peregrine::kernels
