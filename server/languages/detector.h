#ifndef PEREGRINE_SERVER_LANGUAGES_DETECTOR_H_
#define PEREGRINE_SERVER_LANGUAGES_DETECTOR_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/languages/language_list.h"

namespace peregrine::server {

// How far a detected language can be trusted.
enum class Certainty {
  kSure,
  kUnsure,    // another language is likely too, or none was recognised
  kTooShort,  // too few letters to tell
};

struct LikelyLanguage {
  std::string language;  // BCP 47, or the code that the list has for it
  // 0 to 1: how often this was right, see docs/languages.md.
  float confidence = 0;
  float share = 0;  // of the text, 0 to 1
};

struct DetectedLanguages {
  std::vector<LikelyLanguage> languages;  // most likely first; may be empty
  Certainty certainty = Certainty::kUnsure;
  int letters = 0;  // that were looked at
};

// A language that has this share of the letters of a text for certain.
LikelyLanguage ShareOf(std::string language, float share);

// Which language `text` (UTF-8) is in, by CLD2. With `among`, none but these,
// named by their codes: text in another language is unsure.
DetectedLanguages DetectLanguages(absl::string_view text,
                                  const LanguageList* among = nullptr);

// What people read of HTML or XML: tags, comments, scripts and entities are
// spaces. So that the language found is not that of the markup.
std::string TextOfMarkup(absl::string_view markup);

// Whether `text` (UTF-8) has any letter at all.
bool HasLetters(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_LANGUAGES_DETECTOR_H_
