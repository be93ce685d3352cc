#include "engine/document/units.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

enum class Class { kSpace, kWord, kDigit, kMark, kAlone };

Class ClassOf(int32_t c) {
  if (text::IsSpace(c)) return Class::kSpace;
  if (c < 0) return Class::kAlone;
  // Also "½" and "²".
  if ((U_GET_GC_MASK(c) & U_GC_N_MASK) != 0) return Class::kDigit;
  if (text::IsHanOrKana(c)) return Class::kAlone;
  if (u_isalpha(c) || c == '_') return Class::kWord;
  if ((U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 || c == 0x200D) {
    return Class::kMark;
  }
  return Class::kAlone;
}

// Whether `c` between two characters of a unit belongs to it: "don't", "3.50".
bool JoinsInside(int32_t c, Class before, Class after) {
  if (before == Class::kWord && after == Class::kWord) {
    return c == '\'' || c == 0x2019;
  }
  return before == Class::kDigit && after == Class::kDigit &&
         (c == '.' || c == ',' || c == ':' || c == '\'' || c == 0x2019 ||
          c == '/');
}

}  // namespace

std::vector<ByteRange> Units(absl::string_view text) {
  std::vector<ByteRange> units;
  Class last = Class::kSpace;
  for (size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    Class now = ClassOf(c.code_point);
    const size_t end = at + c.size;
    bool joins = false;
    if (!units.empty() && units.back().end == at) {
      const bool is_word = last == Class::kWord || last == Class::kDigit;
      if (now == Class::kMark) {
        joins = true;
        now = last;
      } else if (is_word && (now == Class::kWord || now == Class::kDigit)) {
        joins = true;
      } else if (is_word && end < text.size()) {
        const Class after =
            ClassOf(FirstCharacter(text.substr(end)).code_point);
        if (JoinsInside(c.code_point, last, after)) {
          joins = true;
          now = last;
        }
      }
    }
    if (joins) {
      units.back().end = end;
    } else if (now != Class::kSpace) {
      units.push_back({at, end});
    }
    last = now;
    at = end;
  }
  return units;
}

bool WouldJoin(absl::string_view before, absl::string_view after) {
  // Two characters of each are enough.
  const size_t last = text::LastCharacter(before).size;
  const size_t second =
      text::LastCharacter(before.substr(0, before.size() - last)).size;
  const size_t first = FirstCharacter(after).size;
  const size_t next = FirstCharacter(after.substr(first)).size;
  const absl::string_view head = before.substr(before.size() - last - second);
  const std::string both = absl::StrCat(head, after.substr(0, first + next));
  const std::vector<ByteRange> units = Units(both);
  return std::any_of(units.begin(), units.end(), [&](const ByteRange& unit) {
    return unit.begin < head.size() && head.size() < unit.end;
  });
}

size_t GapAt(absl::Span<const ByteRange> units, size_t at) {
  return static_cast<size_t>(
      std::upper_bound(
          units.begin(), units.end(), at,
          [](size_t a, const ByteRange& unit) { return a < unit.end; }) -
      units.begin());
}

size_t GapBegun(absl::Span<const ByteRange> units, size_t at) {
  return static_cast<size_t>(
      std::lower_bound(
          units.begin(), units.end(), at,
          [](const ByteRange& unit, size_t a) { return unit.begin < a; }) -
      units.begin());
}

UnitAlignment::UnitAlignment(absl::string_view source, absl::string_view target,
                             const TokenAlignment& tokens)
    : source_(Units(source)), target_(Units(target)) {
  weights_.assign(source_.size() * target_.size(), 0.0f);
  sums_.assign(target_.size() * (source_.size() + 1), 0.0f);
  if (weights_.empty()) return;
  if (source == target) {
    for (size_t i = 0; i < source_.size(); ++i) {
      weights_[i * source_.size() + i] = 1.0f;
    }
  } else if (tokens.weights.empty()) {
    Guess();
  } else {
    FromTokens(tokens);
    Normalize();
    is_known_ = true;
  }
  PreferEqual(source, target);
  Normalize();
  AddUp();
}

void UnitAlignment::AddUp() {
  for (size_t t = 0; t < target_.size(); ++t) {
    float* sums = sums_.data() + t * (source_.size() + 1);
    for (size_t s = 0; s < source_.size(); ++s) {
      sums[s + 1] = sums[s] + at(t, s);
    }
  }
}

void UnitAlignment::FromTokens(const TokenAlignment& tokens) {
  const auto overlapping = [](const std::vector<ByteRange>& units,
                              const ByteRange& token, auto&& see) {
    for (size_t u = GapAt(units, token.begin); u < units.size(); ++u) {
      if (units[u].begin >= token.end) break;
      see(u);
    }
  };
  for (size_t t = 0; t < tokens.target.size(); ++t) {
    const float* row = tokens.weights.data() + t * tokens.source.size();
    overlapping(target_, tokens.target[t], [&](size_t target_unit) {
      for (size_t s = 0; s < tokens.source.size(); ++s) {
        if (row[s] <= 0.0f) continue;
        overlapping(source_, tokens.source[s], [&](size_t source_unit) {
          weights_[target_unit * source_.size() + source_unit] += row[s];
        });
      }
    });
  }
}

// Along the diagonal.
void UnitAlignment::Guess() {
  const auto columns = static_cast<float>(source_.size());
  const auto rows = static_cast<float>(target_.size());
  for (size_t t = 0; t < target_.size(); ++t) {
    const float expected = (static_cast<float>(t) + 0.5f) / rows * columns;
    for (size_t s = 0; s < source_.size(); ++s) {
      const float distance = static_cast<float>(s) + 0.5f - expected;
      weights_[t * source_.size() + s] = std::exp(-distance * distance);
    }
  }
}

// A unit of the target that stands in the source just so, and in both once,
// comes from there: names, numbers.
void UnitAlignment::PreferEqual(absl::string_view source,
                                absl::string_view target) {
  for (size_t t = 0; t < target_.size(); ++t) {
    const absl::string_view unit =
        target.substr(target_[t].begin, target_[t].size());
    if (unit.size() < 2 && !text::IsDigit(FirstCharacter(unit).code_point)) {
      continue;
    }
    const auto equals = [&](absl::string_view text, const ByteRange& range) {
      return text.substr(range.begin, range.size()) == unit;
    };
    size_t found = source_.size();
    size_t count = 0;
    for (size_t s = 0; s < source_.size(); ++s) {
      if (!equals(source, source_[s])) continue;
      found = s;
      ++count;
    }
    if (count != 1) continue;
    const auto others = std::count_if(
        target_.begin(), target_.end(),
        [&](const ByteRange& range) { return equals(target, range); });
    if (others == 1) weights_[t * source_.size() + found] += 2.0f;
  }
}

void UnitAlignment::Normalize() {
  for (size_t t = 0; t < target_.size(); ++t) {
    float* row = weights_.data() + t * source_.size();
    float sum = 0.0f;
    for (size_t s = 0; s < source_.size(); ++s) sum += row[s];
    if (!(sum > 0.0f)) continue;
    for (size_t s = 0; s < source_.size(); ++s) row[s] /= sum;
  }
}

}  // namespace peregrine::document
