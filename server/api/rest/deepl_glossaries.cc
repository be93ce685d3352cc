#include "server/api/rest/deepl_glossaries.h"

#include <cstdint>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/glossaries/term_lists.h"
#include "server/languages/language_tag.h"
#include "server/service/request_checks.h"

namespace peregrine::server::rest {
namespace {

// Source and target, and the languages of each.
constexpr size_t kMaxCsvColumns = 4;
constexpr size_t kMaxNameBytes = 1024;

std::string LowerCode(const std::string& language) {
  return absl::AsciiStrToLower(CodeOf(language));
}

// As people call it: the name of a file of the operator.
std::string NameOf(const StoredGlossary& glossary) {
  const GlossaryHead& head = glossary.head();
  return head.title.empty() ? head.name : head.title;
}

std::string TimeOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Glossaries know no regions.
std::string ReadLanguage(const std::string& name, const std::string& field,
                         Violations& violations) {
  const auto tag = ParseLanguageTag(name);
  if (tag.has_value()) return tag->text;
  violations.Add(field,
                 absl::StrCat("found ", Quoted(name), ", expected a language"));
  return "";
}

bool IsSame(absl::string_view a, absl::string_view b) {
  const auto of_a = ParseLanguageTag(a), of_b = ParseLanguageTag(b);
  return of_a.has_value() && of_b.has_value() &&
         IsSameWrittenLanguage(*of_a, *of_b);
}

absl::StatusOr<std::vector<document::Term>> ReadTerms(
    const std::string& entries, bool is_csv) {
  PEREGRINE_ASSIGN_OR_RETURN(const std::vector<TermRow> rows,
                             is_csv ? ReadCsv(entries) : ReadTsv(entries));
  TermColumns columns;
  if (is_csv) columns.max_cells = kMaxCsvColumns;
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<document::Term> terms,
                             TermsOf(rows, columns));
  if (terms.empty()) return absl::InvalidArgumentError("found no entries");
  // So that errors name the entries, not the glossary as a whole.
  PEREGRINE_RETURN_IF_ERROR(document::Glossary::Create(terms).status());
  return terms;
}

}  // namespace

std::string NewGlossaryId() {
  std::random_device random;
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", random(),
                         random() & 0xffff, random() & 0xfff,
                         0x8000 | (random() & 0x3fff), random() & 0xffff,
                         random());
}

absl::StatusOr<Dictionary> ReadDictionary(
    const compat::v1::DeeplDictionary& message, const std::string& path) {
  Violations violations;
  Dictionary dictionary;
  dictionary.source_language = ReadLanguage(
      message.source_lang(), absl::StrCat(path, "source_lang"), violations);
  dictionary.target_language = ReadLanguage(
      message.target_lang(), absl::StrCat(path, "target_lang"), violations);
  if (IsSame(dictionary.source_language, dictionary.target_language)) {
    violations.Add(absl::StrCat(path, "target_lang"),
                   "found the language of source_lang, expected another one");
  }
  const std::string& format = message.entries_format();
  if (format != "tsv" && format != "csv") {
    violations.Add(
        absl::StrCat(path, "entries_format"),
        absl::StrCat("found ", Quoted(format), ", allowed tsv and csv"));
    return violations.status();
  }
  auto terms = ReadTerms(message.entries(), format == "csv");
  if (terms.ok()) {
    dictionary.terms = *std::move(terms);
  } else {
    violations.Add(absl::StrCat(path, "entries"),
                   std::string(terms.status().message()));
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  return dictionary;
}

absl::StatusOr<std::vector<Dictionary>> ReadDictionaries(
    const google::protobuf::RepeatedPtrField<compat::v1::DeeplDictionary>&
        messages) {
  std::vector<Dictionary> dictionaries;
  for (int i = 0; i < messages.size(); ++i) {
    const std::string path = absl::StrCat("dictionaries[", i, "].");
    PEREGRINE_ASSIGN_OR_RETURN(Dictionary one,
                               ReadDictionary(messages[i], path));
    if (FindDictionary(dictionaries, one.source_language,
                       one.target_language) != nullptr) {
      return InvalidFieldsError(
          {{absl::StrCat("dictionaries[", i, "]"),
            "found a second one of the same languages, expected one"}});
    }
    dictionaries.push_back(std::move(one));
  }
  return dictionaries;
}

absl::Status CheckGlossaryName(const std::string& name) {
  if (!name.empty() && name.size() <= kMaxNameBytes) return absl::OkStatus();
  return InvalidFieldsError(
      {{"name", absl::StrCat("found ", name.size(), " bytes, allowed 1 to ",
                             kMaxNameBytes)}});
}

Dictionary* FindDictionary(std::vector<Dictionary>& dictionaries,
                           absl::string_view source, absl::string_view target) {
  for (Dictionary& one : dictionaries) {
    if (IsSame(one.source_language, source) &&
        IsSame(one.target_language, target)) {
      return &one;
    }
  }
  return nullptr;
}

void MergeTerms(std::vector<document::Term> added,
                std::vector<document::Term>& terms) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < terms.size(); ++i) places[terms[i].source] = i;
  for (document::Term& term : added) {
    const auto [place, is_new] = places.emplace(term.source, terms.size());
    if (is_new) {
      terms.push_back(std::move(term));
    } else {
      terms[place->second] = std::move(term);
    }
  }
}

