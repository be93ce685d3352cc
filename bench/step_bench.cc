// Times each operation of a decode step and of an encoder chunk of base 6-6/32K
// on a GPU, apart: what docs/gpu.md expects of each stands beside it in the
// table of `bench/gpu --steps`, which starts this. One line of JSON an
// operation and number of rows.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/precision.h"

namespace peregrine {
namespace {

using kernels::Activation;
using kernels::Kernels;
using kernels::LinearRows;
using kernels::LinearUse;
using kernels::LinearWeight;
using kernels::Matrix;

constexpr kernels::HeadShape kHeads = {8, 64};
constexpr int kDim = 512;
constexpr int kInner = 2048;
constexpr int kVocabulary = 32000;
constexpr int kSource = 27;   // tokens of a sentence
constexpr int kTarget = 14;   // so far
constexpr int kRepeats = 20;  // in a step, so that starting it hardly counts
constexpr int kSteps = 7;

struct Options {
  std::string device = "cuda:0";
  std::string precision = "fp16";
  std::string tuning;
  std::vector<int> rows = {1, 64, 512};
  int chunk_tokens = 4096;
};

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "step_bench: " << value.status() << "\n";
  std::exit(1);
}

// What the operations read and write, for up to so many rows.
class Workbench {
 public:
  Workbench(Kernels& kernels, kernels::Precision precision, int max_rows)
      : kernels_(kernels), precision_(precision), max_rows_(max_rows) {
    const size_t cells = static_cast<size_t>(max_rows) * (kSource + kTarget);
    Ints(lengths, max_rows, [](int) { return kTarget; });
    Ints(source_lengths, max_rows, [](int) { return kSource; });
    Ints(source_begins, max_rows, [](int r) { return r * kSource; });
    Ints(target_cells, max_rows * kTarget,
         [&](int i) { return max_rows * kSource + i; });
    Ints(tokens, max_rows, [](int r) { return r * 7919 % kVocabulary; });
    Ints(positions, max_rows, [](int) { return kTarget; });
    Ints(offsets, max_rows / kSource + 1, [](int s) { return s * kSource; });
    x = New(max_rows, kDim);
    wide = New(max_rows, kInner);
    context = New(max_rows, kDim);
    norm.gain = New(1, kDim).data;
    norm.bias = New(1, kDim).data;
    cache.keys = {nullptr, static_cast<int>(cells), kDim, 2 * kDim};
    cache.values = cache.keys;
    auto* const stored = static_cast<uint16_t*>(Memory(cells * 4 * kDim));
    cache.bfloat16_keys = stored;
    cache.bfloat16_values = stored + kDim;
    table.bfloat16_table =
        static_cast<uint16_t*>(Memory(size_t{2} * kVocabulary * kDim));
    table.positions = New(kTarget + 1, kDim).data;
  }

  // Whose memory is zeros or what chance left, but for small numbers in
  // weights: the operations take the same time with any.
  std::unique_ptr<LinearWeight> Weight(int out_dim, int in_dim, LinearUse use,
                                       LinearRows of) {
    std::vector<float> weight(static_cast<size_t>(out_dim) * in_dim);
    for (size_t i = 0; i < weight.size(); ++i) {
      weight[i] = static_cast<float>(i * 7919 % 1009) / 1009.0f - 0.5f;
    }
    const std::vector<float> bias(out_dim, 0.1f);
    return OrDie(kernels_.PackLinear(
        {weight, bias, out_dim, in_dim, precision_, of, use}));
  }

  Matrix New(int rows, int cols) {
    const size_t count = static_cast<size_t>(rows) * cols;
    auto* const data = static_cast<float*>(Memory(count * sizeof(float)));
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(i * 104729 % 997) / 997.0f - 0.5f;
    }
    kernels_.CopyToDevice(values.data(), count * sizeof(float), data);
    return {data, rows, cols};
  }

  kernels::StepRows Rows(int rows) const {
    return {rows, lengths, target_cells, kTarget};
  }

  int32_t* lengths = nullptr;
  int32_t* source_lengths = nullptr;
  int32_t* source_begins = nullptr;
  int32_t* target_cells = nullptr;
  int32_t* tokens = nullptr;
  int32_t* positions = nullptr;
  int32_t* offsets = nullptr;
  Matrix x, wide, context;
  kernels::NormWeight norm;
  kernels::KvCells cache;
  kernels::EmbeddingTable table;

