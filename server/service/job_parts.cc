#include "server/service/job_parts.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {
namespace {

// Of all phrases of a request together.
constexpr size_t kMaxMoreSpellings = 256;

// Where the engine's names are others.
constexpr std::pair<absl::string_view, absl::string_view> kWireNames[] = {
    {"prefix", "target_prefix"},
    {"end_penalty", "word_reward"},
    {"alternatives", "return_alternatives"}};

}  // namespace

absl::StatusOr<Job*> Job::MakePart(const std::vector<int>& /*texts*/) {
  return absl::InternalError("a request without texts has no parts");
}

absl::Status Job::KeepTexts(const std::vector<int>& /*texts*/,
                            ChosenLanguages /*languages*/,
                            const RequestLimits& /*limits*/) {
  return absl::InternalError("a request without texts has none to keep");
}

absl::StatusOr<Job*> Job::BeginPivot(const ModelBackend& /*model*/,
                                     const RequestLimits& /*limits*/,
                                     ChosenLanguages /*first*/) {
  return InvalidFieldsError(
      {{head().fields.target,
        absl::StrCat("found ", Quoted(head().target_language),
                     ", which is reached by two models in a row: only texts "
                     "are translated so, name a model")}});
}

std::vector<int32_t> TokensOf(const ModelBackend& model,
                              const RequestPhrase& phrase) {
  if (!phrase.spellings.empty()) return phrase.spellings[0];
  if (phrase.tokens.empty()) return model.EncodeTarget(phrase.text);
  const std::vector<absl::string_view> pieces(phrase.tokens.begin(),
                                              phrase.tokens.end());
  int unknown = 0;
  return model.TargetIds(pieces, unknown);
}

void CheckCount(absl::string_view field, size_t count,
                const RequestLimits& limits, Violations& violations) {
  if (count >= 1 && count <= static_cast<size_t>(limits.max_texts)) return;
  violations.AddRange(std::string(field), static_cast<int64_t>(count), 1,
                      limits.max_texts);
}

void ResponseSize::Check(absl::string_view field, const RequestLimits& limits,
                         Violations& violations) const {
  if (bytes_ <= limits.max_response_bytes) return;
  violations.Add(
      std::string(field),
      absl::StrCat("found ", bytes_,
                   " bytes to answer with, in all hypotheses, allowed at most ",
                   limits.max_response_bytes, " (max_response_bytes)"));
}

Sentence SentenceMaker::Make(const std::vector<int32_t>& ids,
                             decode::DecodingOptions options, int index) const {
  Sentence sentence;
  sentence.source = ids;
  sentence.options = std::move(options);
  sentence.deadline = terms.deadline;
  sentence.flow = terms.flow;
  sentence.group = &group;
  sentence.index = index;
  return sentence;
}

void CheckPieces(const ModelBackend& model,
                 const std::vector<std::string>& pieces,
                 const std::string& path, Violations& violations) {
  const std::vector<absl::string_view> views(pieces.begin(), pieces.end());
  int unknown = 0;
  model.TargetIds(views, unknown);
  if (unknown == 0) return;
  for (size_t i = 0; i < views.size(); ++i) {
    unknown = 0;
    model.TargetIds(absl::MakeConstSpan(&views[i], 1), unknown);
    if (unknown == 0) continue;
    violations.Add(absl::StrCat(path, ".tokens[", i, "]"),
                   absl::StrCat("found '", views[i],
                                "', expected a piece of the vocabulary"));
    return;
  }
}

void CheckPhraseTokens(const ModelBackend& model, const RequestOptions& options,
                       const std::string& path, Violations& violations) {
  if (options.target_prefix.has_value()) {
    CheckPieces(model, options.target_prefix->tokens,
                absl::StrCat(path, ".target_prefix"), violations);
  }
  const auto check = [&](const std::vector<RequestPhrase>& phrases,
                         absl::string_view field) {
    for (size_t i = 0; i < phrases.size(); ++i) {
      CheckPieces(model, phrases[i].tokens,
                  absl::StrCat(path, ".", field, "[", i, "]"), violations);
    }
  };
  check(options.must_contain, "must_contain");
  check(options.must_not_contain, "must_not_contain");
}

void EncodePhrases(const ModelBackend& model, RequestOptions& options) {
  const auto encode = [&](RequestPhrase& phrase) {
    if (!phrase.text.empty()) {
      phrase.spellings = {model.EncodeTarget(phrase.text)};
    }
  };
  if (options.target_prefix.has_value()) encode(*options.target_prefix);
  for (RequestPhrase& phrase : options.must_contain) encode(phrase);
  size_t left = kMaxMoreSpellings;
  for (RequestPhrase& phrase : options.must_not_contain) {
    if (phrase.text.empty()) continue;
    phrase.spellings = model.SpellTarget(phrase.text);
    phrase.spellings.resize(std::min(phrase.spellings.size(), left + 1));
    left -= phrase.spellings.size() - 1;
  }
}

