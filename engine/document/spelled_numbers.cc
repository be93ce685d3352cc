#include "engine/document/spelled_numbers.h"

#include <unicode/rbnf.h>
#include <unicode/uloc.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "engine/document/units.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Words in small letters with one space between, and the numbers that they are.
struct NumberWords {
  absl::flat_hash_map<std::string, std::string> values;
  size_t max_words = 0;
};

std::string Join(absl::string_view text, absl::Span<const ByteRange> units) {
  std::string joined;
  for (const ByteRange& unit : units) {
    const std::string word = text::Lower(text.substr(unit.begin, unit.size()));
    if (word != "-") absl::StrAppend(&joined, joined.empty() ? "" : " ", word);
  }
  return joined;
}

void Add(const icu::UnicodeString& spelled, int value, NumberWords* words) {
  std::string text;
  spelled.toUTF8String(text);
  // German has soft hyphens between the parts of a word.
  text = absl::StrReplaceAll(text, {{"\xC2\xAD", ""}});
  if (!text::HasLetter(text)) return;
  const std::vector<ByteRange> units = Units(text);
  words->values.try_emplace(Join(text, units), absl::StrCat(value));
  words->max_words = std::max(words->max_words, units.size());
}

std::unique_ptr<const NumberWords> MakeWords(const std::string& language) {
  auto words = std::make_unique<NumberWords>();
  UErrorCode error = U_ZERO_ERROR;
  const icu::Locale locale(language.c_str());
  icu::RuleBasedNumberFormat format(icu::URBNF_SPELLOUT, locale, error);
  if (U_FAILURE(error)) return words;
  // ICU falls back to English.
  if (absl::string_view(
          format.getLocale(ULOC_ACTUAL_LOCALE, error).getLanguage()) !=
      language) {
    return words;
  }
  for (int32_t rules = 0; rules < format.getNumberOfRuleSetNames(); ++rules) {
    const icu::UnicodeString name = format.getRuleSetName(rules);
    if (!name.startsWith("%spellout")) continue;
    for (int i = 0; i <= 101; ++i) {
      const int value = i == 101 ? 1000 : i;
      icu::UnicodeString spelled;
      icu::FieldPosition position(icu::FieldPosition::DONT_CARE);
      error = U_ZERO_ERROR;
      format.format(static_cast<int32_t>(value), name, spelled, position,
                    error);
      if (U_SUCCESS(error)) Add(spelled, value, words.get());
    }
  }
  return words;
}

// Made once for each language that ICU has, and kept.
const NumberWords& WordsOf(absl::string_view tag) {
  static absl::Mutex mutex;
  static auto* const all ABSL_PT_GUARDED_BY(mutex) =
      new absl::flat_hash_map<std::string, std::unique_ptr<const NumberWords>>;
  static const NumberWords none;
  // "eng" is "en".
  const std::string language =
      icu::Locale(std::string(tag.substr(0, tag.find_first_of("-_"))).c_str())
          .getLanguage();
  const char* const* known = uloc_getISOLanguages();
  const bool is_known = std::any_of(
      known,
      known +
          [&] {
            size_t count = 0;
            while (known[count] != nullptr) ++count;
            return count;
          }(),
      [&](const char* code) { return code == language; });
  if (!is_known) return none;
  absl::MutexLock lock(&mutex);
  auto& entry = (*all)[language];
  if (entry == nullptr) entry = MakeWords(language);
  return *entry;
}

}  // namespace

std::vector<std::string> SpelledNumbers(absl::string_view text,
                                        absl::string_view language) {
  std::vector<std::string> values;
  const NumberWords& words = WordsOf(language);
  if (words.values.empty()) return values;
  const std::vector<ByteRange> units = Units(text);
  const absl::Span<const ByteRange> all = units;
  for (size_t u = 0; u < units.size();) {
    size_t next = u + 1;
    const size_t most = std::min(words.max_words, units.size() - u);
    for (size_t count = most; count > 0; --count) {
      const auto found = words.values.find(Join(text, all.subspan(u, count)));
      if (found == words.values.end()) continue;
      values.push_back(found->second);
      next = u + count;
      break;
    }
    u = next;
  }
  return values;
}

}  // namespace peregrine::document
