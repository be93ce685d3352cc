#include "engine/model/languages.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/text/utf8.h"

namespace peregrine::model {
namespace {

// An error travels in the headers of an answer, which have 8 KB.
constexpr size_t kMaxListedBytes = 600;
constexpr size_t kMaxNameBytes = 40;
constexpr absl::string_view kUndetermined = "und";

std::string Quoted(absl::string_view name) {
  return absl::StrCat(
      "\"", absl::Utf8SafeCEscape(text::Utf8Prefix(name, kMaxNameBytes)),
      name.size() > kMaxNameBytes ? "...\"" : "\"");
}

// "de, en, fr" or its beginning, with the number of all.
std::string Listed(const std::vector<Language>& languages) {
  std::string list;
  for (const Language& language : languages) {
    if (list.size() > kMaxListedBytes) {
      return absl::StrCat(list, ", ... (", languages.size(), " in all)");
    }
    absl::StrAppend(&list, list.empty() ? "" : ", ", language.code);
  }
  return list;
}

absl::StatusOr<Language> ChooseOwn(absl::string_view own,
                                   absl::string_view name) {
  if (name.empty() || (own != kUndetermined && IsSameLanguage(own, name))) {
    return Language{std::string(own), -1};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "found ", Quoted(name), ", expected ",
      own == kUndetermined || own.empty()
          ? "none: the model does not say its language"
          : absl::StrCat("\"", own, "\", the only one of the model, or none")));
}

}  // namespace

bool IsSameLanguage(absl::string_view a, absl::string_view b) {
  const auto plain = [](char c) {
    return c == '_' ? '-' : absl::ascii_tolower(static_cast<unsigned char>(c));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return plain(x) == plain(y); });
}

const Language* FindLanguage(const std::vector<Language>& languages,
                             absl::string_view name) {
  const auto found = std::find_if(languages.begin(), languages.end(),
                                  [&](const Language& language) {
                                    return IsSameLanguage(language.code, name);
                                  });
  return found == languages.end() ? nullptr : &*found;
}

absl::StatusOr<Language> ChooseLanguage(const std::vector<Language>& languages,
                                        absl::string_view default_language,
                                        absl::string_view name) {
  if (languages.empty()) return ChooseOwn(default_language, name);
  if (name.empty()) name = default_language;
  const Language* found = FindLanguage(languages, name);
  if (found != nullptr) return *found;
  return absl::InvalidArgumentError(
      absl::StrCat("found ", name.empty() ? "none" : Quoted(name),
                   ", expected one of ", Listed(languages)));
}

}  // namespace peregrine::model
