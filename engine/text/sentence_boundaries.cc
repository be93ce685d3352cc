#include "engine/text/sentence_boundaries.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "engine/text/characters.h"

namespace peregrine::text {
namespace {

// How far a bracket or a quotation may reach and still be one, how many may be
// open at once, and how many of these are looked at: what bounds the time.
constexpr std::size_t kMaxBracketBytes = 400;
constexpr std::size_t kMaxOpenBrackets = 16;
constexpr std::size_t kBracketsSeen = 3;
constexpr std::size_t kQuotationsInARow = 8;
// Of the clause after a quotation that says who spoke.
constexpr std::size_t kMaxSayingBytes = 60;

Character At(absl::string_view text, std::size_t at) {
  return at < text.size() ? FirstCharacter(text.substr(at)) : Character();
}

bool IsOpeningPunctuation(int32_t c) {
  if (c < 0) return false;
  const int8_t type = u_charType(c);
  return type == U_START_PUNCTUATION || type == U_INITIAL_PUNCTUATION ||
         type == U_FINAL_PUNCTUATION || c == '"' || c == '\'' || c == 0xBF ||
         c == 0xA1;
}

bool IsQuoteOrClosing(int32_t c) {
  if (c < 0) return false;
  const int8_t type = u_charType(c);
  return type == U_END_PUNCTUATION || type == U_FINAL_PUNCTUATION ||
         type == U_INITIAL_PUNCTUATION || c == '"' || c == '\'' ||
         c == 0x201C || c == 0x2018;
}

bool IsBracketOrCjkQuote(int32_t c) {
  return c == '(' || c == '[' || (c >= 0x3008 && c <= 0x3010) || c == 0xFF08 ||
         c == 0x201C;
}

int32_t ClosingOf(int32_t c) {
  switch (c) {
    case '(':
      return ')';
    case '[':
      return ']';
    case 0xFF08:
      return 0xFF09;
    case 0x201C:
      return 0x201D;
    default:
      return c + 1;  // of the block of CJK brackets
  }
}

bool IsFootnoteDigit(int32_t c) {
  return c == 0xB9 || c == 0xB2 || c == 0xB3 || (c >= 0x2070 && c <= 0x2079);
}

// The bytes of "[12]" at the start of `text`, or 0.
std::size_t FootnoteSize(absl::string_view text) {
  if (!absl::StartsWith(text, "[")) return 0;
  std::size_t at = 1;
  while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
  return at > 1 && at < text.size() && text[at] == ']' ? at + 1 : 0;
}

// From its first character on that is seen.
absl::string_view TrimInvisible(absl::string_view text) {
  while (IsInvisible(FirstCharacter(text).code_point)) {
    text.remove_prefix(FirstCharacter(text).size);
  }
  return text;
}

// "...", "…", ". . ." and the like.
bool IsEllipsis(absl::string_view marks) {
  return absl::StartsWith(marks, "\xE2\x80\xA6") ||
         (marks.size() >= 2 && absl::StartsWith(marks, ".."));
}

bool IsRoundOrSquare(int32_t closing) {
  return closing == ')' || closing == ']' || closing == 0xFF09;
}

// "'t Is koud", "’s Avonds": the capital stands in the next word.
bool StartsWithElision(absl::string_view text) {
  const int32_t apostrophe = FirstCharacter(text).code_point;
  if (apostrophe != '\'' && apostrophe != 0x2019) return false;
  text.remove_prefix(FirstCharacter(text).size);
  return text.size() > 2 && absl::ascii_islower(text[0]) && text[1] == ' ' &&
         IsUpper(FirstCharacter(text.substr(2)).code_point);
}

// Where the bracket that opens at `at` closes, or npos.
std::size_t FindClosing(absl::string_view line, std::size_t at,
                        int32_t closing) {
  const std::size_t limit = std::min(line.size(), at + kMaxBracketBytes);
  while (at < limit) {
    const Character c = At(line, at);
    if (c.code_point == closing) return at;
    at += c.size;
  }
  return absl::string_view::npos;
}

// Names that have a mark of their own.
bool EndsWithMarkedName(absl::string_view before) {
  for (absl::string_view name : {"Yahoo", "Jeopardy", "Joomla"}) {
    if (absl::EndsWith(before, name)) return true;
  }
  return false;
}

bool ContainsAny(absl::string_view text,
                 std::initializer_list<absl::string_view> words) {
  return absl::c_any_of(words, [&](absl::string_view word) {
    return absl::StrContains(text, word);
  });
}

bool StartsWithAny(absl::string_view text,
                   std::initializer_list<absl::string_view> words) {
  return absl::c_any_of(words, [&](absl::string_view word) {
    return absl::StartsWith(text, word);
  });
}

// `text` up to the next mark of any kind, if that is near.
absl::string_view Clause(absl::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && at < kMaxSayingBytes) {
    const Character c = At(text, at);
    if (c.code_point >= 0 && c.code_point != ' ' && u_ispunct(c.code_point)) {
      break;
    }
    at += c.size;
  }
  return text.substr(0, at);
}

// Behind the quotations with which `text` begins: "「いいえ。」「そう。」と".
absl::string_view SkipQuotations(absl::string_view text) {
  for (std::size_t i = 0; i < kQuotationsInARow; ++i) {
    const Character open = FirstCharacter(text);
    const bool opens = open.code_point == '"' ||
                       (IsBracketOrCjkQuote(open.code_point) &&
                        !IsRoundOrSquare(ClosingOf(open.code_point)));
    if (!opens) break;
    const int32_t closing =
        open.code_point == '"' ? '"' : ClosingOf(open.code_point);
    const std::size_t close = FindClosing(text, open.size, closing);
    if (close == absl::string_view::npos) break;
    text.remove_prefix(close);
    text.remove_prefix(FirstCharacter(text).size);
    text = TrimLeft(text);
  }
  return text;
}

bool IsJapaneseParticle(absl::string_view next) {
  // Words that begin like a particle, and begin sentences.
  if (StartsWithAny(next,
                    {"とても", "ところ", "とにかく", "ともかく", "とうとう",
                     "がんば", "はい",   "はじめ",   "でも",     "では",
                     "もう",   "もし",   "もちろん", "もっと",   "もとも",
                     "にっこ", "にこ",   "にわか",   "へえ",     "やがて",
                     "やっ",   "やは",   "なぜ",     "なに",     "なるほど",
                     "なんと", "かれ",   "かつて",   "かな",     "からだ"})) {
    return false;
  }
  return StartsWithAny(next, {"と", "って", "の", "を", "が", "は", "に", "で",
                              "も", "へ", "や", "な", "か"});
}

}  // namespace