 private:
  void* Memory(size_t bytes) {
    buffers_.push_back(OrDie(kernels_.Allocate(bytes)));
    return buffers_.back()->data();
  }
  void Ints(int32_t*& to, int count, const std::function<int(int)>& value) {
    std::vector<int32_t> values(count);
    for (int i = 0; i < count; ++i) values[i] = value(i);
    to = static_cast<int32_t*>(Memory(count * sizeof(int32_t)));
    kernels_.CopyToDevice(values.data(), count * sizeof(int32_t), to);
  }

  Kernels& kernels_;
  const kernels::Precision precision_;
  const int max_rows_;
  std::vector<std::unique_ptr<kernels::Buffer>> buffers_;
};

// Seconds of one operation: the median of a few steps of many.
double Time(Kernels& kernels, int rows, const std::function<void()>& run) {
  const int64_t owner = kernels.NewStepOwner();
  const auto stopwatch = kernels.NewStopwatch();
  std::vector<double> seconds;
  for (int i = 0; i < 3 + kSteps; ++i) {  // as it is, captured, replayed
    stopwatch->Start();
    kernels.RunStep(owner, {rows, 1}, [&] {
      for (int k = 0; k < kRepeats; ++k) run();
    });
    stopwatch->Stop();
    const double taken = 1e-9 * stopwatch->Elapsed().count() / kRepeats;
    if (i >= 3) seconds.push_back(taken);
  }
  if (!kernels.status().ok()) {
    std::cerr << "step_bench: " << kernels.status() << "\n";
    std::exit(1);
  }
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2,
                   seconds.end());
  return seconds[kSteps / 2];
}

class Bench {
 public:
  // fused_norms: products behind a norm take it on the way.
  Bench(Kernels& kernels, kernels::Precision precision, int max_rows,
        bool fused_norms)
      : kernels_(kernels),
        bench_(kernels, precision, max_rows),
        fused_norms_(fused_norms) {}

  // The names are those of bench/gpu_expectations.py.
  void Step(int rows) {
    Report("embed", rows, [&] {
      kernels_.Embed(bench_.table, bench_.tokens, bench_.positions, X(rows));
    });
    Norm("norm", rows);
    Linear("qkv", rows, 3 * kDim, kDim, LinearRows::kHypotheses, kNormed);
    const Matrix qkv = bench_.New(rows, 3 * kDim);
    Report("self attention", rows, [&] {
      kernels_.SelfAttentionStep(kHeads, bench_.Rows(rows), qkv, bench_.cache,
                                 bench_.context.Rows(0, rows));
    });
    Linear("query", rows, kDim, kDim, LinearRows::kHypotheses, kNormed);
    Linear("512 x 512", rows, kDim, kDim, LinearRows::kHypotheses);
    Report("cross attention", rows, [&] {
      kernels_.CrossAttentionStep(
          kHeads, {rows, bench_.source_begins, bench_.source_lengths}, X(rows),
          bench_.cache, bench_.context.Rows(0, rows));
    });
    Linear("ffn in", rows, kInner, kDim, LinearRows::kHypotheses, kNormed);
    Linear("ffn out", rows, kDim, kInner, LinearRows::kHypotheses);
    Linear("output", rows, kVocabulary, kDim, LinearRows::kHypotheses);
    TopK(rows);
  }

  void Chunk(int tokens) {
    Norm("encoder norm", tokens);
    Linear("encoder qkv", tokens, 3 * kDim, kDim, LinearRows::kSourceTokens,
           kNormed);
    const int sentences = tokens / kSource;
    const Matrix qkv = bench_.New(sentences * kSource, 3 * kDim);
    Report("encoder attention", tokens, [&] {
      kernels_.EncoderAttention(kHeads, {sentences, kSource, bench_.offsets},
                                qkv, bench_.context.Rows(0, qkv.rows));
    });
    Linear("encoder 512 x 512", tokens, kDim, kDim, LinearRows::kSourceTokens);
    Linear("encoder ffn in", tokens, kInner, kDim, LinearRows::kSourceTokens,
           kNormed);
    Linear("encoder ffn out", tokens, kDim, kInner, LinearRows::kSourceTokens);
  }

