#include "engine/word_alignment.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "engine/base/check.h"
#include "engine/token_ranges.h"

namespace peregrine {

document::TokenAlignment AlignTokens(const TranslationModel& model,
                                     const EncodedSource& source,
                                     absl::string_view target,
                                     const decode::Hypothesis& hypothesis) {
  document::TokenAlignment alignment;
  const size_t count = hypothesis.tokens.size();
  if (hypothesis.alignment.empty() || count == 0) return alignment;
  // An end symbol that the text names has no column.
  const size_t width = hypothesis.alignment.size() / count;
  PEREGRINE_CHECK(width * count == hypothesis.alignment.size());
  absl::Span<const int32_t> tokens =
      source.tokens.first(std::min(source.tokens.size(), width));
  if (source.has_code && !tokens.empty()) {
    alignment.source.emplace_back();  // one token
    tokens.remove_prefix(1);
  }
  for (const document::ByteRange& range :
       TokenRanges(*model.source_tokenizer(), source.text, tokens)) {
    alignment.source.push_back(range);
  }
  alignment.source.resize(width, {source.text.size(), source.text.size()});
  alignment.target =
      TokenRanges(*model.target_tokenizer(), target, hypothesis.tokens);
  alignment.weights = hypothesis.alignment;
  return alignment;
}

AlignedWords AlignWords(const TranslationModel& model, absl::string_view source,
                        absl::Span<const int32_t> tokens,
                        absl::string_view target,
                        const decode::Hypothesis& hypothesis) {
  absl::string_view text = absl::StripAsciiWhitespace(source);
  const absl::string_view code = model.source_tokenizer()->LanguageCode(text);
  text.remove_prefix(code.size());
  text = absl::StripLeadingAsciiWhitespace(text);
  const auto offset = static_cast<size_t>(text.data() - source.data());
  const document::UnitAlignment units(
      text, target,
      AlignTokens(model, {text, tokens, !code.empty()}, target, hypothesis));
  AlignedWords aligned;
  for (const document::ByteRange& word : units.source()) {
    aligned.source_words.push_back({word.begin + offset, word.end + offset});
  }
  for (size_t t = 0; t < units.target().size(); ++t) {
    document::TranslatedWord& word = aligned.words.emplace_back();
    word.target = units.target()[t];
    for (size_t s = 0; s < units.source().size(); ++s) {
      word.weights.push_back(units.at(t, s));
    }
  }
  return aligned;
}

}  // namespace peregrine
