#ifndef PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARIES_H_
#define PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARIES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/api/httpbody.pb.h"
#include "peregrine/compat/v1/compat.pb.h"
#include "server/api/rest/json_body.h"
#include "server/glossaries/stored_glossary.h"
#include "server/languages/routes.h"

// DeepL's glossaries in the server's words, and back.
namespace peregrine::server::rest {

// A name that no other glossary has.
std::string NewGlossaryId();

// Errors name the field below `path`, which is empty or ends with '.'.
absl::StatusOr<Dictionary> ReadDictionary(
    const compat::v1::DeeplDictionary& message, const std::string& path);
absl::StatusOr<std::vector<Dictionary>> ReadDictionaries(
    const google::protobuf::RepeatedPtrField<compat::v1::DeeplDictionary>&
        messages);
absl::Status CheckGlossaryName(const std::string& name);

// The dictionary of this pair; null: there is none.
Dictionary* FindDictionary(std::vector<Dictionary>& dictionaries,
                           absl::string_view source, absl::string_view target);

// Adds the terms of `added`, each in the place of one with its source.
void MergeTerms(std::vector<document::Term> added,
                std::vector<document::Term>& terms);

// As v2 tells them: of one pair of languages.
bool IsOfOnePair(const StoredGlossary& glossary);
Json DescribeGlossary(const StoredGlossary& glossary);

// As v3 does: of pairs of languages that are said.
bool IsOfPairs(const StoredGlossary& glossary);
Json DescribeMultilingualGlossary(const StoredGlossary& glossary);
Json DescribeDictionary(const Dictionary& dictionary);
Json DescribeEntries(const Dictionary& dictionary);

// The pairs that are translated.
google::api::HttpBody WriteGlossaryPairs(
    const std::vector<Routes::Language>& languages);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARIES_H_
