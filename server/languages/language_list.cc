#include "server/languages/language_list.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/model/languages.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxNearest = 5;
constexpr size_t kMaxComparedBytes = 40;

// How many letters must be changed to make one of the other.
int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

// How far `name` is from all that the language is called; the smaller the
// nearer. Names are lower case.
double Distance(const std::string& name,
                const absl::optional<LanguageTag>& wanted,
                const std::string& code, const LanguageTag& tag) {
  if (wanted.has_value() && wanted->language == tag.language) return 0;
  double best = 1e9;
  for (const std::string& called :
       {code, tag.text, DisplayName(tag, "en"), DisplayName(tag, tag.text)}) {
    const std::string lower = absl::AsciiStrToLower(called);
    const size_t longer =
        std::max<size_t>(1, std::max(lower.size(), name.size()));
    best =
        std::min(best, static_cast<double>(EditDistance(name, lower)) / longer);
  }
  return best;
}

}  // namespace

LanguageList::LanguageList(const std::vector<std::string>& codes) {
  for (const std::string& code : codes) {
    Entry entry = {code, ParseLanguageTag(code).value_or(LanguageTag())};
    if (entry.tag.language.empty()) entry.tag.text = code;
    entries_.push_back(std::move(entry));
  }
}

const LanguageList::Entry* LanguageList::Find(absl::string_view name) const {
  for (const Entry& entry : entries_) {
    if (model::IsSameLanguage(entry.code, name)) return &entry;
  }
  const absl::optional<LanguageTag> wanted = ParseLanguageTag(name);
  if (!wanted.has_value()) return nullptr;
  std::vector<LanguageTag> tags;
  std::vector<const Entry*> found;
  for (const Entry& entry : entries_) {
    if (!IsSameWrittenLanguage(entry.tag, *wanted)) continue;
    tags.push_back(entry.tag);
    found.push_back(&entry);
  }
  if (found.empty()) return nullptr;
  return found[found.size() == 1 ? 0 : ClosestTag(tags, *wanted)];
}

std::vector<std::string> LanguageList::Nearest(absl::string_view name) const {
  const std::string lower =
      absl::AsciiStrToLower(name.substr(0, kMaxComparedBytes));
  const absl::optional<LanguageTag> wanted = ParseLanguageTag(name);
  std::vector<std::pair<double, const Entry*>> ranked;
  for (const Entry& entry : entries_) {
    ranked.emplace_back(Distance(lower, wanted, entry.code, entry.tag), &entry);
  }
  const size_t count = std::min(kMaxNearest, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + count, ranked.end(),
                    [](const auto& a, const auto& b) {
                      return std::tie(a.first, a.second->code) <
                             std::tie(b.first, b.second->code);
                    });
  std::vector<std::string> nearest;
  for (size_t i = 0; i < count; ++i) {
    const Entry& entry = *ranked[i].second;
    const std::string display = DisplayName(entry.tag, "en");
    nearest.push_back(display == entry.code
                          ? display
                          : absl::StrCat(entry.code, " (", display, ")"));
  }
  return nearest;
}

std::string LanguageList::DescribeUnknown(absl::string_view name) const {
  const absl::optional<LanguageTag> wanted = ParseLanguageTag(name);
  std::string text = absl::StrCat("found ", Quoted(name));
  if (!wanted.has_value()) {
    absl::StrAppend(&text, ", which is no tag of a language (BCP 47)");
  } else if (const std::string display = DisplayName(*wanted, "en");
             display != wanted->text) {
    absl::StrAppend(&text, " (", display, ")");
  }
  const std::vector<std::string> nearest = Nearest(name);
  if (nearest.empty()) return text;
  const std::string list = absl::StrJoin(nearest, ", ");
  return entries_.size() == nearest.size()
             ? absl::StrCat(text, ", expected one of ", list)
             : absl::StrCat(text, ", nearest of ", entries_.size(), ": ", list);
}

}  // namespace peregrine::server
