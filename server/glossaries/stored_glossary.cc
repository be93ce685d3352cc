#include "server/glossaries/stored_glossary.h"

#include <set>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/text/characters.h"
#include "engine/text/utf8.h"
#include "server/languages/language_tag.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kLanguages = "# languages:";
constexpr absl::string_view kTitle = "# title:";
constexpr absl::string_view kOwner = "# owner:";
// Of TBX, what was asked for is kept for so many pairs of languages.
constexpr size_t kMaxPairs = 16;

// "en-GB" of a glossary is for "en" as well: names of dialects rarely agree.
bool IsFor(const std::string& of_glossary, absl::string_view wanted) {
  if (of_glossary.empty() || wanted.empty()) return true;
  const auto a = ParseLanguageTag(of_glossary);
  const auto b = ParseLanguageTag(wanted);
  if (!a.has_value() || !b.has_value()) return of_glossary == wanted;
  return IsSameWrittenLanguage(*a, *b);
}

absl::Status CheckLanguage(absl::string_view field, const std::string& name) {
  if (name.empty() || ParseLanguageTag(name).has_value()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": found \"", name,
                   "\", expected a BCP 47 tag of a language, or nothing"));
}

std::string OrAny(const std::string& language) {
  return language.empty() ? "any language" : language;
}

absl::Status TooManyError(size_t found) {
  return absl::InvalidArgumentError(
      absl::StrCat("found ", found, " dictionaries, allowed at most ",
                   StoredGlossary::kMaxDictionaries));
}

// A language of a line kLanguages.
std::string NameOrAny(const std::vector<std::string>& names, size_t index) {
  return index < names.size() && names[index] != "*" ? names[index] : "";
}

std::string StarOrName(const std::string& language) {
  return language.empty() ? "*" : language;
}

// One text between quotes of C, as the lines of a head have them.
std::string ReadQuoted(absl::string_view text) {
  std::string value;
  return absl::CUnescape(absl::StripAsciiWhitespace(text), &value) ? value : "";
}

// The lines of the content, cut where a dictionary begins. What stands before
// the first such line is of the first.
struct Section {
  absl::string_view content;
  size_t first_line = 0;
  std::string source_language;
  std::string target_language;
};

std::vector<Section> CutSections(absl::string_view content) {
  std::vector<Section> sections(1);
  size_t begin = 0, number = 0;
  bool has_languages = false;
  const char* start = content.data();
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    const absl::string_view whole = line;
    ++number;
    if (!absl::ConsumePrefix(&line, kLanguages)) continue;
    const size_t at = static_cast<size_t>(whole.data() - start);
    if (has_languages) {
      sections.back().content = content.substr(begin, at - begin);
      sections.emplace_back();
      sections.back().first_line = number - 1;
      begin = at;
    }
    has_languages = true;
    const std::vector<std::string> names =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    sections.back().source_language = NameOrAny(names, 0);
    sections.back().target_language = NameOrAny(names, 1);
  }
  sections.back().content = content.substr(begin);
  return sections;
}

void ReadHead(absl::string_view content, GlossaryHead& head) {
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (absl::ConsumePrefix(&line, kTitle)) {
      head.title = ReadQuoted(line);
    } else if (absl::ConsumePrefix(&line, kOwner)) {
      head.owner = ReadQuoted(line);
    } else if (!absl::StartsWith(line, "#")) {
      return;  // what is in front
    }
  }
}

std::string DescribePair(const std::string& source, const std::string& target) {
  return absl::StrCat("from ", OrAny(source), " into ", OrAny(target));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const StoredGlossary>> StoredGlossary::FromTsv(
    absl::string_view name, absl::string_view content, absl::Time changed) {
  GlossaryHead head;
  head.name = std::string(name);
  head.changed = changed;
  if (const auto offset = text::FindInvalidUtf8(content)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not UTF-8 at byte ", *offset));
  }
  absl::ConsumePrefix(&content, "\xEF\xBB\xBF");
  ReadHead(content, head);
  std::vector<Dictionary> dictionaries;
  const std::vector<Section> sections = CutSections(content);
  if (sections.size() > kMaxDictionaries) return TooManyError(sections.size());
  for (const Section& section : sections) {
    // So that errors name the line of the file.
    PEREGRINE_ASSIGN_OR_RETURN(
        std::vector<document::Term> terms,
        document::Glossary::ParseTsv(absl::StrCat(
            std::string(section.first_line, '\n'), section.content)));
    dictionaries.push_back(
        {section.source_language, section.target_language, std::move(terms)});
  }
  return FromDictionaries(std::move(head), std::move(dictionaries));
}

absl::StatusOr<std::shared_ptr<const StoredGlossary>> StoredGlossary::FromTbx(
    absl::string_view name, std::string content, absl::Time changed) {
  // That it is TBX at all.
  PEREGRINE_RETURN_IF_ERROR(
      document::Glossary::ParseTbx(content, "en", "en").status());
  auto stored = absl::WrapUnique(new StoredGlossary);
  stored->head_.name = std::string(name);
  stored->head_.changed = changed;
  stored->bytes_ = content.size();
  stored->tbx_ = std::move(content);
  return std::shared_ptr<const StoredGlossary>(std::move(stored));
}

absl::StatusOr<std::shared_ptr<const StoredGlossary>>
StoredGlossary::FromDictionaries(GlossaryHead head,
                                 std::vector<Dictionary> dictionaries) {
  if (dictionaries.size() > kMaxDictionaries) {
    return TooManyError(dictionaries.size());
  }
  auto stored = absl::WrapUnique(new StoredGlossary);
  stored->head_ = std::move(head);
  std::set<std::pair<std::string, std::string>> pairs;
  for (Dictionary& dictionary : dictionaries) {
    PEREGRINE_RETURN_IF_ERROR(
        CheckLanguage("source_language", dictionary.source_language));
    PEREGRINE_RETURN_IF_ERROR(
        CheckLanguage("target_language", dictionary.target_language));
    if (!pairs.emplace(dictionary.source_language, dictionary.target_language)
             .second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "found two dictionaries ",
          DescribePair(dictionary.source_language, dictionary.target_language),
          ", expected one"));
    }
    for (const document::Term& term : dictionary.terms) {
      stored->bytes_ += term.source.size();
      for (const std::string& target : term.targets) {
        stored->bytes_ += target.size();
      }
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        auto glossary, document::Glossary::Create(std::move(dictionary.terms)));
    stored->dictionaries_.push_back({std::move(dictionary.source_language),
                                     std::move(dictionary.target_language),
                                     std::move(glossary)});
  }
  const bool is_one = stored->dictionaries_.size() == 1;
  stored->head_.source_language =
      is_one ? stored->dictionaries_[0].source_language : "";
  stored->head_.target_language =
      is_one ? stored->dictionaries_[0].target_language : "";
  return std::shared_ptr<const StoredGlossary>(std::move(stored));
}

