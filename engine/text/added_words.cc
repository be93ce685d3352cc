#include "engine/text/added_words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace peregrine::text {
namespace {

// Letters, digits and "_"; what is not ASCII counts as a letter.
bool IsWordByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || absl::ascii_isalnum(byte) || c == '_';
}

bool IsAlone(absl::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !IsWordByte(text[begin - 1])) &&
         (end == text.size() || !IsWordByte(text[end]));
}

}  // namespace

AddedWords::AddedWords(std::vector<AddedWord> words)
    : words_(std::move(words)) {
  std::stable_sort(words_.begin(), words_.end(),
                   [](const AddedWord& a, const AddedWord& b) {
                     return a.content.size() > b.content.size();
                   });
  for (size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].content.empty()) continue;
    by_first_byte_[words_[i].content[0]].push_back(i);
  }
}

const AddedWord* AddedWords::Find(absl::string_view text, size_t at) const {
  const auto found = by_first_byte_.find(text[at]);
  if (found == by_first_byte_.end()) return nullptr;
  for (size_t index : found->second) {
    const AddedWord& word = words_[index];
    if (!absl::StartsWith(text.substr(at), word.content)) continue;
    if (word.single_word && !IsAlone(text, at, at + word.content.size())) {
      return nullptr;  // the longest match decides, as there
    }
    return &word;
  }
  return nullptr;
}

void AddedWords::Split(
    absl::string_view text,
    const std::function<void(absl::string_view, bool)>& segment,
    const std::function<void(int32_t)>& word) const {
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const AddedWord* const found = Find(text, at);
    if (found == nullptr) {
      ++at;
      continue;
    }
    absl::string_view before = text.substr(begin, at - begin);
    if (found->takes_left) {
      before = absl::StripTrailingAsciiWhitespace(before);
    }
    if (!before.empty()) segment(before, /*is_last=*/false);
    word(found->id);
    at += found->content.size();
    while (found->takes_right && at < text.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(text[at]))) {
      ++at;
    }
    begin = at;
  }
  if (begin < text.size()) segment(text.substr(begin), /*is_last=*/true);
}

}  // namespace peregrine::text
