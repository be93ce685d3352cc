#ifndef PEREGRINE_SERVER_FLAGS_H_
#define PEREGRINE_SERVER_FLAGS_H_

#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "server/options/config.h"

namespace peregrine::server {

struct ParsedConfig {
  absl::optional<Config> config;
  // Without a config: what to print (to stdout for exit code 0, as of --help,
  // and to stderr otherwise).
  int exit_code = 0;
  std::string output;
};

// `arguments` without the program's name. Reads the environment and the config
// file.
ParsedConfig ParseConfig(std::vector<std::string> arguments);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_FLAGS_H_
