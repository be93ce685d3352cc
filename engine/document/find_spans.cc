#include "engine/document/find_spans.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/built_in_spans.h"
#include "engine/document/find_emoji.h"
#include "engine/document/span_edges.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::FirstCharacter;

// Of punctuation between two spans, "{a}/{b}".
constexpr size_t kMaxJoint = 3;

}  // namespace

SpanPatterns::SpanPatterns() = default;
SpanPatterns::~SpanPatterns() = default;

absl::StatusOr<std::shared_ptr<const SpanPatterns>> SpanPatterns::Compile(
    absl::Span<const std::string> patterns) {
  if (patterns.size() > kMaxPatterns) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", patterns.size(), " patterns, allowed at most ",
                     kMaxPatterns));
  }
  std::shared_ptr<SpanPatterns> compiled(new SpanPatterns);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  for (size_t i = 0; i < patterns.size(); ++i) {
    const std::string name = absl::StrCat("pattern ", i);
    if (patterns[i].size() > kMaxPatternBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": found ", patterns[i].size(),
                       " bytes, allowed at most ", kMaxPatternBytes));
    }
    auto pattern = std::make_unique<RE2>(patterns[i], options);
    if (!pattern->ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " (\"", patterns[i], "\"): ", pattern->error(),
                       ", expected the syntax of RE2"));
    }
    if (patterns[i].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": is empty, expected a pattern"));
    }
    compiled->patterns_.push_back(std::move(pattern));
  }
  return std::shared_ptr<const SpanPatterns>(std::move(compiled));
}

void SpanPatterns::Find(absl::string_view text,
                        std::vector<Span>* spans) const {
  const re2::StringPiece input(text.data(), text.size());
  for (const auto& pattern : patterns_) {
    re2::StringPiece match;
    for (size_t at = 0; at <= text.size();) {
      if (!pattern->Match(input, at, text.size(), RE2::UNANCHORED, &match, 1)) {
        break;
      }
      const auto begin = static_cast<size_t>(match.data() - text.data());
      if (match.empty()) {
        at = begin +
             std::max<size_t>(1, FirstCharacter(text.substr(begin)).size);
        continue;
      }
      at = begin + match.size();
      spans->push_back({{begin, at}, SpanKind::kPattern});
    }
  }
}

void SortAndSeparate(std::vector<Span>* spans) {
  std::stable_sort(spans->begin(), spans->end(),
                   [](const Span& a, const Span& b) {
                     if (a.range.begin != b.range.begin) {
                       return a.range.begin < b.range.begin;
                     }
                     return a.range.end > b.range.end;
                   });
  size_t kept = 0;
  for (const Span& span : *spans) {
    if (span.range.empty()) continue;
    if (kept > 0 && span.range.begin < (*spans)[kept - 1].range.end) {
      // What reaches out of the one before makes it longer: neither is torn.
      ByteRange& before = (*spans)[kept - 1].range;
      before.end = std::max(before.end, span.range.end);
      continue;
    }
    (*spans)[kept++] = span;
  }
  spans->resize(kept);
}

std::vector<Span> FindSpans(
    absl::string_view text, SpanKinds kinds,
    absl::Span<const std::shared_ptr<const SpanPatterns>> patterns) {
  std::vector<Span> spans;
  FindBuiltIn(text, kinds, &spans);
  if (kinds.Has(SpanKind::kEmoji)) FindEmoji(text, &spans);
  if (kinds.Has(SpanKind::kPattern)) {
    for (const auto& of_one : patterns) of_one->Find(text, &spans);
  }
  SortAndSeparate(&spans);
  for (Span& span : spans) Widen(text, &span);
  SortAndSeparate(&spans);
  return spans;
}

