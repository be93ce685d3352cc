#ifndef PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_
#define PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace peregrine::text {

// Knows after which words of a language a full stop does not end the sentence.
// When in doubt it joins: two sentences translated as one lose less than one
// torn apart. Immutable and thread-safe.
class Abbreviations {
 public:
  // `language` is an ISO 639 code such as "de"; initials ("J. Smith") and the
  // like are known for every language.
  explicit Abbreviations(absl::string_view language);

  struct Context {
    absl::string_view word;  // what stands before the full stop, up to a space
    bool starts_sentence;    // nothing stands before the word
    bool before_number;      // what follows starts with a digit
  };
  bool JoinsNext(const Context& context) const;

 private:
  absl::flat_hash_set<std::string> words_;
  absl::flat_hash_set<std::string> words_before_numbers_;
  bool numbers_are_ordinals_ = false;  // "3. März"
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_
