#include "engine/document/capitals.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <cstddef>

#include "absl/strings/match.h"
#include "engine/document/units.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

struct Letters {
  int upper = 0;
  int lower = 0;
  bool digit = false;
  bool vowel = false;
};

Letters Count(absl::string_view word) {
  constexpr absl::string_view kVowels =
      "AEIOUYÀÁÂÃÄÅÆÈÉÊËÌÍÎÏÒÓÔÕÖØÙÚÛÜÝĀĂĄĒĖĘĚĪĮİŌŐŒŪŮŰŲАЕЁИОУЫЭЮЯІЇЄ"
      "ΑΕΗΙΟΥΩΆΈΉΊΌΎΏ";
  Letters letters;
  for (size_t at = 0; at < word.size();) {
    const Character c = FirstCharacter(word.substr(at));
    letters.upper += text::IsUpper(c.code_point);
    letters.lower += c.code_point >= 0 && u_islower(c.code_point);
    letters.digit |= text::IsDigit(c.code_point);
    letters.vowel |= absl::StrContains(kVowels, word.substr(at, c.size));
    at += c.size;
  }
  return letters;
}

icu::Locale LocaleOf(absl::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  return icu::Locale::forLanguageTag(
      icu::StringPiece(language.data(), static_cast<int32_t>(language.size())),
      status);
}

// The first letter stays, where `keep_first`. As many bytes as before.
std::string LowerSameSize(absl::string_view word, bool keep_first) {
  const size_t first = keep_first ? FirstCharacter(word).size : 0;
  std::string lower = text::Lower(word.substr(first));
  if (lower.size() != word.size() - first) return std::string(word);
  return std::string(word.substr(0, first)) + lower;
}

// Of "paris", "Paris" and `word` itself what takes the fewest pieces.
std::string UsualSpelling(absl::string_view word,
                          const CountPieces& count_pieces) {
  std::string best = LowerSameSize(word, /*keep_first=*/false);
  if (count_pieces == nullptr) return best;
  size_t fewest = count_pieces(best);
  for (const std::string& other :
       {LowerSameSize(word, /*keep_first=*/true), std::string(word)}) {
    const size_t pieces = count_pieces(other);
    if (pieces < fewest) {
      fewest = pieces;
      best = other;
    }
  }
  return best;
}

bool NounsHaveCapitals(absl::string_view language) {
  return language.substr(0, 2) == "de" || language.substr(0, 2) == "lb";
}

}  // namespace

Capitals CapitalsOf(absl::string_view sentence, absl::string_view language) {
  const Letters letters = Count(sentence);
  if (letters.upper < 4) return Capitals::kAsTheyAre;
  if (letters.lower == 0) return Capitals::kAll;
  if (NounsHaveCapitals(language)) return Capitals::kAsTheyAre;
  int words = 0;
  int small = 0;
  for (const ByteRange& unit : Units(sentence)) {
    const absl::string_view word = sentence.substr(unit.begin, unit.size());
    const Character first = FirstCharacter(word);
    if (!text::IsLetter(first.code_point)) continue;
    const bool capital = text::IsUpper(first.code_point);
    if (!capital && word.size() > 3) return Capitals::kAsTheyAre;
    small += !capital;
    words += capital && word.size() > 1;
  }
  // "Use it in Template Toolkit and in PHP."
  const bool is_sentence =
      absl::EndsWith(sentence, ".") && small * 4 >= words * 3;
  return words >= 4 && !is_sentence ? Capitals::kTitle : Capitals::kAsTheyAre;
}

std::string AsSentence(absl::string_view sentence, Capitals capitals,
                       absl::string_view language,
                       const CountPieces& count_pieces) {
  if (capitals == Capitals::kAsTheyAre) return std::string(sentence);
  std::string result(sentence);
  bool first = true;
  for (const ByteRange& unit : Units(sentence)) {
    const absl::string_view word = sentence.substr(unit.begin, unit.size());
    const Letters letters = Count(word);
    if (letters.upper == 0) {
      first = first && letters.lower == 0;
      continue;
    }
    const bool is_i = language.substr(0, 2) == "en" &&
                      (word == "I" || absl::StartsWith(word, "I'") ||
                       absl::StartsWith(word, "I\xE2\x80\x99"));
    const bool all_upper = letters.lower == 0;
    const bool abbreviation =
        (all_upper &&
         (letters.digit || (letters.upper > 1 && !letters.vowel))) ||
        (capitals == Capitals::kTitle && all_upper && letters.upper > 1);
    if (!abbreviation) {
      const std::string usual = first || is_i
                                    ? LowerSameSize(word, true)
                                    : UsualSpelling(word, count_pieces);
      result.replace(unit.begin, unit.size(), usual);
    }
    first = false;
  }
  return result;
}

std::string Restore(absl::string_view word, Capitals capitals,
                    absl::string_view language) {
  if (capitals == Capitals::kAsTheyAre) return std::string(word);
  icu::UnicodeString text = icu::UnicodeString::fromUTF8(
      icu::StringPiece(word.data(), static_cast<int32_t>(word.size())));
  if (capitals == Capitals::kAll) {
    text.toUpper(LocaleOf(language));
  } else if (!text.isEmpty()) {
    const UChar32 first = text.char32At(0);
    text.replace(0, U16_LENGTH(first), static_cast<UChar32>(u_totitle(first)));
  }
  std::string restored;
  text.toUTF8String(restored);
  return restored;
}

}  // namespace peregrine::document
