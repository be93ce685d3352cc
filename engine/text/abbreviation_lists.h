#ifndef PEREGRINE_ENGINE_TEXT_ABBREVIATION_LISTS_H_
#define PEREGRINE_ENGINE_TEXT_ABBREVIATION_LISTS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace peregrine::text {

// What Abbreviations knows of a language. Lists are separated by spaces. A word
// counts in any case; one with "=" in front does not where it is written in
// small letters, since it is an ordinary word then; one with "*" is
// the end of compounds.
struct AbbreviationList {
  absl::string_view code;  // ISO 639
  bool numbers_are_ordinals;
  absl::string_view never_end;       // something always follows: "Mr", "z.B"
  absl::string_view before_numbers;  // abbreviations where a number follows
  absl::string_view may_end;         // "Inc", "etc"
  absl::string_view starters;        // see Abbreviations
  absl::string_view headings;
  // In front of names of places, but behind a number units: "г. Москва", but
  // "в 1999 г."
  absl::string_view places = {};
};

absl::Span<const AbbreviationList> AbbreviationLists();

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_ABBREVIATION_LISTS_H_