 private:
  enum Input { kPlain, kNormed };

  Matrix X(int rows) const { return bench_.x.Rows(0, rows); }

  void Report(const char* operation, int rows,
              const std::function<void()>& run) {
    Print(operation, rows, Time(kernels_, rows, run));
  }
  static void Print(const char* operation, int rows, double seconds) {
    std::cout << nlohmann::json{{"operation", operation},
                                {"rows", rows},
                                {"seconds", seconds}}
              << std::endl;
  }

  void Norm(const char* operation, int rows) {
    Report(operation, rows, [&] {
      kernels_.LayerNorm(bench_.norm, X(rows), bench_.context.Rows(0, rows));
    });
  }

  void Linear(const char* operation, int rows, int out_dim, int in_dim,
              LinearRows of, Input input = kPlain) {
    const bool relu = out_dim == kInner;
    const auto weight = bench_.Weight(
        out_dim, in_dim, relu ? LinearUse::kRelu : LinearUse::kPlain, of);
    const Matrix from = in_dim == kInner ? bench_.wide.Rows(0, rows) : X(rows);
    const Matrix to = bench_.New(rows, out_dim);
    const Activation activation = relu ? Activation::kRelu : Activation::kNone;
    Report(operation, rows, [&] {
      if (input == kNormed && fused_norms_) {
        kernels_.NormLinear(bench_.norm, *weight, from,
                            bench_.context.Rows(0, rows), activation, to);
      } else {
        kernels_.Linear(*weight, from, activation, to);
      }
    });
  }

  // With its copy to the host and a product of one input, which is as good as
  // none: of top-k alone there is no operation.
  void TopK(int rows) {
    constexpr int kBest = 8;  // beam 4
    const auto weight = bench_.Weight(kVocabulary, 32, LinearUse::kPlain,
                                      LinearRows::kHypotheses);
    const Matrix inputs = bench_.New(rows, 32);
    const Matrix logits = bench_.New(rows, kVocabulary);
    const std::vector<kernels::TokenConstraint> constraints(rows);
    std::vector<float> log_probs(rows * kBest);
    std::vector<int32_t> best(rows * kBest);
    std::vector<double> seconds;
    const auto stopwatch = kernels_.NewStopwatch();
    for (int i = 0; i < 3 + kSteps; ++i) {
      stopwatch->Start();
      kernels_.OutputTopK(*weight, inputs, {}, constraints, logits,
                          {kBest, log_probs.data(), best.data()});
      stopwatch->Stop();
      if (i >= 3) seconds.push_back(1e-9 * stopwatch->Elapsed().count());
    }
    std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2,
                     seconds.end());
    Print("top-k", rows, seconds[kSteps / 2]);
  }

  Kernels& kernels_;
  Workbench bench_;
  const bool fused_norms_;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times the operations of a decode step and an encoder chunk"};
  app.add_option("--device", options.device)->capture_default_str();
  app.add_option("--precision", options.precision)->capture_default_str();
  app.add_option("--tuning", options.tuning,
                 "On a GPU: some of " + kernels::GpuTuningNames());
  app.add_option("--rows", options.rows)->check(CLI::Range(1, 4096));
  app.add_option("--chunk-tokens", options.chunk_tokens)
      ->check(CLI::Range(27, 16384));
  CLI11_PARSE(app, argc, argv);
  kernels::Device device = OrDie(kernels::ParseDevice(options.device));
  device.tuning = OrDie(kernels::ParseGpuTuning(options.tuning));
  const auto precision =
      OrDie(kernels::ParsePrecision(options.precision, device));
  const auto kernels = OrDie(kernels::MakeKernels(device));
  const int most =
      std::max(options.chunk_tokens,
               *std::max_element(options.rows.begin(), options.rows.end()));
  Bench bench(*kernels, precision, most, device.tuning.fused_norms);
  for (int rows : options.rows) bench.Step(rows);
  bench.Chunk(options.chunk_tokens);
  return 0;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) { return peregrine::Main(argc, argv); }
