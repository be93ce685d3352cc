#ifndef PEREGRINE_ENGINE_MODEL_LANGUAGES_H_
#define PEREGRINE_ENGINE_MODEL_LANGUAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::model {

// A language of a model that translates between several and is told by tokens
// from which to which.
struct Language {
  std::string code;  // as its files call it: "en", "eng_Latn"
  int32_t token = -1;
};

// Whether both name one language: in whatever case, and with "-" for "_".
bool IsSameLanguage(absl::string_view a, absl::string_view b);

// The language of `languages` that `name` means, or null.
const Language* FindLanguage(const std::vector<Language>& languages,
                             absl::string_view name);

// The language that a request calls `name`; "" is `default_language`, which is
// "" where a request must name one. A model of one pair has no `languages`: it
// knows its own, `default_language`, and no other, and the token is -1.
// INVALID_ARGUMENT: none of them; says which there are.
absl::StatusOr<Language> ChooseLanguage(const std::vector<Language>& languages,
                                        absl::string_view default_language,
                                        absl::string_view name);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_LANGUAGES_H_
