#ifndef PEREGRINE_CLIENT_CONSOLE_DESCRIBE_LANGUAGES_H_
#define PEREGRINE_CLIENT_CONSOLE_DESCRIBE_LANGUAGES_H_

#include <string>
#include <vector>

namespace peregrine::client {

// For people: "en to de", or what a multilingual model has to choose from and
// takes where nothing is chosen. `source` and `target` are as in v1::Model.
std::string DescribeLanguages(const std::vector<std::string>& languages,
                              const std::string& source,
                              const std::string& target);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CONSOLE_DESCRIBE_LANGUAGES_H_
