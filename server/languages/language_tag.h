#ifndef PEREGRINE_SERVER_LANGUAGES_LANGUAGE_TAG_H_
#define PEREGRINE_SERVER_LANGUAGES_LANGUAGE_TAG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine::server {

// What a name of a language means, by the data of ICU and CLDR. "deu", "ger",
// "DE", "de_DE" and "deu_Latn" name one language.
struct LanguageTag {
  std::string language;  // "sr": the shortest code of ISO 639, aliases resolved
  std::string script;    // "Latn": as named, else the usual one; may be unknown
  std::string region;    // "BR": as named, or ""
  bool names_script = false;

  // As BCP 47 writes it. With the script where it was named and is not the
  // usual one of the language: "eng_Latn" is "en", "srp_Latn" is "sr-Latn".
  std::string text;
};

// In any case, with "-" or "_". Empty: this is no tag of a language, such as
// "", "und" or "Deutsch!". Whether anybody speaks it is not asked.
absl::optional<LanguageTag> ParseLanguageTag(absl::string_view name);

// One language, written in one script: their translations are read by the same
// people. A script that is not known is like any.
bool IsSameWrittenLanguage(const LanguageTag& a, const LanguageTag& b);

// "German", in the language `in`; the tag itself where ICU has no name for it.
std::string DisplayName(const LanguageTag& tag, absl::string_view in);

// Of `candidates`, which must not be empty, the index of the one that a reader
// of `wanted` reads best, by ICU's LocaleMatcher.
int ClosestTag(const std::vector<LanguageTag>& candidates,
               const LanguageTag& wanted);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_LANGUAGES_LANGUAGE_TAG_H_
