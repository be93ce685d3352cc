#include "engine/text/sentence_splitter.h"

#include <unicode/locid.h>

#include <cstddef>
#include <cstdint>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/text/characters.h"

namespace peregrine::text {
namespace {

// The bytes up to and with the first line break, or all.
std::size_t LineSize(absl::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = FirstCharacter(text.substr(at));
    at += character.size;
    if (IsLineBreak(character.code_point)) break;
  }
  return at;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SentenceSplitter>> SentenceSplitter::Create(
    absl::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Locale locale = icu::Locale::forLanguageTag(
      icu::StringPiece(language.data(),
                       static_cast<std::int32_t>(language.size())),
      status);
  if (U_FAILURE(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", language,
                     "\" was found as a language, expected a BCP 47 tag such "
                     "as \"de\" or \"pt-BR\""));
  }
  return absl::WrapUnique(new SentenceSplitter(locale.getLanguage()));
}

std::vector<SentenceSegment> SentenceSplitter::Split(
    absl::string_view text) const {
  std::vector<absl::string_view> sentences;
  const auto add = [&sentences](absl::string_view sentence) {
    sentence = Trim(sentence);
    if (!sentence.empty()) sentences.push_back(sentence);
  };
  for (std::size_t at = 0; at < text.size();) {
    const absl::string_view line = text.substr(at, LineSize(text.substr(at)));
    std::size_t begin = 0;
    for (const std::size_t end : boundaries_.Find(TrimRight(line))) {
      add(line.substr(begin, end - begin));
      begin = end;
    }
    add(line.substr(begin));
    at += line.size();
  }

  // What lies between the sentences is their separators.
  std::vector<SentenceSegment> segments;
  const char* end_of_text = text.data() + text.size();
  const char* first = sentences.empty() ? end_of_text : sentences[0].data();
  if (first != text.data()) {
    const auto size = static_cast<std::size_t>(first - text.data());
    segments.push_back({text.substr(0, 0), text.substr(0, size)});
  }
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const char* end = sentences[i].data() + sentences[i].size();
    const char* next =
        i + 1 < sentences.size() ? sentences[i + 1].data() : end_of_text;
    segments.push_back(
        {sentences[i],
         absl::string_view(end, static_cast<std::size_t>(next - end))});
  }
  return segments;
}

}  // namespace peregrine::text
