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

// The stored glossaries that a request names.
class RequestGlossaries {
 public:
  // Who asks for them, and where they are; null: none are stored.
  struct Lookup {
    const TextResources* texts = nullptr;
    const std::string& reader;
    const FieldNames& names;
  };

  RequestGlossaries() = default;
  // Errors say which is missing.
  RequestGlossaries(const RequestTextOptions& options, const Lookup& lookup,
                    Violations& violations);

  // What of them is for a translation between these languages; an error where
  // one of them is for others.
  std::vector<std::shared_ptr<const document::Glossary>> For(
      absl::string_view source, absl::string_view target,
      Violations& violations) const;

 private:
  struct Named {
    StoredGlossaryPtr glossary;
    std::string field;
  };
  std::vector<Named> glossaries_;
  bool any_case_ = false;
};

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
