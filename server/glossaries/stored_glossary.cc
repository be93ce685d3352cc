#include "server/glossaries/stored_glossary.h"

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/text/utf8.h"
#include "server/languages/language_tag.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kLanguages = "# languages:";
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

// From the first such line.
void ReadLanguages(absl::string_view content, GlossaryHead* head) {
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (!absl::ConsumePrefix(&line, kLanguages)) continue;
    const std::vector<std::string> names =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (!names.empty() && names[0] != "*") head->source_language = names[0];
    if (names.size() > 1 && names[1] != "*") head->target_language = names[1];
    return;
  }
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
  ReadLanguages(content, &head);
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<document::Term> terms,
                             document::Glossary::ParseTsv(content));
  return FromTerms(std::move(head), std::move(terms));
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

absl::StatusOr<std::shared_ptr<const StoredGlossary>> StoredGlossary::FromTerms(
    GlossaryHead head, std::vector<document::Term> terms) {
  PEREGRINE_RETURN_IF_ERROR(
      CheckLanguage("source_language", head.source_language));
  PEREGRINE_RETURN_IF_ERROR(
      CheckLanguage("target_language", head.target_language));
  auto stored = absl::WrapUnique(new StoredGlossary);
  stored->head_ = std::move(head);
  for (const document::Term& term : terms) {
    stored->bytes_ += term.source.size();
    for (const std::string& target : term.targets) {
      stored->bytes_ += target.size();
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(stored->glossary_,
                             document::Glossary::Create(std::move(terms)));
  return std::shared_ptr<const StoredGlossary>(std::move(stored));
}

const std::vector<document::Term>& StoredGlossary::terms() const {
  static const auto* const none = new std::vector<document::Term>;
  return glossary_ == nullptr ? *none : glossary_->terms();
}

std::string StoredGlossary::ToTsv() const {
  const auto or_star = [](const std::string& language) {
    return language.empty() ? "*" : language;
  };
  std::string tsv =
      absl::StrCat(kLanguages, " ", or_star(head_.source_language), " ",
                   or_star(head_.target_language), "\n");
  const auto add = [&](bool case_sensitive) {
    for (const document::Term& term : terms()) {
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
  add(false);
  absl::StrAppend(&tsv, document::Glossary::kCaseSensitive, "\n");
  add(true);
  return tsv;
}

absl::StatusOr<std::shared_ptr<const document::Glossary>> StoredGlossary::For(
    absl::string_view source, absl::string_view target) const {
  if (glossary_ != nullptr) {
    if (IsFor(head_.source_language, source) &&
        IsFor(head_.target_language, target)) {
      return glossary_;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", head_.name, "\" is from ", OrAny(head_.source_language), " into ",
        OrAny(head_.target_language), ", the translation from ", source,
        " into ", target));
  }
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
