#include "server/api/google_v3/glossaries.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/glossaries/bucket_files.h"
#include "server/glossaries/glossary_store.h"
#include "server/glossaries/term_lists.h"
#include "server/languages/language_tag.h"
#include "server/service/request_checks.h"

namespace peregrine::server::google_v3 {
namespace {

using google::longrunning::Operation;

constexpr absl::string_view kGlossaries = "/glossaries/";
constexpr char kUri[] = "glossary.input_config.gcs_source.input_uri";
// Of which each pair is a dictionary.
constexpr int kMaxLanguages = 10;
constexpr int kPageSize = 1000;

std::string TagOf(const std::string& code, const std::string& field,
                  Violations& violations) {
  const auto tag = ParseLanguageTag(code);
  if (tag.has_value()) return tag->text;
  violations.Add(field,
                 absl::StrCat("found ", Quoted(code), ", expected a language"));
  return "";
}

// Google's terms are found in their own case unless a request says otherwise.
absl::StatusOr<std::vector<Dictionary>> DictionariesOfSet(
    std::vector<TermRow> rows, const std::vector<std::string>& languages) {
  if (rows.empty()) return absl::InvalidArgumentError("found no terms");
  const std::vector<std::string> head = std::move(rows[0].cells);
  rows.erase(rows.begin());
  std::vector<size_t> columns;  // of each language
  for (const std::string& language : languages) {
    size_t column = 0;
    while (column < head.size()) {
      const auto tag = ParseLanguageTag(head[column]);
      if (tag.has_value() && tag->text == language) break;
      ++column;
    }
    if (column == head.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line 1: found no column ", Quoted(language)));
    }
    columns.push_back(column);
  }
  std::vector<Dictionary> dictionaries;
  for (size_t from = 0; from < languages.size(); ++from) {
    for (size_t to = 0; to < languages.size(); ++to) {
      if (from == to) continue;
      PEREGRINE_ASSIGN_OR_RETURN(
          std::vector<document::Term> terms,
          TermsOf(rows, {columns[from], columns[to], head.size(),
                         /*case_sensitive=*/true}));
      dictionaries.push_back(
          {languages[from], languages[to], std::move(terms)});
    }
  }
  return dictionaries;
}

absl::StatusOr<std::vector<Dictionary>> DictionariesOf(
    const proto::Glossary& glossary, const std::string& content,
    const std::vector<std::string>& languages) {
  const std::string& uri = glossary.input_config().gcs_source().input_uri();
  if (absl::EndsWithIgnoreCase(uri, ".tmx")) {
    return absl::InvalidArgumentError(
        "found a file of TMX, expected one of .csv or .tsv");
  }
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<TermRow> rows,
                             absl::EndsWithIgnoreCase(uri, ".csv")
                                 ? ReadCsv(content)
                                 : ReadTsv(content));
  if (glossary.has_language_codes_set()) {
    return DictionariesOfSet(std::move(rows), languages);
  }
  TermColumns columns;
  columns.case_sensitive = true;
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<document::Term> terms,
                             TermsOf(rows, columns));
  std::vector<Dictionary> one(1);
  one[0] = {languages[0], languages[1], std::move(terms)};
  return one;
}

std::vector<std::string> LanguagesOf(const proto::Glossary& glossary,
                                     Violations& violations) {
  std::vector<std::string> languages;
  if (glossary.has_language_pair()) {
    const auto& pair = glossary.language_pair();
    const std::string path = "glossary.language_pair.";
    languages.push_back(TagOf(pair.source_language_code(),
                              path + "source_language_code", violations));
    languages.push_back(TagOf(pair.target_language_code(),
                              path + "target_language_code", violations));
    return languages;
  }
  const std::string path = "glossary.language_codes_set.language_codes";
  const auto& codes = glossary.language_codes_set().language_codes();
  if (!glossary.has_language_codes_set()) {
    violations.Add("glossary.languages",
                   "found none, needed language_pair or language_codes_set");
  } else if (codes.size() < 2 || codes.size() > kMaxLanguages) {
    violations.AddRange(path, codes.size(), 2, kMaxLanguages);
  }
  for (const std::string& code : codes) {
    languages.push_back(TagOf(code, path, violations));
  }
  return languages;
}

template <typename Metadata>
Metadata MetadataOf(const std::string& name) {
  Metadata metadata;
  metadata.set_name(name);
  metadata.set_state(Metadata::SUCCEEDED);
  metadata.mutable_submit_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  return metadata;
}

