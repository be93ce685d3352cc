// What demands of a search cost: the bundled model in int8, beam 4, the same
// sentences plain and steered, in one run. Compare each with Decode/plain of
// the same batch; docs/decoding.md says how dear it may be.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/decode/decoding_options.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"
#include "engine/translator.h"

namespace peregrine {
namespace {

const char* const kSentences[] = {
    "The library opens at nine in the morning and closes late.",
    "Please send the signed form to our office before Friday.",
    "We walked along the river until it began to rain.",
    "My sister has bought a small house near the station.",
    "The engine stops when the temperature is too high.",
    "Nobody had expected so many visitors on the first day.",
    "You can find the new prices on the last page.",
    "The children were playing in the garden behind the school."};

using Demand = void (*)(const TranslationModel&, decode::DecodingOptions&);

void BM_Decode(benchmark::State& state, Demand demand) {
  static const auto* const model = [] {
    auto loaded = TranslationModel::Load(
        PEREGRINE_SOURCE_DIR "/models/en-de-mdn", kernels::Device::kCpu,
        kernels::Precision::kInt8);
    return loaded.ok() ? loaded->release() : nullptr;
  }();
  if (model == nullptr) return state.SkipWithError("no model");
  auto translator = Translator::Create(*model, {});
  if (!translator.ok()) return state.SkipWithError("no translator");
  std::vector<decode::SentenceInput> sentences;
  const auto batch = static_cast<size_t>(state.range(0));
  for (size_t i = 0; i < batch; ++i) {
    const TextPlan plan = TextPlan::Make(*model, kSentences[i % 8], true);
    decode::SentenceInput& sentence = sentences.emplace_back();
    sentence.source = plan.sentences()[0];
    sentence.options =
        model->DefaultOptions(static_cast<int>(sentence.source.size()));
    sentence.options.beam_size = 4;
    demand(*model, sentence.options);
  }
  int64_t tokens = 0;
  for (auto _ : state) {
    const auto outputs = (*translator)->Decode(sentences);
    if (!outputs.ok()) return state.SkipWithError("decoding failed");
    for (const decode::SentenceOutput& output : *outputs) {
      tokens += static_cast<int64_t>(output.hypotheses[0].tokens.size());
    }
  }
  state.SetItemsProcessed(tokens);
}

void Plain(const TranslationModel&, decode::DecodingOptions&) {}
void MustContain(const TranslationModel& model,
                 decode::DecodingOptions& options) {
  options.steering.must_contain = {
      model.target_tokenizer()->Encode("https://example.org/page")};
  options.max_length += 30;
}
void NoRepeats(const TranslationModel&, decode::DecodingOptions& options) {
  options.steering.no_repeat_ngram_size = 3;
}
void Penalty(const TranslationModel&, decode::DecodingOptions& options) {
  options.steering.repetition_penalty = 1.1f;
}
void Align(const TranslationModel&, decode::DecodingOptions& options) {
  options.align = true;
}
void Sample(const TranslationModel&, decode::DecodingOptions& options) {
  options.steering.sampling.emplace().top_k = 10;
}

BENCHMARK_CAPTURE(BM_Decode, plain, Plain)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(BM_Decode, must_contain, MustContain)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(BM_Decode, no_repeats, NoRepeats)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(BM_Decode, penalty, Penalty)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(BM_Decode, align, Align)->Arg(1)->Arg(16);
BENCHMARK_CAPTURE(BM_Decode, sample, Sample)->Arg(1)->Arg(16);

}  // namespace
}  // namespace peregrine

BENCHMARK_MAIN();
