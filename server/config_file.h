#ifndef PEREGRINE_SERVER_CONFIG_FILE_H_
#define PEREGRINE_SERVER_CONFIG_FILE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {

// What CLI11 takes without a word: brackets and quotes that are not closed, and
// lines that are neither empty, a comment, a [section] nor `name = value`.
// INVALID_ARGUMENT names the line.
absl::Status CheckConfigText(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONFIG_FILE_H_