bool IsSentenceMark(int32_t c, absl::string_view language) {
  if (c < 0x80) {
    return c == '.' || c == '!' || c == '?' || (c == ';' && language == "el");
  }
  return c == 0x2026 || c == 0x37E || u_hasBinaryProperty(c, UCHAR_S_TERM);
}

bool NeedsSpaceBehind(int32_t mark) {
  return mark < 0x80 || mark == 0x2026 || mark == 0x37E ||
         (mark >= 0x203C && mark <= 0x2049);
}

bool StartsSmall(absl::string_view next) {
  if (StartsWithElision(next)) return false;
  for (Character c = FirstCharacter(next); c.size > 0;
       c = FirstCharacter(next)) {
    if (IsOpeningPunctuation(c.code_point) || IsDash(c.code_point) ||
        IsSpace(c.code_point) || IsInvisible(c.code_point)) {
      next.remove_prefix(c.size);
      continue;
    }
    // ", he said": the sentence goes on.
    if (c.code_point == ',' || c.code_point == ';' || c.code_point == ':') {
      return true;
    }
    if (!IsLower(c.code_point)) return false;
    break;
  }
  const absl::string_view word = FirstWord(next);
  bool has_capital = false;  // "iPhone"
  for (std::size_t at = 0; at < word.size();) {
    const Character c = At(word, at);
    has_capital |= IsUpper(c.code_point);
    at += c.size;
  }
  return !word.empty() && !has_capital;
}

