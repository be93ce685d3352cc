// The kernels of one core against the most it can do. Prints the core's peak
// first; `of_peak` is a matrix product's share of it.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
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

// Chains of multiply-adds in registers, enough of them to hide the latency, by
// what the linear layers of a precision use. Each returns the multiply-adds of
// a round. In assembler, since a compiler sees that all chains are alike.
constexpr int kChains = 12;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) int FloatRound512(int rounds) {
  __m512 sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) {
      asm volatile("vfmadd231ps %0, %0, %0" : "+v"(sum));
    }
  }
  return kChains * 16;
}

__attribute__((target("avx512f"))) int BFloat16Round512(int rounds) {
  __m512 sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m512& sum : sums) {
      asm volatile("vdpbf16ps %0, %0, %0" : "+v"(sum));
    }
  }
  return kChains * 32;
}

__attribute__((target("avx512f"))) int Int8Round512(int rounds) {
  __m512i sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) {
      asm volatile("vpdpbusd %0, %0, %0" : "+v"(sum));
    }
  }
  return kChains * 64;
}

__attribute__((target("avx512f"))) int PairsRound512(int rounds) {
  __m512i sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) {
      __m512i products;
      asm volatile("vpmaddwd %0, %0, %1\n\tvpaddd %1, %0, %0"
                   : "+v"(sum), "=&v"(products));
    }
  }
  return kChains * 32;
}

// Full tiles of 16 rows of 64 bytes.
template <class MultiplyAdds>
void TileRounds(int rounds, MultiplyAdds multiply_adds) {
  struct alignas(64) {
    uint8_t palette = 1;
    uint8_t unused[15] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } configuration;
  asm volatile("ldtilecfg %0" : : "m"(configuration) : "memory");
  for (int i = 0; i < rounds; ++i) multiply_adds();
  asm volatile("tilerelease");
}

int Int8TileRound(int rounds) {
  TileRounds(rounds, [] {
    asm volatile(
        "tdpbusd %tmm6, %tmm7, %tmm0\n\ttdpbusd %tmm6, %tmm7, %tmm1\n\t"
        "tdpbusd %tmm6, %tmm7, %tmm2\n\ttdpbusd %tmm6, %tmm7, %tmm3");
  });
  return 4 * 16 * 16 * 64;
}

int BFloat16TileRound(int rounds) {
  TileRounds(rounds, [] {
    asm volatile(
        "tdpbf16ps %tmm6, %tmm7, %tmm0\n\ttdpbf16ps %tmm6, %tmm7, %tmm1\n\t"
        "tdpbf16ps %tmm6, %tmm7, %tmm2\n\ttdpbf16ps %tmm6, %tmm7, %tmm3");
  });
  return 4 * 16 * 16 * 32;
}

__attribute__((target("avx2"))) int FloatRound256(int rounds) {
  __m256 sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m256& sum : sums) {
      asm volatile("vfmadd231ps %0, %0, %0" : "+x"(sum));
    }
  }
  return kChains * 8;
}

__attribute__((target("avx2"))) int Int8Round256(int rounds) {
  __m256i sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      asm volatile("%{vex%} vpdpbusd %0, %0, %0" : "+x"(sum));
    }
  }
  return kChains * 32;
}

__attribute__((target("avx2"))) int PairsRound256(int rounds) {
  __m256i sums[kChains] = {};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      __m256i products;
      asm volatile("vpmaddwd %0, %0, %1\n\tvpaddd %1, %0, %0"
                   : "+x"(sum), "=&x"(products));
    }
  }
  return kChains * 16;
}
#endif

// Without AVX2: as in float32, a vector of the compiler's own.
int GenericRound(int rounds) {
  typedef float Vector __attribute__((vector_size(16)));
  Vector sums[kChains] = {};
  Vector factor = {0.5f, 0.5f, 0.5f, 0.5f};
  for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (Vector& sum : sums) {
      sum = sum * factor + factor;
      benchmark::DoNotOptimize(sum);
    }
  }
  return kChains * 4;
}

int Round(Precision precision, int rounds) {
#if defined(__x86_64__)
  const Isa isa = ChooseIsa().value();
  const bool is_int8 = precision == Precision::kInt8;
  if (isa == Isa::kAvx512Amx && is_int8) return Int8TileRound(rounds);
  if (isa == Isa::kAvx512Amx && precision == Precision::kBFloat16) {
    return BFloat16TileRound(rounds);
  }
  if (isa >= Isa::kAvx512) {
    if (isa >= Isa::kAvx512Vnni && is_int8) return Int8Round512(rounds);
    if (is_int8) return PairsRound512(rounds);
    return isa == Isa::kAvx512Bf16 && precision == Precision::kBFloat16
               ? BFloat16Round512(rounds)
               : FloatRound512(rounds);
  }
  if (isa == Isa::kAvxVnni && is_int8) return Int8Round256(rounds);
  if (isa >= Isa::kAvx2) {
    return is_int8 ? PairsRound256(rounds) : FloatRound256(rounds);
  }
#endif
  return GenericRound(rounds);
}

// Multiply-adds a second: the best of many short runs, since others may run on
// the core too.
double MeasurePeak(Precision precision) {
  constexpr int kRounds = 20'000;
  double best = 0.0;
  for (int i = 0; i < 1000; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double products = double(kRounds) * Round(precision, kRounds);
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    best = std::max(best, products / seconds.count());
  }
  return best;
}

