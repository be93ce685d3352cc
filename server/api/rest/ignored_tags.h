#ifndef PEREGRINE_SERVER_API_REST_IGNORED_TAGS_H_
#define PEREGRINE_SERVER_API_REST_IGNORED_TAGS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// DeepL's `ignore_tags`: elements whose content is not translated. The engine
// knows these by an attribute, `translate="no"`, which is set here and taken
// away from the translation.
namespace peregrine::server::rest {

// Marks the start tags of these elements. HTML's names are in any case.
std::string MarkIgnored(absl::string_view markup,
                        const std::vector<std::string>& tags, bool is_html);

// Takes all marks away.
std::string WithoutMarks(absl::string_view markup);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_IGNORED_TAGS_H_
