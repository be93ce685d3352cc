#include "client/console/describe_languages.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::client {

std::string DescribeLanguages(const std::vector<std::string>& languages,
                              const std::string& source,
                              const std::string& target) {
  if (languages.empty()) return absl::StrCat(source, " to ", target);
  const auto shown = [](const std::string& language) {
    return language.empty() ? "(to be named)" : language;
  };
  return absl::StrCat(shown(source), " to ", shown(target), " by default, of ",
                      languages.size(), ": ", absl::StrJoin(languages, ", "));
}

}  // namespace peregrine::client
