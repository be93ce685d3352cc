#ifndef PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_
#define PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_

#include <string>

#include "engine/document/document.h"
#include "server/service/request_checks.h"
#include "server/service/translation.h"

namespace peregrine::server {

// What the text options of a request mean; errors name the field at fault,
// below "text_options".
document::DocumentOptions CheckTextOptions(const RequestTextOptions& options,
                                           Violations& violations);

// That the caller's ranges are inside the text, between characters, and of
// plain text. `path` names the text's field.
void CheckRanges(const RequestText& text, const RequestTextOptions& options,
                 const std::string& path, Violations& violations);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TEXT_OPTIONS_H_