template <typename Metadata, typename Response>
Operation Done(const std::string& name, const Response& response) {
  Operation operation;
  operation.set_name(absl::StrCat(name, "/operations/done"));
  operation.set_done(true);
  operation.mutable_metadata()->PackFrom(MetadataOf<Metadata>(name));
  operation.mutable_response()->PackFrom(response);
  return operation;
}

}  // namespace

absl::string_view GlossaryOf(absl::string_view name) {
  const size_t at = name.rfind(kGlossaries);
  if (at != name.npos) name.remove_prefix(at + kGlossaries.size());
  return name;
}

absl::StatusOr<NewGlossary> ReadGlossary(
    const proto::CreateGlossaryRequest& message,
    const std::string& gcs_directory) {
  const proto::Glossary& glossary = message.glossary();
  Violations violations;
  const std::vector<std::string> languages = LanguagesOf(glossary, violations);
  if (GlossaryOf(glossary.name()).empty()) {
    violations.Add("glossary.name", "found nothing, needed a name");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  NewGlossary created;
  created.head.name = std::string(GlossaryOf(glossary.name()));
  created.head.title = glossary.display_name();
  const absl::StatusOr<std::string> content = ReadBucketFile(
      gcs_directory, glossary.input_config().gcs_source().input_uri(),
      GlossaryStore::kMaxBytes);
  const auto of_file = [](const absl::Status& status) {
    return absl::IsInvalidArgument(status)
               ? InvalidFieldsError({{kUri, std::string(status.message())}})
               : absl::Status(status.code(),
                              absl::StrCat(kUri, ": ", status.message()));
  };
  if (!content.ok()) return of_file(content.status());
  auto dictionaries = DictionariesOf(glossary, *content, languages);
  if (!dictionaries.ok()) return of_file(dictionaries.status());
  created.dictionaries = *std::move(dictionaries);
  return created;
}

proto::Glossary WriteGlossary(const StoredGlossary& glossary,
                              const std::string& name) {
  const GlossaryHead& head = glossary.head();
  proto::Glossary proto;
  proto.set_name(name);
  proto.set_display_name(head.title);
  const std::vector<Dictionary> dictionaries = glossary.dictionaries();
  std::vector<std::string> languages;
  size_t most = 0;
  for (const Dictionary& one : dictionaries) {
    most = std::max(most, one.terms.size());
    for (const std::string& language :
         {one.source_language, one.target_language}) {
      if (std::find(languages.begin(), languages.end(), language) ==
          languages.end()) {
        languages.push_back(language);
      }
    }
  }
  if (dictionaries.size() == 1) {
    auto& pair = *proto.mutable_language_pair();
    pair.set_source_language_code(dictionaries[0].source_language);
    pair.set_target_language_code(dictionaries[0].target_language);
  } else if (!languages.empty()) {
    proto.mutable_language_codes_set()->mutable_language_codes()->Add(
        languages.begin(), languages.end());
  }
  proto.set_entry_count(static_cast<int32_t>(most));
  const int64_t seconds = absl::ToUnixSeconds(head.changed);
  proto.mutable_submit_time()->set_seconds(seconds);
  proto.mutable_end_time()->set_seconds(seconds);
  return proto;
}

absl::StatusOr<proto::ListGlossariesResponse> WriteGlossaries(
    const std::vector<std::shared_ptr<const StoredGlossary>>& all,
    const proto::ListGlossariesRequest& message) {
  Violations violations;
  if (!message.filter().empty()) {
    violations.Add("filter", "found a filter, allowed none");
  }
  if (message.page_size() < 0) {
    violations.AddRange("page_size", message.page_size(), 0, kPageSize);
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  const int size = message.page_size() == 0
                       ? kPageSize
                       : std::min(message.page_size(), kPageSize);
  proto::ListGlossariesResponse response;
  for (const auto& glossary : all) {
    // The token is the last name that was told.
    if (glossary->head().name <= message.page_token()) continue;
    if (response.glossaries_size() == size) {
      response.set_next_page_token(
          std::string(GlossaryOf(response.glossaries(size - 1).name())));
      break;
    }
    *response.add_glossaries() = WriteGlossary(
        *glossary,
        absl::StrCat(message.parent(), kGlossaries, glossary->head().name));
  }
  return response;
}

Operation WriteCreated(const StoredGlossary& glossary,
                       const std::string& name) {
  return Done<proto::CreateGlossaryMetadata>(name,
                                             WriteGlossary(glossary, name));
}

Operation WriteDeleted(const std::string& name) {
  proto::DeleteGlossaryResponse response;
  response.set_name(name);
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  response.mutable_submit_time()->set_seconds(now);
  response.mutable_end_time()->set_seconds(now);
  return Done<proto::DeleteGlossaryMetadata>(name, response);
}

}  // namespace peregrine::server::google_v3
