#include "engine/text/abbreviations.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "engine/text/abbreviation_lists.h"
#include "engine/text/characters.h"

namespace peregrine::text {
namespace {

// Understood whatever the language.
constexpr absl::string_view kEverywhere =
    "Dr Prof Mr Mrs Ms J.-P e.g i.e z.B d.h";

// Of saints and streets.
constexpr absl::string_view kMayEndEverywhere = "St";

bool IsNumber(absl::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
}

// "1.1", "2.3.10"
bool IsDottedNumber(absl::string_view word) {
  const std::vector<absl::string_view> parts = absl::StrSplit(word, '.');
  return parts.size() > 1 && std::all_of(parts.begin(), parts.end(), IsNumber);
}

bool IsRomanNumeral(absl::string_view word) {
  return !word.empty() && word.size() <= 6 &&
         word.find_first_not_of("IVXLC") == absl::string_view::npos;
}

// What a unit stands behind: "1999", "80-х", "XX".
bool IsCount(absl::string_view word) {
  return IsRomanNumeral(word) ||
         std::any_of(word.begin(), word.end(), absl::ascii_isdigit);
}

// A capital, or a letter of a script without case, with the marks on it. Not
// of those scripts whose letters are syllables or words.
bool IsInitial(absl::string_view word) {
  const Character first = FirstCharacter(word);
  if (!IsLetter(first.code_point)) return false;
  for (absl::string_view rest = word.substr(first.size); !rest.empty();) {
    const Character mark = FirstCharacter(rest);
    if (mark.code_point < 0 ||
        (U_GET_GC_MASK(mark.code_point) & (U_GC_M_MASK | U_GC_CF_MASK)) == 0) {
      return false;
    }
    rest.remove_prefix(mark.size);
  }
  if (IsUpper(first.code_point)) return true;
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(first.code_point, &status);
  return !IsLower(first.code_point) && !IsHanOrKana(first.code_point) &&
         script != USCRIPT_HANGUL && script != USCRIPT_ARABIC;
}

bool IsSingleLetter(absl::string_view word) {
  const Character first = FirstCharacter(word);
  return first.size == word.size() && IsLetter(first.code_point);
}

// "J.R.R", "z.B", "U.S": but times of day end sentences more often than not.
bool IsDotted(absl::string_view word) {
  if (absl::EqualsIgnoreCase(word, "a.m") ||
      absl::EqualsIgnoreCase(word, "p.m")) {
    return false;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(word, '.');
  return parts.size() > 1 &&
         std::all_of(parts.begin(), parts.end(), IsSingleLetter);
}

// Without the brackets and quotation marks in front of it.
absl::string_view StripOpening(absl::string_view word) {
  while (!word.empty()) {
    const Character first = FirstCharacter(word);
    if (first.code_point < 0 || u_isalnum(first.code_point)) break;
    word.remove_prefix(first.size);
  }
  return word;
}

absl::string_view LastWord(absl::string_view text) {
  absl::string_view before = text;
  while (!before.empty() && !IsSpace(LastCharacter(before).code_point)) {
    before.remove_suffix(LastCharacter(before).size);
  }
  return text.substr(before.size());
}

// Behind the elided word in front of it: "l'av", "dell'ing".
absl::string_view StripElision(absl::string_view word) {
  for (absl::string_view apostrophe : {"'", "\xE2\x80\x99"}) {
    const size_t at = word.rfind(apostrophe);
    if (at == absl::string_view::npos || at == 0 || at > 6) continue;
    const absl::string_view rest = word.substr(at + apostrophe.size());
    if (rest.size() > FirstCharacter(rest).size) return rest;
  }
  return word;
}

// Of those that may end a sentence, some do so more often than not: "etc".
bool OftenEnds(absl::string_view word) {
  static const auto* const names = new absl::flat_hash_set<absl::string_view>(
      {"jr",    "sr",  "jun", "sen", "ml",  "st", "al", "spol", "s.r.o", "a.s",
       "d.o.o", "d.d", "a.d", "oy",  "ehf", "hf", "in", "im",   "им",    "ім"});
  const std::string lower = Lower(word);
  return lower == word && !names->contains(lower);
}

bool StartsWithNumber(absl::string_view text) {
  text = StripOpening(text);  // "+49", "(030)"
  if (IsDigit(FirstCharacter(text).code_point)) return true;
  const absl::string_view word = FirstWord(text);
  return word.size() > 1 && IsRomanNumeral(word);
}

}  // namespace

void Abbreviations::WordSet::Add(absl::string_view list) {
  for (absl::string_view word : absl::StrSplit(list, ' ', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&word, "*")) {
      endings.push_back(Lower(word));
      continue;
    }
    const bool never = absl::ConsumePrefix(&word, "=");
    std::string lower = Lower(word);
    if (never) never_small.insert(lower);
    words.insert(std::move(lower));
  }
}

bool Abbreviations::WordSet::Has(absl::string_view word) const {
  const std::string seen = WithoutInvisible(word);
  const std::string lower = Lower(seen);
  if (words.contains(lower)) {
    return lower != seen || !never_small.contains(lower);
  }
  return std::any_of(
      endings.begin(), endings.end(),
      [&](const std::string& end) { return absl::EndsWith(lower, end); });
}

Abbreviations::Abbreviations(absl::string_view language) {
  if (language == "no" || language == "nn") language = "nb";
  if (language == "bs" || language == "sr" || language == "sh") language = "hr";
  if (language == "ms") language = "id";
  never_end_.Add(kEverywhere);
  may_end_.Add(kMayEndEverywhere);
  is_english_ = language == "en";
  for (const AbbreviationList& known : AbbreviationLists()) {
    if (known.code != language) continue;
    never_end_.Add(known.never_end);
    before_numbers_.Add(known.before_numbers);
    may_end_.Add(known.may_end);
    starters_.Add(known.starters);
    headings_.Add(known.headings);
    places_.Add(known.places);
    numbers_are_ordinals_ = known.numbers_are_ordinals;
  }
}

Abbreviations::Context Abbreviations::At(absl::string_view before,
                                         absl::string_view next) {
  Context context;
  context.before = TrimLeft(before);
  const absl::string_view word = LastWord(context.before);
  context.word = StripElision(StripOpening(word));
  context.previous = LastWord(
      TrimRight(context.before.substr(0, context.before.size() - word.size())));
  context.next = next;
  return context;
}

// Whether a word follows that has a capital at the start of a sentence only:
// in "J. A. Smith" the "A" is no such word.
bool Abbreviations::StartsSentence(absl::string_view next) const {
  const absl::string_view text = StripOpening(next);
  const absl::string_view word = FirstWord(text);
  if (word.empty() || !IsUpper(FirstCharacter(word).code_point)) return false;
  const absl::string_view rest = text.substr(word.size());
  if (absl::StartsWith(rest, ".") || absl::StartsWith(rest, "-")) return false;
  return starters_.Has(word);
}

// "1. Introduction", "3. März", "Chapter 1. The", but "in 1999. Then".
bool Abbreviations::NumberJoins(const Context& context) const {
  if (context.word.size() == context.before.size()) return true;
  absl::string_view previous = context.previous;
  const bool counts_parts =  // "Kapitel", "Nr."
      headings_.Has(previous) || (absl::ConsumeSuffix(&previous, ".") &&
                                  before_numbers_.Has(StripOpening(previous)));
  if (counts_parts) {
    return context.previous.size() + 1 + context.word.size() ==
           context.before.size();
  }
  return numbers_are_ordinals_ && context.word.size() <= 2 &&
         IsNumber(context.word) && !StartsSentence(context.next);
}

bool Abbreviations::JoinsNext(const Context& context) const {
  absl::string_view word = context.word;
  const bool starts_sentence = word.size() == context.before.size();
  if (IsNumber(word)) return NumberJoins(context);
  if (IsDottedNumber(word)) return starts_sentence;
  if (IsRomanNumeral(word) && word.size() > 1) {
    return starts_sentence ||
           (numbers_are_ordinals_ && !StartsSentence(context.next));
  }
  if (never_end_.Has(word)) return true;
  // "Lt.-Col", "J.-P", "Dipl.-Ing"
  const size_t hyphen = word.rfind('-');
  if (hyphen != absl::string_view::npos && hyphen > 0 &&
      word[hyphen - 1] == '.') {
    word.remove_prefix(hyphen + 1);
    if (never_end_.Has(word)) return true;
  }
  if (before_numbers_.Has(word) && StartsWithNumber(context.next)) return true;
  // Neither "1999 г." nor "т. д."
  if (places_.Has(word) && !IsCount(context.previous) &&
      !absl::EndsWith(context.previous, ".")) {
    return !StartsSentence(context.next);
  }
  const bool bracket_follows = absl::StartsWith(context.next, "(") ||
                               absl::StartsWith(context.next, "[");
  if (may_end_.Has(word)) {
    return bracket_follows ||
           (!OftenEnds(word) && !StartsSentence(context.next));
  }
  if (is_english_ && word == "I" &&
      !IsUpper(FirstCharacter(context.previous).code_point)) {
    return starts_sentence;  // "you and I. Did", but "Albert I. Jones"
  }
  if (IsInitial(word) || IsDotted(word)) {
    return bracket_follows || starts_sentence || !StartsSentence(context.next);
  }
  return false;
}

}  // namespace peregrine::text
