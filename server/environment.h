#ifndef PEREGRINE_SERVER_ENVIRONMENT_H_
#define PEREGRINE_SERVER_ENVIRONMENT_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {

// Names of environment variables that begin with PEREGRINE_ and are not in
// `known`, so that a misspelt option does not pass in silence. Left out are
// those that mean something to other programs of the project, and those that
// Kubernetes sets for services of such a name.
struct UnknownVariables {
  std::vector<std::string> names;
  // INVALID_ARGUMENT: one is almost the name of an option, which it names.
  absl::Status status;
};
UnknownVariables FindUnknownVariables(const char* const* environment,
                                      const std::set<std::string>& known);

// The one of `known` that is almost this name: misspelt in two letters at most.
// Empty: none is.
std::string NearestName(absl::string_view name,
                        const std::set<std::string>& known);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_ENVIRONMENT_H_
