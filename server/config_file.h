#ifndef PEREGRINE_SERVER_CONFIG_FILE_H_
#define PEREGRINE_SERVER_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {

// A line `name = value` of a config file.
struct ConfigLine {
  int number = 0;
  std::string name;
  std::vector<std::string> values;  // of a list; otherwise one
};

// Reads the TOML that options need: `name = value` a line, of which the value
// is a word, a number, a "string" or 'string', or a [list] of these, which may
// go over several lines; and comments. INVALID_ARGUMENT names the line: not of
// this form, left open, or a name that was there before.
absl::StatusOr<std::vector<ConfigLine>> ParseConfigText(absl::string_view text);

// The whole of a file, which may be a pipe. INVALID_ARGUMENT: why it can't be
// read.
absl::StatusOr<std::string> ReadConfigFile(const std::string& path);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONFIG_FILE_H_
