#include "engine/text/open_prefix.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/text/characters.h"
#include "engine/text/piece_table.h"

namespace peregrine::text {
namespace {

constexpr absl::string_view kWordMark = "\u2581";
constexpr size_t kMaxBytes = 48;  // of the last word

// The last word as the vocabulary spells it, and the token that it begins with;
// "" where it is not all letters.
std::string LastWord(const Tokenizer& tokenizer,
                     absl::Span<const int32_t> tokens, size_t* first) {
  std::string word;
  for (*first = tokens.size(); *first > 0;) {
    const int32_t token = tokens[--*first];
    const absl::string_view piece = tokenizer.piece(token);
    if (token == tokenizer.unk_id() || ParseBytePiece(piece).has_value()) {
      return "";
    }
    word.insert(0, piece.data(), piece.size());
    if (word.size() > kMaxBytes) return "";
    if (!absl::StartsWith(piece, kWordMark)) continue;
    absl::string_view letters =
        absl::string_view(word).substr(kWordMark.size());
    if (letters.empty()) return "";
    while (!letters.empty()) {
      const Character c = FirstCharacter(letters);
      if (!IsLetter(c.code_point)) return "";
      letters.remove_prefix(c.size);
    }
    return word;
  }
  return "";
}

// Drops ways that lead nowhere, and what is then never reached.
void KeepWaysThrough(std::vector<std::vector<int32_t>>* places) {
  const size_t count = places->size();
  std::vector<bool> is_alive(count + 1, false);
  is_alive[count] = true;
  for (size_t place = count; place-- > 0;) {
    std::vector<int32_t>& ways = (*places)[place];
    std::vector<int32_t> kept;
    for (size_t i = 0; i < ways.size(); i += 2) {
      if (!is_alive[static_cast<size_t>(ways[i + 1])]) continue;
      kept.push_back(ways[i]);
      kept.push_back(ways[i + 1]);
    }
    is_alive[place] = !kept.empty();
    ways = std::move(kept);
  }
  std::vector<bool> is_reached(count + 1, false);
  is_reached[0] = true;
  for (size_t place = 0; place < count; ++place) {
    std::vector<int32_t>& ways = (*places)[place];
    if (!is_reached[place]) ways.clear();
    for (size_t i = 0; i < ways.size(); i += 2) {
      is_reached[static_cast<size_t>(ways[i + 1])] = true;
    }
  }
}

}  // namespace

OpenPrefix OpenLastWord(const Tokenizer& tokenizer, absl::string_view text,
                        absl::Span<const int32_t> tokens) {
  OpenPrefix open;
  open.tokens.assign(tokens.begin(), tokens.end());
  if (text.empty() || !IsLetter(LastCharacter(text).code_point)) return open;
  size_t first = 0;
  const std::string word = LastWord(tokenizer, tokens, &first);
  if (word.empty()) return open;
  std::vector<std::vector<int32_t>> places(word.size());
  const absl::string_view whole = word;
  for (int32_t token = 0; token < tokenizer.vocab_size(); ++token) {
    const absl::string_view piece = tokenizer.piece(token);
    if (piece.empty() || token == tokenizer.unk_id()) continue;
    // Only the mark of the word itself.
    const bool is_marked = absl::StartsWith(piece, kWordMark);
    for (size_t place = 0; place < word.size(); ++place) {
      const absl::string_view rest = whole.substr(place);
      if (rest[0] != piece[0] || is_marked != (place == 0)) continue;
      if (absl::StartsWith(piece, rest)) {
        places[place].push_back(token);
        places[place].push_back(static_cast<int32_t>(word.size()));
      } else if (absl::StartsWith(rest, piece)) {
        places[place].push_back(token);
        places[place].push_back(static_cast<int32_t>(place + piece.size()));
      }
    }
  }
  KeepWaysThrough(&places);
  if (places[0].empty()) return open;
  open.tokens.resize(first);
  open.completion = std::move(places);
  return open;
}

}  // namespace peregrine::text
