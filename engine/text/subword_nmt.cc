#include "engine/text/subword_nmt.h"

#include <algorithm>
#include <limits>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

constexpr absl::string_view kEndOfWord = "</w>";
constexpr absl::string_view kContinues = "@@";
constexpr absl::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr absl::string_view kWhiteSpace = " \t\r\n";
constexpr int32_t kNoMerge = std::numeric_limits<int32_t>::max();

// Each byte that belongs to no character becomes U+FFFD.
std::string ToUtf8(absl::string_view text) {
  if (!FindInvalidUtf8(text).has_value()) return std::string(text);
  std::string valid;
  while (!text.empty()) {
    const int length = Utf8CharLength(text);
    absl::StrAppend(&valid,
                    length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(std::max(length, 1));
  }
  return valid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const SubwordNmtCodes>> SubwordNmtCodes::Parse(
    absl::string_view text, absl::string_view name) {
  auto codes = absl::WrapUnique(new SubwordNmtCodes);
  codes->end_is_symbol_ = true;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripSuffix(line, "\r");
    if (number == 1 && absl::ConsumePrefix(&line, "#version:")) {
      const absl::string_view version = absl::StripAsciiWhitespace(line);
      if (version != "0.1" && version != "0.2") {
        return absl::InvalidArgumentError(
            absl::StrCat(name, ": found version ", version,
                         " of BPE codes, expected 0.1 or 0.2"));
      }
      codes->end_is_symbol_ = version == "0.1";
      continue;
    }
    const std::vector<absl::string_view> pair =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (pair.empty()) continue;
    if (pair.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": line ", number,
                                                     ": found ", pair.size(),
                                                     " symbols, expected two"));
    }
    const int32_t left = codes->AddSymbol(pair[0]);
    const int32_t right = codes->AddSymbol(pair[1]);
    const int32_t both = codes->AddSymbol(absl::StrCat(pair[0], pair[1]));
    codes->merges_.insert({{left, right}, {number, both}});  // the first counts
  }
  return std::unique_ptr<const SubwordNmtCodes>(std::move(codes));
}

int32_t SubwordNmtCodes::AddSymbol(absl::string_view symbol) {
  const auto [found, inserted] = symbol_ids_.try_emplace(
      std::string(symbol), static_cast<int32_t>(symbols_.size()));
  if (inserted) symbols_.emplace_back(symbol);
  return found->second;
}

std::vector<std::string> SubwordNmtCodes::Split(absl::string_view word) const {
  std::vector<absl::string_view> chars;
  while (!word.empty()) {
    const size_t length = Utf8CharLengthFromLead(word[0]);
    chars.push_back(word.substr(0, length));
    word.remove_prefix(std::min(length, word.size()));
  }
  std::vector<std::string> pieces;
  absl::Span<const absl::string_view> rest = chars;
  while (!rest.empty()) {
    const auto part = rest.subspan(0, kMaxWordChars);
    rest.remove_prefix(part.size());
    SplitPart(part, rest.empty(), pieces);
  }
  for (size_t i = 0; i + 1 < pieces.size(); ++i) {
    absl::StrAppend(&pieces[i], kContinues);
  }
  return pieces;
}

// Joins the most frequent pair, wherever it is, until none is left.
void SubwordNmtCodes::SplitPart(absl::Span<const absl::string_view> chars,
                                bool ends_word,
                                std::vector<std::string>& pieces) const {
  // Symbols by id; those that no merge knows are -1 - index and stay.
  struct Symbol {
    int32_t id;
    int32_t rank;  // of the merge with the next
    std::string text;
  };
  std::vector<Symbol> symbols;
  const auto add = [&](std::string text) {
    const auto found = symbol_ids_.find(text);
    symbols.push_back({found == symbol_ids_.end() ? -1 : found->second,
                       kNoMerge, std::move(text)});
  };
  for (absl::string_view c : chars) add(std::string(c));
  const bool single = ends_word && chars.size() == 1;
  if (ends_word && !single) {
    if (end_is_symbol_) {
      add(std::string(kEndOfWord));
    } else {
      std::string last = absl::StrCat(symbols.back().text, kEndOfWord);
      symbols.pop_back();
      add(std::move(last));
    }
  }
  const auto rank = [&](size_t i) {
    if (i + 1 >= symbols.size()) return kNoMerge;
    const auto found = merges_.find({symbols[i].id, symbols[i + 1].id});
    return found == merges_.end() ? kNoMerge : found->second.rank;
  };
  for (size_t i = 0; i < symbols.size(); ++i) symbols[i].rank = rank(i);
  while (symbols.size() > 1) {
    const auto best = std::min_element(
        symbols.begin(), symbols.end(),
        [](const Symbol& a, const Symbol& b) { return a.rank < b.rank; });
    if (best->rank == kNoMerge) break;
    const int32_t best_rank = best->rank;
    const size_t first = static_cast<size_t>(best - symbols.begin());
    const Pair pair{best->id, symbols[first + 1].id};
    const int32_t joined = merges_.at(pair).symbol;
    size_t kept = first;
    for (size_t i = first; i < symbols.size(); ++i, ++kept) {
      if (symbols[i].rank == best_rank && i + 1 < symbols.size()) {
        symbols[kept] = {joined, kNoMerge, symbols_[joined]};
        ++i;
      } else if (kept != i) {
        symbols[kept] = std::move(symbols[i]);
      }
    }
    symbols.resize(kept);
    for (size_t i = first == 0 ? 0 : first - 1; i < kept; ++i) {
      symbols[i].rank = rank(i);
    }
  }
  for (Symbol& symbol : symbols) {
    absl::string_view text = symbol.text;
    if (ends_word && &symbol == &symbols.back() && !single) {
      absl::ConsumeSuffix(&text, kEndOfWord);
    }
    if (!text.empty()) pieces.emplace_back(text);
  }
}

std::vector<int32_t> SubwordNmtTokenizer::Encode(absl::string_view text) const {
  std::vector<int32_t> ids;
  const auto add = [&](absl::string_view piece) {
    ids.push_back(vocabulary_->id(piece).value_or(vocabulary_->unk_id()));
  };
  const std::string valid = ToUtf8(text);
  for (absl::string_view word :
       absl::StrSplit(valid, absl::ByAnyChar(kWhiteSpace), absl::SkipEmpty())) {
    if (codes_ == nullptr ||
        std::find(whole_.begin(), whole_.end(), word) != whole_.end()) {
      add(word);
      continue;
    }
    for (const std::string& piece : codes_->Split(word)) add(piece);
  }
  return ids;
}

std::string SubwordNmtTokenizer::Decode(absl::Span<const int32_t> ids) const {
  std::string text;
  bool joins = true;
  for (int32_t id : ids) {
    if (id < 0 || id >= vocabulary_->size()) id = vocabulary_->unk_id();
    if (vocabulary_->silent(id)) continue;
    absl::string_view piece = vocabulary_->piece(id);
    if (!joins) text += ' ';
    joins = absl::ConsumeSuffix(&piece, kContinues);
    absl::StrAppend(&text, piece);
  }
  return text;
}

}  // namespace peregrine::text