void JoinSpans(absl::string_view text,
               const std::function<bool(const ByteRange&)>& may_join,
               std::vector<Span>* spans) {
  size_t kept = 0;
  for (const Span& span : *spans) {
    if (kept > 0 && span.kind != SpanKind::kEmoji) {
      Span& before = (*spans)[kept - 1];
      const ByteRange joint{before.range.end, span.range.begin};
      const absl::string_view between = text.substr(joint.begin, joint.size());
      if (before.kind != SpanKind::kEmoji && !between.empty() &&
          between.size() <= kMaxJoint &&
          std::all_of(between.begin(), between.end(), absl::ascii_ispunct) &&
          may_join(joint)) {
        before.range.end = span.range.end;
        continue;
      }
    }
    (*spans)[kept++] = span;
  }
  spans->resize(kept);
}

void WidenToWords(absl::string_view text, std::vector<Span>* spans) {
  for (Span& span : *spans) Widen(text, &span);
}

namespace {

// Where the number of "EUR1,000" begins, of which "EUR1" looks like a product;
// 0: it is none.
size_t NumberBehindCode(absl::string_view match, absl::string_view behind) {
  size_t letters = 0;
  while (letters < match.size() && absl::ascii_isupper(match[letters])) {
    ++letters;
  }
  const bool goes_on = behind.size() > 1 && absl::ascii_isdigit(behind[1]) &&
                       (behind[0] == '.' || behind[0] == ',');
  const bool is_code =
      letters == 3 && match.size() > letters &&
      std::all_of(match.begin() + static_cast<std::ptrdiff_t>(letters),
                  match.end(), absl::ascii_isdigit);
  return is_code && goes_on ? letters : 0;
}

}  // namespace

std::vector<Span> FindKept(absl::string_view text, SpanKinds kinds) {
  // Versions, products and their numbers before numbers.
  static const RE2* const pattern = new RE2(
      "(\\b(?:[vV]\\d+(?:\\.\\d+)*(?:[-+][\\w.]*\\w)?|\\d+(?:\\.\\d+){2,}"
      "(?:[-+][\\w.]*\\w)?|[A-Z]+[A-Za-z]*-?\\d[\\dA-Za-z]*(?:-[\\dA-Z]+)*|"
      "\\d+[A-Z][\\dA-Z]*|"
      // YouTube, iPhone, macOS.
      "[A-Z][a-z]{2,}(?:[A-Z][a-z]{2,})+|[a-z][A-Z][a-z]{2,}|"
      "[A-Za-z]*[a-z]OS)\\b|"
      // m², H₂O: normalisers make usual digits of these.
      "\\pL{1,3}(?:[\\x{B2}\\x{B3}\\x{B9}\\x{2070}-\\x{209C}]+\\pL{0,2})+)|"
      "(\\pN+(?:[.,:'’/\\x{A0}\\x{202F}]\\pN+)*)");
  static const RE2* const thousands = new RE2("\\d{1,3}(?:\\.\\d{3})+");
  std::vector<Span> kept;
  const bool any = std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(c) || static_cast<unsigned char>(c) >= 0xC2;
  });
  if (!any && !HasHump(text)) return kept;
  re2::StringPiece groups[3];
  const re2::StringPiece input(text.data(), text.size());
  for (size_t at = 0; at < text.size();) {
    if (!pattern->Match(input, at, text.size(), RE2::UNANCHORED, groups, 3)) {
      break;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    at = begin + groups[0].size();
    // German: "LehrerInnen" are words.
    if (absl::EndsWith(text.substr(begin, groups[0].size()), "Innen")) continue;
    const size_t code =
        NumberBehindCode(text.substr(begin, groups[0].size()), text.substr(at));
    if (code > 0) {
      at = begin + code;
      continue;
    }
    const bool is_version =
        groups[1].data() != nullptr &&
        !RE2::FullMatch(groups[1], *thousands);  // "1.000.000"
    const SpanKind kind = is_version ? SpanKind::kVersion : SpanKind::kNumber;
    if (kinds.Has(kind)) kept.push_back({{begin, at}, kind});
  }
  return kept;
}

}  // namespace peregrine::document
