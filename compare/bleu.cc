#include "compare/bleu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "engine/base/check.h"
#include "engine/text/utf8.h"

namespace peregrine::compare {
namespace {

constexpr std::size_t kMaxOrder = 4;

// The bytes of the white space at the start of `text`, 0 for none. As Python's
// str.split() sees it: Unicode's spaces and the four ASCII separators.
std::size_t SpaceLength(absl::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    return absl::ascii_isspace(first) || (first >= 0x1C && first <= 0x1F);
  }
  static const auto& kSpaces = *new std::vector<std::string>{
      "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002",  "\u2003", "\u2004",
      "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",  "\u200A", "\u2028",
      "\u2029", "\u202F", "\u205F", "\u3000", "\xC2\x85"};  // U+0085
  for (const std::string& space : kSpaces) {
    if (absl::StartsWith(text, space)) return space.size();
  }
  return 0;
}

std::vector<std::string> SplitAtSpaces(absl::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  while (!text.empty()) {
    std::size_t length = SpaceLength(text);
    if (length > 0) {
      inside = false;
    } else {
      length = text::Utf8CharLengthFromLead(text[0]);
      if (!inside) words.emplace_back();
      inside = true;
      absl::StrAppend(&words.back(), text.substr(0, length));
    }
    text.remove_prefix(std::min(length, text.size()));
  }
  return words;
}

// Spaces around ASCII punctuation, but for . , - and '.
std::string SeparatePunctuation(absl::string_view text) {
  std::string separated;
  for (const char c : text) {
    const bool apart = absl::ascii_ispunct(static_cast<unsigned char>(c)) &&
                       c != '.' && c != ',' && c != '-' && c != '\'';
    if (apart) separated += ' ';
    separated += c;
    if (apart) separated += ' ';
  }
  return separated;
}

// Replaces each pair of neighbours that `matches`, from the left, by
// `replace(first, second)`. What was replaced is not looked at again, just as
// with a regular expression of two characters; that these are bytes makes no
// difference, for one of the two is ASCII.
template <class Matches, class Replace>
std::string ReplacePairs(absl::string_view text, Matches matches,
                         Replace replace) {
  std::string replaced;
  std::size_t i = 0;
  while (i < text.size()) {
    if (i + 1 < text.size() && matches(text[i], text[i + 1])) {
      replaced += replace(text[i], text[i + 1]);
      i += 2;
    } else {
      replaced += text[i++];
    }
  }
  return replaced;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsPoint(char c) { return c == '.' || c == ','; }

std::string Unescape(absl::string_view text) {
  std::string line = absl::StrReplaceAll(text, {{"<skipped>", ""}});
  // One after the other: "&amp;lt;" becomes "<".
  line = absl::StrReplaceAll(line, {{"&quot;", "\""}});
  line = absl::StrReplaceAll(line, {{"&amp;", "&"}});
  line = absl::StrReplaceAll(line, {{"&lt;", "<"}});
  return absl::StrReplaceAll(line, {{"&gt;", ">"}});
}

using NgramCounts = std::map<std::vector<absl::string_view>, std::int64_t>;

NgramCounts CountNgrams(const std::vector<std::string>& tokens,
                        std::size_t order) {
  NgramCounts counts;
  for (std::size_t i = 0; i + order <= tokens.size(); ++i) {
    ++counts[{tokens.begin() + i, tokens.begin() + i + order}];
  }
  return counts;
}

struct BleuCounts {
  std::array<std::int64_t, kMaxOrder> correct{};
  std::array<std::int64_t, kMaxOrder> total{};
  std::int64_t hypothesis_length = 0;
  std::int64_t reference_length = 0;

  void Add(const std::vector<std::string>& hypothesis,
           const std::vector<std::string>& reference) {
    hypothesis_length += static_cast<std::int64_t>(hypothesis.size());
    reference_length += static_cast<std::int64_t>(reference.size());
    for (std::size_t n = 0; n < kMaxOrder; ++n) {
      const NgramCounts expected = CountNgrams(reference, n + 1);
      for (const auto& [ngram, count] : CountNgrams(hypothesis, n + 1)) {
        total[n] += count;
        const auto found = expected.find(ngram);
        if (found != expected.end()) {
          correct[n] += std::min(count, found->second);
        }
      }
    }
  }
};

double Score(const BleuCounts& counts) {
  if (counts.correct[0] == 0) return 0;
  double smoothing = 1;
  double sum_of_logs = 0;
  for (std::size_t n = 0; n < kMaxOrder; ++n) {
    if (counts.total[n] == 0) return 0;
    auto correct = static_cast<double>(counts.correct[n]);
    if (counts.correct[n] == 0) {
      smoothing *= 2;
      correct = 1 / smoothing;
    }
    sum_of_logs += std::log(correct / static_cast<double>(counts.total[n]));
  }
  double brevity_penalty = 1;
  if (counts.hypothesis_length < counts.reference_length) {
    brevity_penalty =
        std::exp(1 - static_cast<double>(counts.reference_length) /
                         static_cast<double>(counts.hypothesis_length));
  }
  return 100 * brevity_penalty * std::exp(sum_of_logs / kMaxOrder);
}

}  // namespace

std::vector<std::string> Tokenize13a(absl::string_view text) {
  std::string line = SeparatePunctuation(" " + Unescape(text) + " ");
  // A point or comma stays within a number only.
  line = ReplacePairs(
      line, [](char a, char b) { return !IsDigit(a) && IsPoint(b); },
      [](char a, char b) {
        return std::string{a, ' ', b, ' '};
      });
  line = ReplacePairs(
      line, [](char a, char b) { return IsPoint(a) && !IsDigit(b); },
      [](char a, char b) {
        return std::string{' ', a, ' ', b};
      });
  // A dash after a digit is a token.
  line = ReplacePairs(
      line, [](char a, char b) { return IsDigit(a) && b == '-'; },
      [](char a, char b) {
        return std::string{a, ' ', b, ' '};
      });
  return SplitAtSpaces(line);
}

double CorpusBleu(const std::vector<std::string>& hypotheses,
                  const std::vector<std::string>& references) {
  PEREGRINE_CHECK(hypotheses.size() == references.size());
  BleuCounts counts;
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    counts.Add(Tokenize13a(hypotheses[i]), Tokenize13a(references[i]));
  }
  return Score(counts);
}

}  // namespace peregrine::compare
