#include "server/languages/language_tag.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "unicode/localematcher.h"
#include "unicode/locid.h"

namespace peregrine::server {
namespace {

// The longest that RFC 5646 wants to be kept.
constexpr size_t kMaxTagBytes = 35;

bool IsTagCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
}

icu::Locale LocaleOf(const LanguageTag& tag) {
  return icu::Locale(tag.language.c_str(),
                     tag.script.empty() ? nullptr : tag.script.c_str(),
                     tag.region.empty() ? nullptr : tag.region.c_str());
}

std::string UsualScript(const std::string& language) {
  icu::Locale locale(language.c_str());
  UErrorCode error = U_ZERO_ERROR;
  locale.addLikelySubtags(error);
  return locale.getScript();
}

std::string TextOf(const LanguageTag& tag) {
  std::string text = tag.language;
  if (tag.names_script && tag.script != UsualScript(tag.language)) {
    absl::StrAppend(&text, "-", tag.script);
  }
  if (!tag.region.empty()) absl::StrAppend(&text, "-", tag.region);
  return text;
}

}  // namespace

absl::optional<LanguageTag> ParseLanguageTag(absl::string_view name) {
  if (name.empty() || name.size() > kMaxTagBytes) return absl::nullopt;
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '_', '-');
  if (!std::all_of(plain.begin(), plain.end(), IsTagCharacter)) {
    return absl::nullopt;
  }
  UErrorCode error = U_ZERO_ERROR;
  icu::Locale locale = icu::Locale::forLanguageTag(plain, error);
  if (U_SUCCESS(error)) locale.canonicalize(error);
  LanguageTag tag;
  tag.language = locale.getLanguage();
  if (U_FAILURE(error) || tag.language.empty()) return absl::nullopt;
  // The name of several languages, of which all models mean this one.
  if (tag.language == "no") tag.language = "nb";
  tag.script = locale.getScript();
  tag.names_script = !tag.script.empty();
  tag.region = locale.getCountry();
  if (!tag.names_script) {
    locale.addLikelySubtags(error);
    if (U_SUCCESS(error)) tag.script = locale.getScript();
  }
  tag.text = TextOf(tag);
  return tag;
}

bool IsSameWrittenLanguage(const LanguageTag& a, const LanguageTag& b) {
  return a.language == b.language &&
         (a.script == b.script || a.script.empty() || b.script.empty());
}

std::string DisplayName(const LanguageTag& tag, absl::string_view in) {
  const absl::optional<LanguageTag> reader = ParseLanguageTag(in);
  const icu::Locale locale =
      icu::Locale::createCanonical(std::string(tag.text).c_str());
  icu::UnicodeString name;
  locale.getDisplayName(
      reader.has_value() ? LocaleOf(*reader) : icu::Locale::getEnglish(), name);
  std::string utf8;
  name.toUTF8String(utf8);
  return utf8.empty() ? tag.text : utf8;
}

int ClosestTag(const std::vector<LanguageTag>& candidates,
               const LanguageTag& wanted) {
  std::vector<icu::Locale> locales;
  locales.reserve(candidates.size());
  for (const LanguageTag& tag : candidates) locales.push_back(LocaleOf(tag));
  UErrorCode error = U_ZERO_ERROR;
  const icu::LocaleMatcher matcher =
      icu::LocaleMatcher::Builder()
          .setSupportedLocalesViaConverter(
              locales.begin(), locales.end(),
              [](const icu::Locale& locale) { return locale; })
          .setDefaultLocale(nullptr)
          .build(error);
  const icu::LocaleMatcher::Result result =
      matcher.getBestMatchResult(LocaleOf(wanted), error);
  if (U_FAILURE(error)) return 0;
  return std::max(0, static_cast<int>(result.getSupportedIndex()));
}

}  // namespace peregrine::server