bool IsOfOnePair(const StoredGlossary& glossary) {
  return !glossary.head().source_language.empty() &&
         !glossary.head().target_language.empty();
}

Json DescribeGlossary(const StoredGlossary& glossary) {
  const GlossaryHead& head = glossary.head();
  return {{"glossary_id", head.name},
          {"ready", true},
          {"name", NameOf(glossary)},
          {"source_lang", LowerCode(head.source_language)},
          {"target_lang", LowerCode(head.target_language)},
          {"creation_time", TimeOf(head.changed)},
          {"entry_count", glossary.terms().size()}};
}

bool IsOfPairs(const StoredGlossary& glossary) {
  const std::vector<Dictionary> dictionaries = glossary.dictionaries();
  for (const Dictionary& one : dictionaries) {
    if (one.source_language.empty() || one.target_language.empty()) {
      return false;
    }
  }
  return !dictionaries.empty();
}

Json DescribeMultilingualGlossary(const StoredGlossary& glossary) {
  Json dictionaries = Json::array();
  for (const Dictionary& one : glossary.dictionaries()) {
    dictionaries.push_back(DescribeDictionary(one));
  }
  return {{"glossary_id", glossary.head().name},
          {"name", NameOf(glossary)},
          {"dictionaries", std::move(dictionaries)},
          {"creation_time", TimeOf(glossary.head().changed)}};
}

Json DescribeDictionary(const Dictionary& dictionary) {
  return {{"source_lang", LowerCode(dictionary.source_language)},
          {"target_lang", LowerCode(dictionary.target_language)},
          {"entry_count", dictionary.terms.size()}};
}

Json DescribeEntries(const Dictionary& dictionary) {
  return {{"source_lang", LowerCode(dictionary.source_language)},
          {"target_lang", LowerCode(dictionary.target_language)},
          {"entries", WriteTsv(dictionary.terms)},
          {"entries_format", "tsv"}};
}

google::api::HttpBody WriteGlossaryPairs(
    const std::vector<Routes::Language>& languages) {
  Json pairs = Json::array();
  for (const Routes::Language& language : languages) {
    for (int target : language.targets) {
      pairs.push_back({{"source_lang", LowerCode(language.tag.text)},
                       {"target_lang", LowerCode(languages[target].tag.text)}});
    }
  }
  return WriteBody({{"supported_languages", std::move(pairs)}});
}

}  // namespace peregrine::server::rest