const std::vector<document::Term>& StoredGlossary::terms() const {
  static const auto* const none = new std::vector<document::Term>;
  return dictionaries_.size() == 1 ? dictionaries_[0].glossary->terms() : *none;
}

std::vector<Dictionary> StoredGlossary::dictionaries() const {
  std::vector<Dictionary> dictionaries;
  for (const Compiled& one : dictionaries_) {
    dictionaries.push_back(
        {one.source_language, one.target_language, one.glossary->terms()});
  }
  return dictionaries;
}

std::string StoredGlossary::ToTsv() const {
  std::string tsv;
  if (!head_.title.empty()) {
    absl::StrAppend(&tsv, kTitle, " ", absl::CEscape(head_.title), "\n");
  }
  if (head_.owner.has_value()) {
    absl::StrAppend(&tsv, kOwner, " ", absl::CEscape(*head_.owner), "\n");
  }
  const auto add = [&](const Compiled& dictionary, bool case_sensitive) {
    for (const document::Term& term : dictionary.glossary->terms()) {
      if (term.case_sensitive != case_sensitive) continue;
      // A line that begins with '#' would be a comment.
      absl::StrAppend(&tsv, absl::StartsWith(term.source, "#") ? " " : "",
                      term.source);
      for (const std::string& target : term.targets) {
        absl::StrAppend(&tsv, "\t", target);
      }
      tsv += "\n";
    }
  };
  for (const Compiled& dictionary : dictionaries_) {
    absl::StrAppend(&tsv, kLanguages, " ",
                    StarOrName(dictionary.source_language), " ",
                    StarOrName(dictionary.target_language), "\n");
    add(dictionary, false);
    absl::StrAppend(&tsv, document::Glossary::kCaseSensitive, "\n");
    add(dictionary, true);
  }
  return tsv;
}

absl::StatusOr<StoredGlossary::GlossaryPtr> StoredGlossary::For(
    absl::string_view source, absl::string_view target, bool any_case) const {
  if (dictionaries_.empty()) return OfTbx(source, target);  // in any case
  std::vector<std::string> pairs;
  for (const Compiled& one : dictionaries_) {
    if (IsFor(one.source_language, source) &&
        IsFor(one.target_language, target)) {
      return any_case ? InAnyCase(one.glossary) : one.glossary;
    }
    pairs.push_back(DescribePair(one.source_language, one.target_language));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", head_.name, "\" is ", absl::StrJoin(pairs, ", "),
                   ", the translation from ", source, " into ", target));
}

// Of two terms that differ in case alone, the first.
absl::StatusOr<StoredGlossary::GlossaryPtr> StoredGlossary::InAnyCase(
    const GlossaryPtr& glossary) const {
  absl::MutexLock lock(&mutex_);
  GlossaryPtr& made = in_any_case_[glossary];
  if (made != nullptr) return made;
  std::vector<document::Term> terms;
  std::set<std::string> known;
  for (document::Term term : glossary->terms()) {
    term.case_sensitive = false;
    if (known.insert(text::Lower(term.source)).second) {
      terms.push_back(std::move(term));
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(made,
                             document::Glossary::Create(std::move(terms)));
  return made;
}

absl::StatusOr<StoredGlossary::GlossaryPtr> StoredGlossary::OfTbx(
    absl::string_view source, absl::string_view target) const {
  if (source.empty() || target.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", head_.name,
                     "\" has terms of several languages: name "
                     "source_language and target_language"));
  }
  absl::MutexLock lock(&mutex_);
  const std::pair<std::string, std::string> key(source, target);
  const auto found = of_languages_.find(key);
  if (found != of_languages_.end()) return found->second;
  // Codes such as "eng_Latn" are not those of TBX.
  const auto short_of = [](absl::string_view language) {
    const auto tag = ParseLanguageTag(language);
    return tag.has_value() ? tag->language : std::string(language);
  };
  PEREGRINE_ASSIGN_OR_RETURN(
      std::vector<document::Term> terms,
      document::Glossary::ParseTbx(tbx_, short_of(source), short_of(target)));
  if (terms.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", head_.name, "\" has no terms from ", source, " into ", target));
  }
  PEREGRINE_ASSIGN_OR_RETURN(auto glossary,
                             document::Glossary::Create(std::move(terms)));
  if (of_languages_.size() < kMaxPairs) of_languages_[key] = glossary;
  return glossary;
}

}  // namespace peregrine::server
