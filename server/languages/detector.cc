#include "server/languages/detector.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "cld2/public/compact_lang_det.h"
#include "cld2/public/encodings.h"
#include "engine/text/utf8.h"
#include "server/languages/language_tag.h"
#include "unicode/uchar.h"
#include "unicode/uscript.h"
#include "unicode/utf8.h"

namespace peregrine::server {
namespace {

// CLD2 looks at the beginning of long texts closely enough.
constexpr size_t kMaxBytes = 16 << 10;
// In fewer letters than this words of several languages look alike.
constexpr int kFewLetters = 12;
constexpr size_t kLongestEntity = 32;
constexpr float kSureOfLong = 0.99f;  // see Confidence

struct Letters {
  int count = 0;
  std::string script;  // of most of them: "Latn"; "" if there are none
  std::map<std::string, int> scripts;

  // Whether there are enough of it to be a part of the text.
  bool has(const std::string& name) const {
    const auto found = scripts.find(name);
    return found != scripts.end() && found->second * 10 >= count;
  }
};

Letters LettersOf(absl::string_view text) {
  std::map<UScriptCode, int> scripts;
  Letters letters;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    if (c < 0 || !u_isalpha(c)) continue;
    ++letters.count;
    UErrorCode error = U_ZERO_ERROR;
    ++scripts[uscript_getScript(c, &error)];
  }
  const auto most = std::max_element(
      scripts.begin(), scripts.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != scripts.end()) letters.script = uscript_getShortName(most->first);
  for (const auto& [script, count] : scripts) {
    letters.scripts[uscript_getShortName(script)] = count;
  }
  return letters;
}

// The tag of what CLD2 found. It does not tell the scripts of one language
// apart, but for Chinese. Of a text in several scripts the usual one is meant.
absl::optional<LanguageTag> TagOf(CLD2::Language language,
                                  const Letters& letters) {
  const std::string& script = letters.script;
  if (language == CLD2::UNKNOWN_LANGUAGE) return absl::nullopt;
  const std::string code = CLD2::LanguageCode(language);
  if (code == "zh") return ParseLanguageTag("zh-Hans");
  absl::optional<LanguageTag> tag = ParseLanguageTag(code);
  if (!tag.has_value()) return absl::nullopt;
  static constexpr absl::string_view kAlphabets[] = {"Latn", "Cyrl", "Arab",
                                                     "Deva"};
  const auto is_alphabet = [](absl::string_view name) {
    return std::find(std::begin(kAlphabets), std::end(kAlphabets), name) !=
           std::end(kAlphabets);
  };
  if (letters.has(tag->script) || !is_alphabet(tag->script) ||
      !is_alphabet(script)) {
    return tag;
  }
  return ParseLanguageTag(absl::StrCat(tag->language, "-", script));
}

struct Summary {
  CLD2::Language languages[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE,
                                 CLD2::UNKNOWN_LANGUAGE};
  int percents[3] = {0, 0, 0};
  bool reliable = false;
};

Summary Ask(absl::string_view text, const std::string& hints, int flags) {
  CLD2::CLDHints cld_hints = {hints.empty() ? nullptr : hints.c_str(), nullptr,
                              CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
  Summary summary;
  double scores[3];
  int text_bytes = 0;
  CLD2::ExtDetectLanguageSummary(
      text.data(), static_cast<int>(text.size()), /*is_plain_text=*/true,
      &cld_hints, flags, summary.languages, summary.percents, scores,
      /*resultchunkvector=*/nullptr, &text_bytes, &summary.reliable);
  return summary;
}

// CLD2 prefers languages that it is told a page to be in.
std::string HintsOf(const LanguageList* among) {
  constexpr size_t kMaxHints = 4;
  if (among == nullptr || among->entries().size() > kMaxHints) return "";
  std::vector<std::string> hints;
  for (const LanguageList::Entry& entry : among->entries()) {
    hints.push_back(entry.tag.language);
  }
  return absl::StrJoin(hints, ",");
}

// As measured, see docs/languages.md.
float Confidence(int percent, bool sure, int letters) {
  const float share = static_cast<float>(percent) / 100;
  if (sure) return share * (letters < 25 ? 0.95f : kSureOfLong);
  return share * (letters < kFewLetters ? 0.5f : 0.7f);
}

}  // namespace

DetectedLanguages DetectLanguages(absl::string_view text,
                                  const LanguageList* among) {
  text = text::Utf8Prefix(text, kMaxBytes);
  // CLD2 reads beyond the end of what is no UTF-8.
  if (text::FindInvalidUtf8(text).has_value()) return {};
  const Letters letters = LettersOf(text);
  DetectedLanguages detected;
  detected.letters = letters.count;
  if (letters.count == 0) {
    detected.certainty = Certainty::kTooShort;
    return detected;
  }
  const std::string hints = HintsOf(among);
  Summary summary = Ask(text, hints, 0);
  bool sure =
      summary.reliable && summary.languages[0] != CLD2::UNKNOWN_LANGUAGE;
  if (!sure) summary = Ask(text, hints, CLD2::kCLDFlagBestEffort);
  for (int i = 0; i < 3; ++i) {
    const auto tag = TagOf(summary.languages[i], letters);
    if (!tag.has_value() || summary.percents[i] == 0) continue;
    std::string name = tag->text;
    if (among != nullptr) {
      const LanguageList::Entry* known = among->Find(tag->text);
      if (known == nullptr) {
        if (i == 0) sure = false;
        continue;
      }
      name = known->code;
    }
    detected.languages.push_back(
        {std::move(name),
         Confidence(summary.percents[i], sure && i == 0, letters.count),
         static_cast<float>(summary.percents[i]) / 100});
  }
  if (sure && !detected.languages.empty()) {
    detected.certainty = Certainty::kSure;
  } else if (letters.count < kFewLetters) {
    detected.certainty = Certainty::kTooShort;
  }
  return detected;
}

LikelyLanguage ShareOf(std::string language, float share) {
  return {std::move(language), share * kSureOfLong, share};
}

bool HasLetters(absl::string_view text) { return LettersOf(text).count > 0; }

std::string TextOfMarkup(absl::string_view markup) {
  std::string text;
  const auto skip_behind = [&](absl::string_view end) {
    const size_t at = markup.find(end);
    markup.remove_prefix(at == markup.npos ? markup.size() : at + end.size());
    text += ' ';
  };
  while (!markup.empty()) {
    const char next = markup.size() > 1 ? markup[1] : ' ';
    if (absl::StartsWith(markup, "<!--")) {
      skip_behind("-->");
    } else if (absl::StartsWithIgnoreCase(markup, "<script")) {
      skip_behind("</script>");
    } else if (absl::StartsWithIgnoreCase(markup, "<style")) {
      skip_behind("</style>");
    } else if (markup[0] == '<' && (absl::ascii_isalpha(next) || next == '/' ||
                                    next == '!' || next == '?')) {
      skip_behind(">");
    } else if (markup[0] == '&' && (absl::ascii_isalpha(next) || next == '#')) {
      const size_t end = markup.substr(0, kLongestEntity).find(';');
      markup.remove_prefix(end == markup.npos ? 1 : end + 1);
      text += ' ';
    } else {
      text += markup[0];
      markup.remove_prefix(1);
    }
  }
  return text;
}

}  // namespace peregrine::server
