#ifndef PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_
#define PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_

#include <string>
#include <vector>

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

  // A full stop followed by white space and something that is no small letter.
  struct Context {
    absl::string_view before;    // the sentence so far, without the full stop
    absl::string_view word;      // what of it stands behind its last space
    absl::string_view previous;  // the word before that, or nothing
    absl::string_view next;      // what follows, without white space
  };
  bool JoinsNext(const Context& context) const;

  // Makes the context of a full stop; `before` ends in front of it.
  static Context At(absl::string_view before, absl::string_view next);

 private:
  // Words in small letters, and those of them that are no abbreviation when
  // written so ("Sen." but not "sen.").
  struct WordSet {
    absl::flat_hash_set<std::string> words;
    absl::flat_hash_set<std::string> never_small;
    std::vector<std::string> endings;  // of compounds: "Hauptstr."

    void Add(absl::string_view list);
    bool Has(absl::string_view word) const;
  };

  bool NumberJoins(const Context& context) const;
  bool StartsSentence(absl::string_view next) const;

  WordSet never_end_;
  WordSet before_numbers_;
  WordSet may_end_;   // join, unless a word follows that starts sentences
  WordSet starters_;  // words with a capital at the start of a sentence only
  WordSet headings_;  // "Chapter 1. The"
  WordSet places_;
  bool numbers_are_ordinals_ = false;  // "3. März"
  bool is_english_ = false;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_ABBREVIATIONS_H_
