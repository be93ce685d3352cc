#include "engine/text/sentence_splitter.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/text/abbreviations.h"

namespace peregrine::text {
namespace {

// A Unicode character and its bytes. Bytes that are not UTF-8 have a negative
// code point.
struct Character {
  UChar32 code_point = -1;
  std::size_t size = 0;  // 0: none left
};

Character First(absl::string_view text) {
  if (text.empty()) return {};
  Character character;
  std::int32_t at = 0;
  U8_NEXT(text.data(), at, static_cast<std::int32_t>(text.size()),
          character.code_point);
  character.size = static_cast<std::size_t>(at);
  return character;
}

Character Last(absl::string_view text) {
  if (text.empty()) return {};
  Character character;
  auto at = static_cast<std::int32_t>(text.size());
  U8_PREV(text.data(), 0, at, character.code_point);
  character.size = text.size() - static_cast<std::size_t>(at);
  return character;
}

bool IsSpace(Character character) {
  return character.code_point >= 0 && u_isUWhiteSpace(character.code_point);
}

bool IsLineBreak(Character character) {
  const UChar32 c = character.code_point;
  return (c >= 0x0A && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

absl::string_view TrimRight(absl::string_view text) {
  while (IsSpace(Last(text))) text.remove_suffix(Last(text).size);
  return text;
}

absl::string_view Trim(absl::string_view text) {
  while (IsSpace(First(text))) text.remove_prefix(First(text).size);
  return TrimRight(text);
}

// The bytes up to and with the first line break, or all.
std::size_t LineSize(absl::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = First(text.substr(at));
    at += character.size;
    if (IsLineBreak(character)) break;
  }
  return at;
}

// `sentence` without its full stop, from its last space on, without the
// brackets and quotation marks before it.
absl::string_view LastWord(absl::string_view sentence) {
  sentence.remove_suffix(1);
  absl::string_view before = sentence;
  while (!before.empty() && !IsSpace(Last(before))) {
    before.remove_suffix(Last(before).size);
  }
  absl::string_view word = sentence.substr(before.size());
  while (!word.empty() && First(word).code_point >= 0 &&
         !u_isalnum(First(word).code_point)) {
    word.remove_prefix(First(word).size);
  }
  return word;
}

// A view of UTF-8 text for ICU, with byte positions.
class TextView {
 public:
  explicit TextView(absl::string_view text) {
    utext_openUTF8(&view_, text.data(), static_cast<std::int64_t>(text.size()),
                   &status_);
  }
  ~TextView() { utext_close(&view_); }
  TextView(const TextView&) = delete;
  TextView& operator=(const TextView&) = delete;

  UText* get() { return &view_; }
  bool ok() const { return U_SUCCESS(status_); }

 private:
  UText view_ = UTEXT_INITIALIZER;
  UErrorCode status_ = U_ZERO_ERROR;
};

}  // namespace

struct SentenceSplitter::Rules {
  std::unique_ptr<icu::BreakIterator> prototype;  // never moved, only cloned
  Abbreviations abbreviations;

  // Whether `sentence` and what follows it are one sentence after all.
  bool Joins(absl::string_view sentence, absl::string_view next) const {
    sentence = Trim(sentence);
    if (!absl::EndsWith(sentence, ".")) return false;
    const absl::string_view word = LastWord(sentence);
    const Character first = First(Trim(next));
    return abbreviations.JoinsNext(
        {word, /*starts_sentence=*/word.size() + 1 == sentence.size(),
         /*before_number=*/first.code_point >= 0 &&
             u_isdigit(first.code_point)});
  }

  // Appends the sentences of one line, trimmed and not empty.
  void SplitLine(absl::string_view line, icu::BreakIterator* breaks,
                 std::vector<absl::string_view>* sentences) const {
    TextView view(line);
    UErrorCode status = U_ZERO_ERROR;
    if (view.ok()) breaks->setText(view.get(), status);
    if (!view.ok() || U_FAILURE(status)) {
      // Out of memory inside ICU: the line stays whole.
      if (!Trim(line).empty()) sentences->push_back(Trim(line));
      return;
    }
    std::size_t begin = 0;
    breaks->first();
    for (std::int32_t at = breaks->next(); at != icu::BreakIterator::DONE;
         at = breaks->next()) {
      const auto end = static_cast<std::size_t>(at);
      const absl::string_view sentence = line.substr(begin, end - begin);
      const absl::string_view next = line.substr(end);
      if (!Trim(next).empty() && Joins(sentence, next)) continue;
      if (!Trim(sentence).empty()) sentences->push_back(Trim(sentence));
      begin = end;
    }
  }
};

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
  std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createSentenceInstance(locale, status));
  if (U_FAILURE(status)) {
    return absl::InternalError(
        absl::StrCat("ICU has no sentence rules: ", u_errorName(status)));
  }
  return absl::WrapUnique(new SentenceSplitter(absl::WrapUnique(
      new Rules{std::move(breaks), Abbreviations(locale.getLanguage())})));
}

SentenceSplitter::SentenceSplitter(std::unique_ptr<Rules> rules)
    : rules_(std::move(rules)) {}

SentenceSplitter::~SentenceSplitter() = default;

std::vector<SentenceSegment> SentenceSplitter::Split(
    absl::string_view text) const {
  std::vector<absl::string_view> sentences;
  const std::unique_ptr<icu::BreakIterator> breaks(rules_->prototype->clone());
  for (std::size_t at = 0; at < text.size();) {
    const absl::string_view line = text.substr(at, LineSize(text.substr(at)));
    rules_->SplitLine(line, breaks.get(), &sentences);
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
