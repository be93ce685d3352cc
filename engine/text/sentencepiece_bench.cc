// Encodes and decodes the texts of the goldens; items are tokens. The reference
// library cannot be linked beside Protobuf (docs/decisions/0002, which has its
// figures): for a ratio, time spm.SentencePieceProcessor on the same lines.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/text/sentencepiece.h"

namespace peregrine::text {
namespace {

std::string GoldenPath(absl::string_view name) {
  return absl::StrCat(PEREGRINE_SOURCE_DIR, "/tests/golden/text/", name);
}

std::vector<std::string> Texts() {
  std::vector<std::string> texts;
  std::ifstream file(GoldenPath("texts.txt"));
  for (std::string line; std::getline(file, line);) {
    std::string text;
    if (absl::CUnescape(line, &text)) texts.push_back(text);
  }
  return texts;
}

std::unique_ptr<SentencePieceModel> LoadModel(benchmark::State& state,
                                              const char* name) {
  auto model = SentencePieceModel::Load(GoldenPath(name));
  if (model.ok()) return *std::move(model);
  state.SkipWithError(model.status().ToString().c_str());
  return nullptr;
}

void BM_Encode(benchmark::State& state, const char* name) {
  const auto model = LoadModel(state, name);
  if (model == nullptr) return;
  const std::vector<std::string> texts = Texts();
  std::int64_t num_tokens = 0;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      num_tokens += static_cast<std::int64_t>(model->Encode(text).size());
    }
  }
  state.SetItemsProcessed(num_tokens);
}

void BM_EncodeWithOffsets(benchmark::State& state, const char* name) {
  const auto model = LoadModel(state, name);
  if (model == nullptr) return;
  const std::vector<std::string> texts = Texts();
  std::int64_t num_tokens = 0;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      num_tokens +=
          static_cast<std::int64_t>(model->EncodeWithOffsets(text).size());
    }
  }
  state.SetItemsProcessed(num_tokens);
}

void BM_Decode(benchmark::State& state, const char* name) {
  const auto model = LoadModel(state, name);
  if (model == nullptr) return;
  std::vector<std::vector<std::int32_t>> all_ids;
  std::int64_t num_tokens = 0;
  for (const std::string& text : Texts()) {
    all_ids.push_back(model->Encode(text));
    num_tokens += static_cast<std::int64_t>(all_ids.back().size());
  }
  for (auto _ : state) {
    for (const auto& ids : all_ids) {
      benchmark::DoNotOptimize(model->Decode(ids));
    }
  }
  state.SetItemsProcessed(num_tokens * state.iterations());
}

void BM_Load(benchmark::State& state, const char* name) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(LoadModel(state, name));
  }
}

BENCHMARK_CAPTURE(BM_Encode, unigram, "unigram_nfkc.model");
BENCHMARK_CAPTURE(BM_Encode, bpe, "bpe_nfkc_cf_bytes.model");
BENCHMARK_CAPTURE(BM_EncodeWithOffsets, unigram, "unigram_nfkc.model");
BENCHMARK_CAPTURE(BM_EncodeWithOffsets, bpe, "bpe_nfkc_cf_bytes.model");
BENCHMARK_CAPTURE(BM_Decode, unigram, "unigram_nfkc.model");
BENCHMARK_CAPTURE(BM_Decode, bpe, "bpe_nfkc_cf_bytes.model");
BENCHMARK_CAPTURE(BM_Load, unigram, "unigram_nfkc.model");

}  // namespace
}  // namespace peregrine::text

BENCHMARK_MAIN();
