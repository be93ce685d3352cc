// The kernels of one core against the most it can do. Prints the core's peak
// first; `of_peak` is a matrix product's share of it.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {
namespace {

// Chains of multiply-adds in registers, enough of them to hide the latency and
// each with a start of its own, or the compiler would keep only one. Returns
// the multiply-adds of a round.
constexpr int kChains = 12;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) int FmaRound512(int rounds, float* sink) {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(i * *sink);
  const __m512 factor = _mm512_set1_ps(*sink);
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  }
  for (const __m512& sum : sums) *sink += sum[0];
  return kChains * 16;
}

__attribute__((target("avx2,fma"))) int FmaRound256(int rounds, float* sink) {
  __m256 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_ps(i * *sink);
  const __m256 factor = _mm256_set1_ps(*sink);
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  }
  for (const __m256& sum : sums) *sink += sum[0];
  return kChains * 8;
}
#endif

int FmaRound(int rounds, float* sink) {
#if defined(__x86_64__)
  const Isa isa = ChooseIsa().value();
  if (isa >= Isa::kAvx512) return FmaRound512(rounds, sink);
  if (isa >= Isa::kAvx2) return FmaRound256(rounds, sink);
#endif
  typedef float Vector __attribute__((vector_size(16)));
  Vector sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vector{} + i * *sink;
  const Vector factor = {*sink, *sink, *sink, *sink};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (Vector& sum : sums) sum = sum * factor + factor;
  }
  for (const Vector& sum : sums) *sink += sum[0];
  return kChains * 4;
}

// Multiply-adds a second: the best of many short runs, since others may run on
// the core too.
double MeasurePeak() {
  constexpr int kRounds = 20'000;
  double best = 0.0;
  float sink = 0.5f;
  for (int i = 0; i < 1000; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double products = double(kRounds) * FmaRound(kRounds, &sink);
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    best = std::max(best, products / seconds.count());
    benchmark::DoNotOptimize(sink);
    sink = 0.5f;
  }
  return best;
}

double Peak() {
  static const double peak = MeasurePeak();
  return peak;
}

std::vector<float> RandomFloats(size_t count, float magnitude) {
  static std::minstd_rand random(1);
  const float scale = 2.0f * magnitude / float(std::minstd_rand::max());
  std::vector<float> values(count);
  for (float& value : values) value = scale * random() - magnitude;
  return values;
}

// Random floats in memory of the device.
class DeviceFloats {
 public:
  DeviceFloats(Kernels& kernels, size_t count)
      : buffer_(kernels.Allocate(count * sizeof(float)).value()) {
    const std::vector<float> values = RandomFloats(count, 1.0f);
    kernels.CopyToDevice(values.data(), count * sizeof(float), data());
  }
  float* data() const { return static_cast<float*>(buffer_->data()); }

 private:
  std::unique_ptr<Buffer> buffer_;
};

