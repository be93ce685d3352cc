#ifndef PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_
#define PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/document.h"
#include "server/service/request_checks.h"
#include "server/service/text_resources.h"
#include "server/service/translation.h"

namespace peregrine::server {

// What the text options of a request mean; errors name the field at fault,
// below "text_options".
document::DocumentOptions CheckTextOptions(const RequestTextOptions& options,
                                           Violations& violations);

// The stored glossaries of these names; errors say which is missing. `texts`
// may be null.
std::vector<StoredGlossaryPtr> FindGlossaries(
    const std::vector<std::string>& names, const TextResources* texts,
    Violations& violations);

// What of them is for a translation between these languages; an error where
// one of them is for others.
std::vector<std::shared_ptr<const document::Glossary>> GlossariesFor(
    const std::vector<StoredGlossaryPtr>& stored, absl::string_view source,
    absl::string_view target, Violations& violations);

// Appends those of their terms that `terms` has not.
void AddMissingTerms(
    const std::vector<std::shared_ptr<const document::Glossary>>& glossaries,
    std::vector<document::Term>& terms);

// That the caller's ranges are inside the text, between characters, and of
// plain text. `path` names the text's field.
void CheckRanges(const RequestText& text, const RequestTextOptions& options,
                 const std::string& path, Violations& violations);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_
