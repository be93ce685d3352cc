#include "server/backend/warm_up.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/decode/decode_all.h"

namespace peregrine::server {
namespace {

constexpr int kSourceTokens = 16;
constexpr int kTargetTokens = 8;
constexpr int kSentencesTogether = 8;

decode::SentenceInput MakeSentence(const ModelBackend& model, uint64_t id) {
  const ModelInfo& info = model.info();
  const int length = std::min(kSourceTokens, info.max_source_tokens);
  decode::SentenceInput sentence;
  sentence.id = id;
  for (int i = 0; i < length; ++i) {
    sentence.source.push_back(i % info.source_vocab_size);
  }
  sentence.options = model.DefaultOptions(length);
  sentence.options.max_length = std::min(kTargetTokens, info.max_target_tokens);
  sentence.options.min_length = 0;
  return sentence;
}

std::vector<decode::SentenceInput> MakeSentences(const ModelBackend& model,
                                                 int count) {
  std::vector<decode::SentenceInput> sentences;
  for (int i = 0; i < count; ++i) sentences.push_back(MakeSentence(model, i));
  return sentences;
}

absl::Status CheckScores(const ModelBackend& model,
                         const decode::SentenceOutput& output) {
  if (!output.status.ok()) {
    return absl::Status(
        output.status.code(),
        absl::StrCat("model ", model.info().name,
                     ": in a trial translation: ", output.status.message()));
  }
  for (const decode::Hypothesis& hypothesis : output.hypotheses) {
    if (std::isfinite(hypothesis.score)) continue;
    return absl::InternalError(absl::StrCat(
        "model ", model.info().name, ": found a score of ", hypothesis.score,
        " in a trial translation, expected a finite number"));
  }
  return absl::OkStatus();
}

absl::Status Translate(const ModelBackend& model,
                       std::vector<decode::SentenceInput> sentences,
                       DecodeSession& session) {
  sentences.resize(decode::CountFitting(session, sentences));
  for (const decode::SentenceInput& sentence : sentences) {
    PEREGRINE_RETURN_IF_ERROR(session.Validate(sentence));
  }
  absl::Status scores;
  PEREGRINE_RETURN_IF_ERROR(decode::DecodeAll(
      session, sentences, [&](const decode::SentenceOutput& output) {
        scores.Update(CheckScores(model, output));
      }));
  return scores;
}

}  // namespace

absl::Status WarmUp(const ModelBackend& model, DecodeSession& session) {
  for (int count : {1, kSentencesTogether}) {
    PEREGRINE_RETURN_IF_ERROR(
        Translate(model, MakeSentences(model, count), session));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::server
