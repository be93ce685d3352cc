#include "engine/text/spellings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/text/piece_table.h"

namespace peregrine::text {
namespace {

constexpr size_t kMaxBytes = 64;      // of the pieces of a text, together
constexpr size_t kMaxMoreTokens = 2;  // than Encode's
constexpr size_t kMaxVisits = 4096;

// A piece of the text, up to byte `end`.
struct Edge {
  size_t end;
  int32_t token;
};

class Speller {
 public:
  Speller(const Tokenizer& tokenizer, absl::string_view spelled)
      : edges_(spelled.size()) {
    for (size_t begin = 0; begin < spelled.size(); ++begin) {
      for (size_t end = spelled.size(); end > begin; --end) {
        const absl::optional<int32_t> token =
            tokenizer.id(spelled.substr(begin, end - begin));
        if (token.has_value()) edges_[begin].push_back({end, *token});
      }
    }
  }

  // Calls use(tokens) for each way of exactly `count` tokens, until it says no.
  template <class Use>
  void ForEach(size_t count, Use use) {
    tokens_.clear();
    goes_on_ = true;
    Visit(0, count, use);
  }

 private:
  template <class Use>
  void Visit(size_t begin, size_t left, Use& use) {
    if (begin == edges_.size()) {
      if (left == 0) goes_on_ = use(tokens_);
      return;
    }
    if (left == 0) return;
    for (const Edge& edge : edges_[begin]) {
      if (!goes_on_ || ++visits_ > kMaxVisits) return;
      tokens_.push_back(edge.token);
      Visit(edge.end, left - 1, use);
      tokens_.pop_back();
    }
  }

  std::vector<std::vector<Edge>> edges_;  // by the byte where they begin
  std::vector<int32_t> tokens_;
  size_t visits_ = 0;
  bool goes_on_ = true;
};

}  // namespace

std::vector<std::vector<int32_t>> Spellings(const Tokenizer& tokenizer,
                                            absl::string_view text,
                                            size_t max_spellings) {
  std::vector<std::vector<int32_t>> spellings = {tokenizer.Encode(text)};
  std::string spelled;
  for (int32_t token : spellings[0]) {
    const absl::string_view piece = tokenizer.piece(token);
    if (token == tokenizer.unk_id() || ParseBytePiece(piece).has_value()) {
      return spellings;
    }
    absl::StrAppend(&spelled, piece);
  }
  if (spelled.empty() || spelled.size() > kMaxBytes) return spellings;
  const std::string said = tokenizer.Decode(spellings[0]);
  const size_t usual = spellings[0].size();
  Speller speller(tokenizer, spelled);
  for (size_t count = 1; count <= usual + kMaxMoreTokens; ++count) {
    speller.ForEach(count, [&](const std::vector<int32_t>& tokens) {
      if (spellings.size() >= max_spellings) return false;
      if (tokens != spellings[0] && tokenizer.Decode(tokens) == said) {
        spellings.push_back(tokens);
      }
      return true;
    });
  }
  return spellings;
}

}  // namespace peregrine::text
