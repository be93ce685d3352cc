#include "engine/text_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/text/characters.h"
#include "engine/text/cut_point.h"

namespace peregrine {
namespace {

constexpr size_t kMaxLoopTokens = 8;  // length of the repeated phrase
constexpr size_t kMinLoopRepeats = 4;
constexpr size_t kMinLoopSpan = 8;  // tokens that the repetition covers

// The tokens of `sentence`, cut in halves until each part has at most
// max_tokens. Parts are put together by the white space between them.
struct CutSentence {
  std::vector<std::vector<int32_t>> parts;
  std::vector<std::string> separators;  // between them
};

// `code` is put before each part, see Tokenizer::LanguageCode.
void CutToFit(const text::Tokenizer& tokenizer, absl::string_view code,
              absl::string_view sentence, size_t max_tokens, CutSentence& cut) {
  std::vector<int32_t> tokens =
      code.empty() ? tokenizer.Encode(sentence)
                   : tokenizer.Encode(absl::StrCat(code, sentence));
  const size_t at = tokens.size() <= max_tokens ? 0 : text::CutPoint(sentence);
  if (at == 0) {
    if (tokens.size() > max_tokens) tokens.resize(max_tokens);
    cut.parts.push_back(std::move(tokens));
    return;
  }
  const absl::string_view head = text::TrimRight(sentence.substr(0, at));
  const absl::string_view rest = text::TrimLeft(sentence.substr(at));
  CutToFit(tokenizer, code, head, max_tokens, cut);
  cut.separators.emplace_back(
      head.data() + head.size(),
      static_cast<size_t>(rest.data() - head.data()) - head.size());
  CutToFit(tokenizer, code, rest, max_tokens, cut);
}

}  // namespace

bool LooksLikeLoop(absl::Span<const int32_t> tokens) {
  for (size_t period = 1; period <= kMaxLoopTokens; ++period) {
    size_t run = 0;  // tokens that equal the one a period before
    for (size_t i = period; i < tokens.size(); ++i) {
      run = tokens[i] == tokens[i - period] ? run + 1 : 0;
      const size_t span = run + period;
      if (span >= period * kMinLoopRepeats && span >= kMinLoopSpan) return true;
    }
  }
  return false;
}

TextPlan TextPlan::Make(const TranslationModel& model, absl::string_view text,
                        bool single_sentence,
                        absl::string_view source_language) {
  PEREGRINE_CHECK(model.source_tokenizer() != nullptr) << model.config().name;
  const text::Tokenizer& tokenizer = *model.source_tokenizer();
  const absl::string_view code = tokenizer.LanguageCode(text);
  text.remove_prefix(code.size());
  if (!code.empty()) text = absl::StripLeadingAsciiWhitespace(text);
  std::vector<text::SentenceSegment> segments;
  if (single_sentence) {
    const absl::string_view rest = absl::StripLeadingAsciiWhitespace(text);
    const absl::string_view sentence = absl::StripTrailingAsciiWhitespace(rest);
    segments.push_back({{}, text.substr(0, text.size() - rest.size())});
    segments.push_back({sentence, rest.substr(sentence.size())});
  } else {
    segments = model.splitter(source_language).Split(text);
  }

  TextPlan plan;
  plan.separators_.emplace_back();
  for (const text::SentenceSegment& segment : segments) {
    CutSentence cut;
    if (!segment.sentence.empty()) {
      CutToFit(tokenizer, code, segment.sentence,
               static_cast<size_t>(model.max_source_tokens()), cut);
    }
    plan.source_split_ |= cut.parts.size() > 1;
    for (size_t i = 0; i < cut.parts.size(); ++i) {
      std::vector<int32_t>& part = cut.parts[i];
      const absl::string_view separator =
          i < cut.separators.size() ? absl::string_view(cut.separators[i]) : "";
      // Normalisation may leave nothing of it: control characters, say.
      if (!part.empty()) {
        plan.unknown_source_ |=
            std::count(part.begin(), part.end(), tokenizer.unk_id()) > 0;
        plan.sentences_.push_back(std::move(part));
        plan.separators_.emplace_back();
      }
      absl::StrAppend(&plan.separators_.back(), separator);
    }
    absl::StrAppend(&plan.separators_.back(), segment.separator);
  }
  return plan;
}

TextTranslation TextPlan::Assemble(
    const TranslationModel& model,
    absl::Span<const std::vector<decode::Hypothesis>> hypotheses) const {
  PEREGRINE_CHECK(hypotheses.size() == sentences_.size());
  const text::Tokenizer& tokenizer = *model.target_tokenizer();
  TextTranslation translation;
  translation.unknown_source = unknown_source_;
  translation.source_split = source_split_;

  size_t count = 1;
  for (const auto& of_sentence : hypotheses) {
    PEREGRINE_CHECK(!of_sentence.empty());
    count = std::max(count, of_sentence.size());
    translation.truncated |= of_sentence[0].truncated;
    translation.repetition |= LooksLikeLoop(of_sentence[0].tokens);
  }
  translation.hypotheses.resize(count);
  for (size_t n = 0; n < count; ++n) {
    TextHypothesis& whole = translation.hypotheses[n];
    whole.text = separators_[0];
    for (size_t i = 0; i < hypotheses.size(); ++i) {
      const auto& of_sentence = hypotheses[i];
      const decode::Hypothesis& part =
          of_sentence[std::min(n, of_sentence.size() - 1)];
      absl::StrAppend(&whole.text, tokenizer.Decode(part.tokens),
                      separators_[i + 1]);
      whole.score += part.score;
    }
  }
  return translation;
}

}  // namespace peregrine