bool DemandSize::Add(const decode::Steering& steering, const std::string& path,
                     Violations& violations) {
  // What a list of tokens takes beside them.
  constexpr int64_t kOfPhrase = 10;
  const auto add = [&](const std::vector<std::vector<int32_t>>& phrases) {
    for (const std::vector<int32_t>& phrase : phrases) {
      size_ += kOfPhrase + static_cast<int64_t>(phrase.size());
    }
  };
  ++sentences_;
  add({steering.prefix});
  add(steering.completion);
  add(steering.must_contain);
  add(steering.must_not_contain);
  if (size_ <= kMax) return true;
  const bool is_forbidden = !steering.must_not_contain.empty();
  violations.Add(
      absl::StrCat(path, is_forbidden ? ".must_not_contain" : ".must_contain"),
      absl::StrCat("found phrases that are too many and too long for ",
                   sentences_,
                   " sentences or more: send fewer of one or the other"));
  return false;
}

decode::DecodingOptions SentenceOptions(const ModelBackend& model,
                                        const RequestOptions& options,
                                        const RequestLanguages& languages,
                                        int length) {
  decode::DecodingOptions result =
      ResolveOptions(options, model.DefaultOptions(length), model.info());
  result.source_language = languages.source.token;
  if (languages.target.token >= 0) {
    result.rules.forced_first_token = languages.target.token;
  }
  if (options.target_prefix.has_value()) {
    result.steering.prefix = TokensOf(model, *options.target_prefix);
  }
  for (const RequestPhrase& phrase : options.must_contain) {
    result.steering.must_contain.push_back(TokensOf(model, phrase));
  }
  std::vector<std::vector<int32_t>>& forbidden =
      result.steering.must_not_contain;
  // First as they are named, so that errors name them.
  for (const RequestPhrase& phrase : options.must_not_contain) {
    forbidden.push_back(TokensOf(model, phrase));
  }
  for (const RequestPhrase& phrase : options.must_not_contain) {
    for (size_t i = 1; i < phrase.spellings.size(); ++i) {
      forbidden.push_back(phrase.spellings[i]);
    }
  }
  return result;
}

void CheckDemands(const ModelBackend& model,
                  const decode::DecodingOptions& options,
                  const std::string& path, Violations& violations) {
  const absl::Status status = model.CheckSteering(options);
  if (status.ok()) return;
  // "field: what is wrong with it", by the engine's name.
  const absl::string_view message = status.message();
  const size_t colon = std::min(message.find(": "), message.size());
  std::string field(message.substr(0, colon));
  for (const auto& [engine, wire] : kWireNames) {
    if (absl::StartsWith(field, engine)) {
      field = absl::StrCat(wire, field.substr(engine.size()));
      break;
    }
  }
  violations.Add(
      absl::StrCat(path, ".", field),
      absl::StrReplaceAll(message.substr(std::min(colon + 2, message.size())),
                          {{"together with alternatives",
                            "together with return_alternatives"}}));
}

std::vector<TargetToken> DescribeTokens(const ModelBackend& model,
                                        const decode::Hypothesis& hypothesis,
                                        const RequestOptions& options,
                                        int first_source) {
  std::vector<TargetToken> tokens;
  const std::vector<int> sources = decode::HardAlignment(hypothesis);
  const size_t count = hypothesis.tokens.size();
  const size_t width = count == 0 ? 0 : hypothesis.alignment.size() / count;
  for (size_t i = 0; i < count; ++i) {
    TargetToken& token = tokens.emplace_back();
    token.token = model.TargetPiece(hypothesis.tokens[i]);
    if (options.return_token_scores.value_or(false) &&
        i < hypothesis.token_scores.size()) {
      token.score = hypothesis.token_scores[i];
    }
    if (!options.return_alignments.value_or(false) || sources.empty()) continue;
    token.source = first_source + sources[i];
    token.first_source = first_source;
    const auto row = hypothesis.alignment.begin() + i * width;
    token.attention.assign(row, row + width);
  }
  return tokens;
}

void AddCost(const SentenceAnswer& answer, Cost& cost) {
  cost.queue = std::max(cost.queue, answer.queue_time);
  cost.encode = std::max(cost.encode, answer.encode_time);
  cost.decode = std::max(cost.decode, answer.decode_time);
  cost.source_tokens += answer.source_tokens;
  cost.target_tokens += static_cast<int>(answer.hypotheses[0].tokens.size());
  ++cost.sentences;
  cost.cached_sentences += answer.is_reused;
}

}  // namespace peregrine::server