bool ContinuesQuotation(absl::string_view next, absl::string_view language) {
  if (language != "ja" && language != "zh" && language != "yue" &&
      language != "ko") {
    return false;
  }
  next = SkipQuotations(next);
  const absl::string_view clause = Clause(next);
  if (language == "ja") {
    return IsJapaneseParticle(next) ||
           ContainsAny(clause, {"言", "叫", "尋ね", "聞い", "聞き", "答え",
                                "つぶや", "呟", "述べ", "話し", "怒鳴",
                                "ささや", "囁", "語っ", "語り", "訊"});
  }
  if (language == "zh" || language == "yue") {
    if (ContainsAny(clause, {"知道", "道理", "道路", "街道"})) return false;
    return StartsWithAny(next, {"的", "这", "這", "是"}) ||
           ContainsAny(clause,
                       {"说",   "說",   "道",   "问",   "問",   "答",   "喊",
                        "叫",   "嚷",   "吼",   "叹",   "嘆",   "回应", "回應",
                        "表示", "写",   "寫",   "解释", "解釋", "补充", "告诉",
                        "告訴", "低语", "嘟囔", "宣布"});
  }
  return ContainsAny(clause,
                     {"말했", "말하",   "말씀", "물었", "물어", "외쳤", "외치",
                      "소리", "대답",   "속삭", "중얼", "덧붙", "설명", "전했",
                      "라고", "이라고", "하고", "라는", "했다", "답했"});
}

// What is open at a place of a line.
struct SentenceBoundaries::OpenQuotes {
  struct Bracket {
    std::size_t at;
    int32_t closing;
  };
  std::vector<Bracket> brackets;
  bool straight_quote = false;  // an odd number of " so far
  int guillemets = 0;

  void See(int32_t c, std::size_t at) {
    if (c == '"') {
      straight_quote = !straight_quote;
    } else if (IsBracketOrCjkQuote(c)) {
      if (brackets.size() == kMaxOpenBrackets) brackets.erase(brackets.begin());
      brackets.push_back({at, ClosingOf(c)});
    } else if (!brackets.empty()) {
      for (std::size_t i = brackets.size(); i-- > 0;) {
        if (brackets[i].closing != c) continue;
        brackets.resize(i);
        break;
      }
    }
  }
};

SentenceBoundaries::SentenceBoundaries(absl::string_view language)
    : language_(language == "cmn" ? "zh" : language),
      abbreviations_(language) {}

// Quotation marks, brackets, footnotes and emoji directly behind the marks; and
// what closes behind a space: "« Oui. » Il", "( Stop. ) Then".
std::size_t SentenceBoundaries::EndOfClosing(absl::string_view line,
                                             std::size_t at,
                                             const OpenQuotes& open) const {
  bool straight_open = open.straight_quote;
  for (;;) {
    const Character c = At(line, at);
    const std::size_t footnote = FootnoteSize(line.substr(at));
    if (footnote > 0) {
      at += footnote;
    } else if (IsQuoteOrClosing(c.code_point) ||
               IsFootnoteDigit(c.code_point) || IsEmoji(c.code_point) ||
               IsInvisible(c.code_point)) {
      // Where no space stands between sentences, a quotation mark opens the
      // next one.
      const int32_t behind = At(line, at + c.size).code_point;
      if ((c.code_point == 0x201C && behind >= 0 && !IsSpace(behind)) ||
          (c.code_point == '"' && !straight_open && IsHanOrKana(behind))) {
        return at;
      }
      if (c.code_point == '"') straight_open = !straight_open;
      at += c.size;
    } else if (IsSpace(c.code_point)) {
      std::size_t behind = at;
      while (IsSpace(At(line, behind).code_point)) {
        behind += At(line, behind).size;
      }
      const Character closing = At(line, behind);
      if (closing.code_point < 0) return at;
      const int8_t type = u_charType(closing.code_point);
      const int32_t after = At(line, behind + closing.size).code_point;
      const bool ends = after < 0 || IsSpace(after) || u_ispunct(after);
      const bool closes = type == U_END_PUNCTUATION ||
                          (type == U_FINAL_PUNCTUATION && ends) ||
                          (closing.code_point == '"' && straight_open && ends);
      if (!closes) return at;
      if (closing.code_point == '"') straight_open = false;
      at = behind + closing.size;
    } else {
      return at;
    }
  }
}

