// How long it takes to score translations, beside finding them: the same
// sentences, shapes of full size with random weights, int8, in one run. Compare
// items per second, target tokens, of Decode and Score of the same shape and
// batch; Rerank is of eight translations of each source.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/decode/decode_all.h"
#include "engine/decode/session.h"
#include "engine/kernels/device.h"
#include "engine/model/model.h"
#include "engine/shapes/paper_shapes.h"
#include "engine/shapes/random_tensors.h"

namespace peregrine {
namespace {

constexpr int kSourceTokens = 24;
constexpr int kTargetTokens = 24;

// A model of the shape, loaded once.
struct Loaded {
  explicit Loaded(const char* shape)
      : kernels(*kernels::MakeKernels(kernels::Device::kCpu)) {
    shapes::RandomTensors tensors(/*seed=*/1);
    model = *model::Model::Load(shapes::FindPaperShape(shape)->config, tensors,
                                *kernels, kernels::Precision::kInt8, nullptr);
    session = *decode::Session::Create(*model, *kernels, {});
  }

  std::unique_ptr<kernels::Kernels> kernels;
  std::unique_ptr<const model::Model> model;
  std::unique_ptr<decode::Session> session;
};

Loaded& ModelOf(const char* shape) {
  static std::string* loaded_shape = new std::string;
  static std::unique_ptr<Loaded>* loaded = new std::unique_ptr<Loaded>;
  if (*loaded_shape != shape) {
    loaded->reset();  // one at a time: they are large
    *loaded = std::make_unique<Loaded>(shape);
    *loaded_shape = shape;
  }
  return **loaded;
}

decode::SentenceInput Sentence(const model::Model& model, uint64_t id,
                               int beam_size) {
  const int vocab = model.config().architecture.source_vocab_size;
  decode::SentenceInput sentence;
  sentence.id = id;
  for (int i = 0; i < kSourceTokens; ++i) {
    sentence.source.push_back(100 + static_cast<int>(id * 131 + i * 37) %
                                        (vocab - 100));
  }
  sentence.options.beam_size = beam_size;
  // Random weights end nowhere sensible.
  sentence.options.min_length = kTargetTokens;
  sentence.options.max_length = kTargetTokens;
  return sentence;
}

// With a translation that is given.
decode::SentenceInput Given(const model::Model& model, uint64_t id) {
  decode::SentenceInput sentence = Sentence(model, id, 1);
  sentence.target = sentence.source;
  sentence.target->resize(kTargetTokens);
  sentence.options = decode::ScoringOptions(
      sentence.options, sentence.target->size(), /*max_rows=*/256);
  return sentence;
}

void Run(benchmark::State& state, const Loaded& loaded,
         const std::vector<decode::SentenceInput>& sentences) {
  for (auto _ : state) {
    const absl::Status status = decode::DecodeAll(
        *loaded.session, sentences, [](const decode::SentenceOutput& output) {
          benchmark::DoNotOptimize(output.hypotheses.size());
        });
    if (!status.ok()) return state.SkipWithError("failed");
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(sentences.size()) *
                          kTargetTokens);
}

void BM_Decode(benchmark::State& state, const char* shape, int beam_size) {
  const Loaded& loaded = ModelOf(shape);
  std::vector<decode::SentenceInput> sentences;
  for (int i = 0; i < state.range(0); ++i) {
    sentences.push_back(Sentence(*loaded.model, i, beam_size));
  }
  Run(state, loaded, sentences);
}

void BM_Score(benchmark::State& state, const char* shape) {
  const Loaded& loaded = ModelOf(shape);
  std::vector<decode::SentenceInput> sentences;
  for (int i = 0; i < state.range(0); ++i) {
    sentences.push_back(Given(*loaded.model, i));
  }
  Run(state, loaded, sentences);
}

// Of each source several translations, as of an n-best list.
constexpr int kTargetsOfSource = 8;

void BM_Rerank(benchmark::State& state, const char* shape) {
  const Loaded& loaded = ModelOf(shape);
  std::vector<decode::SentenceInput> sentences;
  for (int i = 0; i < state.range(0); ++i) {
    for (int n = 0; n < kTargetsOfSource; ++n) {
      sentences.push_back(Given(*loaded.model, i));
      sentences.back().id = sentences.size();
      sentences.back().target->back() = 100 + n;
      sentences.back().keep_source = n + 1 < kTargetsOfSource;
    }
  }
  Run(state, loaded, sentences);
}

#define PEREGRINE_SHAPE(name, shape)                    \
  BENCHMARK_CAPTURE(BM_Decode, name##_beam_4, shape, 4) \
      ->Arg(1)                                          \
      ->Arg(8)                                          \
      ->Arg(64)                                         \
      ->Unit(benchmark::kMillisecond);                  \
  BENCHMARK_CAPTURE(BM_Decode, name##_greedy, shape, 1) \
      ->Arg(1)                                          \
      ->Arg(8)                                          \
      ->Arg(64)                                         \
      ->Unit(benchmark::kMillisecond);                  \
  BENCHMARK_CAPTURE(BM_Score, name, shape)              \
      ->Arg(1)                                          \
      ->Arg(8)                                          \
      ->Arg(64)                                         \
      ->Unit(benchmark::kMillisecond);                  \
  BENCHMARK_CAPTURE(BM_Rerank, name, shape)             \
      ->Arg(1)                                          \
      ->Arg(8)                                          \
      ->Unit(benchmark::kMillisecond)

PEREGRINE_SHAPE(base, "base-32k");
PEREGRINE_SHAPE(mdn, "mdn");

}  // namespace
}  // namespace peregrine

BENCHMARK_MAIN();