double Peak(Precision precision) {
  static auto& peaks = *new std::map<Precision, double>;
  const auto [peak, is_new] = peaks.try_emplace(precision);
  if (is_new) peak->second = MeasurePeak(precision);
  return peak->second;
}

// Bytes a second that the core reads in order of 64 MB, the weights of a base
// model in int8: the best of many passes. A word of each cache line, since more
// loads would only take the place of those that fetch the next lines.
double MeasureReads() {
  constexpr size_t kWords = size_t{8} << 20;
  constexpr size_t kLineWords = 8, kLines = 8;
  const std::unique_ptr<Buffer> buffer =
      MakeKernels(Device::kCpu).value()->Allocate(kWords * 8).value();
  auto* const words = static_cast<uint64_t*>(buffer->data());
  std::fill(words, words + kWords, 1);
  double best = 0.0;
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    uint64_t sums[kLines] = {};
    for (size_t word = 0; word < kWords; word += kLines * kLineWords) {
#pragma GCC unroll 8
      for (size_t j = 0; j < kLines; ++j) {
        sums[j] += words[word + j * kLineWords];
      }
    }
    benchmark::DoNotOptimize(sums);
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    best = std::max(best, kWords * 8 / seconds.count());
  }
  return best;
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

void ReportProducts(benchmark::State& state, double products,
                    Precision precision = Precision::kFloat32) {
  using benchmark::Counter;
  state.counters["GMAC/s"] =
      Counter(products / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(products / Peak(precision), Counter::kIsIterationInvariantRate);
}

struct Product {
  const char* name;
  Device device;
  Precision precision;
  // Weights come from beyond the caches, as in a large model: as many of a
  // shape as fill 160 MB, in turn. Else a single one, as in a small model.
  bool from_memory;
};

void BM_Linear(benchmark::State& state, Product product) {
  const int in_dim = state.range(0);
  const int out_dim = state.range(1);
  const int rows = state.range(2);
  const std::unique_ptr<Kernels> kernels = MakeKernels(product.device).value();
  const size_t weight_size = size_t(in_dim) * out_dim;
  const std::vector<float> weight = RandomFloats(weight_size, 0.1f);
  const std::vector<float> bias = RandomFloats(out_dim, 0.1f);
  std::vector<std::unique_ptr<LinearWeight>> weights;
  size_t bytes = 0;
  do {
    weights.push_back(
        kernels->PackLinear({weight, bias, out_dim, in_dim, product.precision})
            .value());
    bytes += weights.back()->bytes();
  } while (product.from_memory && bytes < 160'000'000);
  const DeviceFloats x(*kernels, size_t(rows) * in_dim);
  const DeviceFloats y(*kernels, size_t(rows) * out_dim);
  size_t next = 0;
  for (auto _ : state) {
    kernels->Linear(*weights[next], {x.data(), rows, in_dim}, Activation::kRelu,
                    {y.data(), rows, out_dim});
    next = (next + 1) % weights.size();
  }
  ReportProducts(state, double(weight_size) * rows, product.precision);
}

constexpr Product kProducts[] = {
    {"BM_Linear/cpu/float32", Device::kCpu, Precision::kFloat32, true},
    {"BM_Linear/cpu-onednn/float32", Device::kCpuOneDnn, Precision::kFloat32,
     true},
    {"BM_Linear/cpu/bf16", Device::kCpu, Precision::kBFloat16, true},
    {"BM_Linear/cpu/bf16-cached", Device::kCpu, Precision::kBFloat16, false},
    {"BM_Linear/cpu/int8", Device::kCpu, Precision::kInt8, true},
    {"BM_Linear/cpu/int8-cached", Device::kCpu, Precision::kInt8, false}};

// The layers of base 6-6/32K, 12-1/10K and MDN 22-1/10K, our products beside
// those of oneDNN.
void RegisterLinear(int in_dim, int out_dim) {
  for (int rows : {1, 4, 8, 16, 32, 54, 64, 108, 128}) {
    for (const Product& product : kProducts) {
      benchmark::RegisterBenchmark(product.name, BM_Linear, product)
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

// What the conversion of weights costs at load.
void BM_PackLinear(benchmark::State& state, Precision precision) {
  constexpr int kDim = 2048;
  const std::unique_ptr<Kernels> kernels = MakeKernels(Device::kCpu).value();
  const std::vector<float> weight = RandomFloats(size_t(kDim) * kDim, 0.1f);
  for (auto _ : state) {
    kernels->PackLinear({weight, {}, kDim, kDim, precision}).value();
  }
  state.SetItemsProcessed(state.iterations() * weight.size());
}
BENCHMARK_CAPTURE(BM_PackLinear, float32, Precision::kFloat32);
BENCHMARK_CAPTURE(BM_PackLinear, bf16, Precision::kBFloat16);
BENCHMARK_CAPTURE(BM_PackLinear, int8, Precision::kInt8);

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
  using peregrine::kernels::Peak;
  using peregrine::kernels::Precision;
  std::printf(
      "peak of this core in GMAC/s: float32 %.1f, bf16 %.1f, int8 %.1f; it "
      "reads 64 MB at %.1f GB/s\n",
      Peak(Precision::kFloat32) / 1e9, Peak(Precision::kBFloat16) / 1e9,
      Peak(Precision::kInt8) / 1e9, peregrine::kernels::MeasureReads() / 1e9);
  peregrine::kernels::RegisterLinears();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
