#include "server/backend/warm_up.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

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

// As many as fit.
std::vector<decode::SentenceInput> MakeSentences(const ModelBackend& model,
                                                 const DecodeSession& session,
                                                 int count) {
  std::vector<decode::SentenceInput> sentences;
  decode::Room room = session.room();
  for (int i = 0; i < count; ++i) {
    decode::SentenceInput sentence = MakeSentence(model, i);
    const int length = static_cast<int>(sentence.source.size());
    if (!room.Take(sentence.options.beam_size, session.BlockedTokens(length))) {
      break;
    }
    sentences.push_back(std::move(sentence));
  }
  return sentences;
}

absl::Status CheckScores(const ModelBackend& model,
                         const decode::SentenceOutput& output) {
  for (const decode::Hypothesis& hypothesis : output.hypotheses) {
    if (std::isfinite(hypothesis.score)) continue;
    return absl::InternalError(absl::StrCat(
        "model ", model.info().name, ": found a score of ", hypothesis.score,
        " in a trial translation, expected a finite number"));
  }
  return absl::OkStatus();
}

absl::Status Translate(const ModelBackend& model,
                       const std::vector<decode::SentenceInput>& sentences,
                       DecodeSession& session) {
  if (sentences.empty()) return absl::OkStatus();
  for (const decode::SentenceInput& sentence : sentences) {
    PEREGRINE_RETURN_IF_ERROR(session.Validate(sentence));
  }
  session.Admit(sentences);
  while (session.live_rows() > 0) {
    const std::vector<decode::SentenceOutput> outputs = session.Step();
    PEREGRINE_RETURN_IF_ERROR(session.status());
    for (const decode::SentenceOutput& output : outputs) {
      PEREGRINE_RETURN_IF_ERROR(CheckScores(model, output));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WarmUp(const ModelBackend& model, DecodeSession& session) {
  for (int count : {1, kSentencesTogether}) {
    PEREGRINE_RETURN_IF_ERROR(
        Translate(model, MakeSentences(model, session, count), session));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::server