bool SentenceBoundaries::IsBoundary(absl::string_view line,
                                    const Candidate& candidate,
                                    const OpenQuotes& open) const {
  const absl::string_view next = line.substr(candidate.next);
  const absl::string_view marks =
      line.substr(candidate.mark, candidate.marks_end - candidate.mark);
  const absl::string_view before =
      line.substr(candidate.begin, candidate.mark - candidate.begin);
  const int32_t last_mark = LastCharacter(marks).code_point;
  const bool space_behind = candidate.next > candidate.end;
  if (!space_behind && NeedsSpaceBehind(last_mark)) {
    // "真的吗?是的!"
    if ((last_mark != '!' && last_mark != '?') ||
        !IsHanOrKana(LastCharacter(before).code_point) ||
        !IsHanOrKana(FirstCharacter(next).code_point)) {
      return false;
    }
  }
  if (StartsSmall(next)) return false;
  // ". . ."
  if (IsSentenceMark(FirstCharacter(next).code_point, language_)) return false;
  const absl::string_view closing = TrimInvisible(
      line.substr(candidate.marks_end, candidate.end - candidate.marks_end));
  const bool closed = !closing.empty();
  if (closed && ContinuesQuotation(next, language_)) return false;
  if (!closed && EndsWithMarkedName(before)) return false;
  if (IsInsideBrackets(line, candidate, open)) return false;
  const bool spaced_dots = marks == "." &&
                           IsSpace(LastCharacter(before).code_point) &&
                           absl::EndsWith(TrimRight(before), ".");
  if (spaced_dots || IsEllipsis(marks)) {
    // "well ... I mean", "I… I do".
    const absl::string_view word = FirstWord(next);
    const bool apart = IsSpace(LastCharacter(before).code_point);
    const bool stammers = !word.empty() && absl::EndsWith(before, word);
    return !apart && !stammers && !(language_ == "en" && word == "I");
  }
  // "(e.g.) Paris", but "\"at home.\" Then".
  if (marks != "." || (closed && closing[0] != ')')) return true;
  return !abbreviations_.JoinsNext(Abbreviations::At(before, next));
}

// Whether the marks are inside, or at the end of, a bracket or a quotation that
// is part of a sentence that goes on behind it.
bool SentenceBoundaries::IsInsideBrackets(absl::string_view line,
                                          const Candidate& candidate,
                                          const OpenQuotes& open) const {
  for (std::size_t i = 0; i < std::min(open.brackets.size(), kBracketsSeen);
       ++i) {
    const OpenQuotes::Bracket& bracket =
        open.brackets[open.brackets.size() - 1 - i];
    const std::size_t close = FindClosing(line, bracket.at, bracket.closing);
    if (close == absl::string_view::npos) continue;
    if (IsRoundOrSquare(bracket.closing)) {
      const bool mid_sentence = bracket.at > candidate.begin;
      const bool space_behind = candidate.next > candidate.end;
      if (mid_sentence && (close >= candidate.end || !space_behind)) {
        return true;
      }
    } else if (close >= candidate.end) {
      const absl::string_view behind =
          TrimLeft(line.substr(close + At(line, close).size));
      if (ContinuesQuotation(behind, language_)) return true;
    }
  }
  return false;
}

std::vector<std::size_t> SentenceBoundaries::Find(
    absl::string_view line) const {
  // ASCII characters that are no part of any rule here.
  static const std::array<bool, 128> plain = [] {
    std::array<bool, 128> table{};
    for (int c = 0; c < 128; ++c) {
      table[c] = absl::string_view(".!?;\"()[]").find(static_cast<char>(c)) ==
                 absl::string_view::npos;
    }
    return table;
  }();
  std::vector<std::size_t> ends;
  OpenQuotes open;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < line.size();) {
    const auto byte = static_cast<unsigned char>(line[at]);
    if (byte < 0x80 && plain[byte]) {
      ++at;
      continue;
    }
    const Character c = At(line, at);
    if (!IsSentenceMark(c.code_point, language_)) {
      open.See(c.code_point, at);
      at += c.size;
      continue;
    }
    Candidate candidate{begin, at, at, 0, 0};
    while (
        IsSentenceMark(At(line, candidate.marks_end).code_point, language_)) {
      candidate.marks_end += At(line, candidate.marks_end).size;
    }
    candidate.end = EndOfClosing(line, candidate.marks_end, open);
    candidate.next = candidate.end;
    for (Character next = At(line, candidate.next);
         IsSpace(next.code_point) || IsInvisible(next.code_point);
         next = At(line, candidate.next)) {
      candidate.next += next.size;
    }
    if (candidate.next < line.size() && IsBoundary(line, candidate, open)) {
      ends.push_back(candidate.end);
      begin = candidate.next;
    }
    for (at = candidate.marks_end; at < candidate.end;) {
      const Character closing = At(line, at);
      open.See(closing.code_point, at);
      at += closing.size;
    }
    at = candidate.end;
  }
  return ends;
}

}  // namespace peregrine::text