void ReportProducts(benchmark::State& state, double products) {
  using benchmark::Counter;
  state.counters["GMAC/s"] =
      Counter(products / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(products / Peak(), Counter::kIsIterationInvariantRate);
}

// Weights come from beyond the caches, as in a model: as many of a shape as
// fill 160 MB, in turn.
void BM_Linear(benchmark::State& state, Device device) {
  const int in_dim = state.range(0);
  const int out_dim = state.range(1);
  const int rows = state.range(2);
  const std::unique_ptr<Kernels> kernels = MakeKernels(device).value();
  const size_t weight_floats = size_t(in_dim) * out_dim;
  const std::vector<float> weight = RandomFloats(weight_floats, 0.1f);
  const std::vector<float> bias = RandomFloats(out_dim, 0.1f);
  std::vector<std::unique_ptr<LinearWeight>> weights;
  for (size_t floats = 0; floats < (size_t{40} << 20);
       floats += weight_floats) {
    weights.push_back(
        kernels->PackLinear({weight, bias, out_dim, in_dim}).value());
  }
  const DeviceFloats x(*kernels, size_t(rows) * in_dim);
  const DeviceFloats y(*kernels, size_t(rows) * out_dim);
  size_t next = 0;
  for (auto _ : state) {
    kernels->Linear(*weights[next], {x.data(), rows, in_dim}, Activation::kRelu,
                    {y.data(), rows, out_dim});
    next = (next + 1) % weights.size();
  }
  ReportProducts(state, double(weight_floats) * rows);
}

// The layers of base 6-6/32K, 12-1/10K and MDN 22-1/10K, our products beside
// those of oneDNN.
void RegisterLinear(int in_dim, int out_dim) {
  for (int rows : {1, 4, 8, 16, 32, 54, 64, 108, 128}) {
    for (auto [name, device] :
         {std::pair("BM_Linear/cpu", Device::kCpu),
          std::pair("BM_Linear/cpu-onednn", Device::kCpuOneDnn)}) {
      benchmark::RegisterBenchmark(name, BM_Linear, device)
          ->ArgNames({"in", "out", "rows"})
          ->Args({in_dim, out_dim, rows});
    }
  }
}

void RegisterLinears() {
  for (int out_dim : {64, 512, 1536, 2048, 10000, 32000}) {
    RegisterLinear(512, out_dim);
  }
  for (int out_dim : {512, 10000}) RegisterLinear(64, out_dim);
  RegisterLinear(2048, 512);
}

// Sentences of 27 tokens, 8 heads of 64.
void BM_EncoderAttention(benchmark::State& state) {
  const int length = state.range(0);
  constexpr int kSentences = 4;
  const HeadShape heads = {8, 64};
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  const int tokens = length * kSentences;
  std::vector<float> qkv = RandomFloats(size_t(tokens) * 3 * 512, 1.0f);
  std::vector<float> context(size_t(tokens) * 512);
  std::vector<int32_t> offsets;
  for (int s = 0; s <= kSentences; ++s) offsets.push_back(s * length);
  for (auto _ : state) {
    kernels->EncoderAttention(heads, {kSentences, length, offsets.data()},
                              {qkv.data(), tokens, 3 * 512},
                              {context.data(), tokens, 512});
  }
  ReportProducts(state, 2.0 * tokens * length * 512);
}
BENCHMARK(BM_EncoderAttention)
    ->ArgName("length")
    ->Arg(8)
    ->Arg(27)
    ->Arg(60)
    ->Arg(200);

// As many layers in turn as fill 320 MB, so that the cache comes from memory.
int LayersBeyondCaches(int cells, int width) {
  return 40'000'000 / (cells * width) + 1;
}

void ReportCells(benchmark::State& state, int cells, int width) {
  ReportProducts(state, 2.0 * cells * width);
  state.SetBytesProcessed(state.iterations() * cells * width * 2 *
                          sizeof(float));
}

void BM_CrossAttentionStep(benchmark::State& state) {
  const HeadShape heads = {int(state.range(0)), 64};
  const int rows = state.range(1);
  constexpr int kLength = 27;
  const int width = heads.width();
  const int cells = rows * kLength;
  const int layers = LayersBeyondCaches(cells, width);
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  const DeviceFloats queries(*kernels, size_t(rows) * width);
  const DeviceFloats context(*kernels, size_t(rows) * width);
  const DeviceFloats cache(*kernels, size_t(layers) * cells * width * 2);
  std::vector<int32_t> begins, lengths(rows, kLength);
  for (int r = 0; r < rows; ++r) begins.push_back(r * kLength);
  int layer = 0;
  for (auto _ : state) {
    float* keys = cache.data() + size_t(layer) * cells * width * 2;
    float* values = keys + size_t(cells) * width;
    kernels->CrossAttentionStep(heads, {rows, begins.data(), lengths.data()},
                                {queries.data(), rows, width},
                                {{keys, cells, width}, {values, cells, width}},
                                {context.data(), rows, width});
    layer = (layer + 1) % layers;
  }
  ReportCells(state, cells, width);
}
BENCHMARK(BM_CrossAttentionStep)
    ->ArgNames({"heads", "rows"})
    ->ArgsProduct({{1, 8}, {1, 16, 64}});

// Rows whose cells were taken step by step: those of one step side by side.
void BM_SelfAttentionStep(benchmark::State& state) {
  const HeadShape heads = {int(state.range(0)), 64};
  const int rows = state.range(1);
  constexpr int kLength = 14;
  const int width = heads.width();
  const int num_cells = rows * kLength;
  const int layers = LayersBeyondCaches(num_cells, width);
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  const DeviceFloats qkv(*kernels, size_t(rows) * 3 * width);
  const DeviceFloats context(*kernels, size_t(rows) * width);
  const DeviceFloats cache(*kernels, size_t(layers) * num_cells * width * 2);
  std::vector<int32_t> cells, lengths(rows, kLength);
  for (int r = 0; r < rows; ++r) {
    for (int t = 0; t < kLength; ++t) cells.push_back(t * rows + r);
  }
  int layer = 0;
  for (auto _ : state) {
    float* keys = cache.data() + size_t(layer) * num_cells * width * 2;
    float* values = keys + size_t(num_cells) * width;
    kernels->SelfAttentionStep(
        heads, {rows, lengths.data(), cells.data(), kLength},
        {qkv.data(), rows, 3 * width},
        {{keys, num_cells, width}, {values, num_cells, width}},
        {context.data(), rows, width});
    layer = (layer + 1) % layers;
  }
  ReportCells(state, num_cells, width);
}
BENCHMARK(BM_SelfAttentionStep)
    ->ArgNames({"heads", "rows"})
    ->ArgsProduct({{1, 8}, {1, 16, 64}});

void BM_LayerNorm(benchmark::State& state) {
  const int rows = state.range(0);
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  std::vector<float> x = RandomFloats(size_t(rows) * 512, 1.0f), y = x;
  const std::vector<float> gain = RandomFloats(512, 1.0f), bias = gain;
  for (auto _ : state) {
    kernels->LayerNorm({gain.data(), bias.data()}, {x.data(), rows, 512},
                       {y.data(), rows, 512});
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(BM_LayerNorm)->ArgName("rows")->Arg(64);

// The projection is tiny, so that what counts is the search.
void BM_TopK(benchmark::State& state) {
  const int vocab_size = state.range(0);
  const int k = state.range(1);
  const int rows = 64;
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  const std::vector<float> weight = RandomFloats(vocab_size, 10.0f);
  const auto packed = kernels->PackLinear({weight, {}, vocab_size, 1}).value();
  std::vector<float> x = RandomFloats(rows, 1.0f);
  const DeviceFloats logits(*kernels, size_t(rows) * vocab_size);
  std::vector<float> log_probs(rows * k);
  std::vector<int32_t> tokens(rows * k);
  const std::vector<TokenConstraint> constraints(rows);
  for (auto _ : state) {
    kernels->OutputTopK(*packed, {x.data(), rows, 1}, {0, 1}, constraints,
                        {logits.data(), rows, vocab_size},
                        {k, log_probs.data(), tokens.data()});
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(BM_TopK)
    ->ArgNames({"vocab", "k"})
    ->ArgsProduct({{10000, 32000}, {1, 8, 16}});

}  // namespace
}  // namespace peregrine::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::printf("peak of this core in float32: %.1f GMAC/s\n",
              peregrine::kernels::Peak() / 1e9);
  peregrine::kernels::RegisterLinears();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
