#ifndef PEREGRINE_ENGINE_TEXT_ADDED_WORDS_H_
#define PEREGRINE_ENGINE_TEXT_ADDED_WORDS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace peregrine::text {

// A token that was added to a trained vocabulary: one word, whatever the
// tokenizer would make of its letters.
struct AddedWord {
  std::string content;
  int32_t id = -1;
  bool single_word = false;  // not inside of longer words
  bool takes_left = false;   // the white space before it is part of it
  bool takes_right = false;
};

// Splits text at added words, as the `tokenizers` library does: leftmost first,
// of those the longest. Immutable and thread-safe.
class AddedWords {
 public:
  explicit AddedWords(std::vector<AddedWord> words);

  bool empty() const { return words_.empty(); }

  // Calls segment(text, is_last) for what is between added words, none of it
  // empty, and word(id) for these, in order.
  void Split(absl::string_view text,
             const std::function<void(absl::string_view, bool)>& segment,
             const std::function<void(int32_t)>& word) const;

 private:
  // The longest one at `at`, or null.
  const AddedWord* Find(absl::string_view text, size_t at) const;

  std::vector<AddedWord> words_;  // the longest first
  // Which of them begin with a byte.
  absl::flat_hash_map<char, std::vector<size_t>> by_first_byte_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_ADDED_WORDS_H_
