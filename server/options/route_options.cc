#include "server/options/route_options.h"

#include "absl/strings/str_cat.h"
#include "server/languages/language_tag.h"

namespace peregrine::server {

absl::StatusOr<PreferredModel> ParsePreferredModel(absl::string_view text) {
  PreferredModel preferred;
  const size_t slash = text.find('/');
  const size_t equals = text.find('=');
  if (slash < equals && equals != text.npos) {
    preferred.source = std::string(text.substr(0, slash));
    preferred.target = std::string(text.substr(slash + 1, equals - slash - 1));
    preferred.model = std::string(text.substr(equals + 1));
  }
  if (ParseLanguageTag(preferred.source).has_value() &&
      ParseLanguageTag(preferred.target).has_value() &&
      !preferred.model.empty()) {
    return preferred;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "found ", text, ", expected SOURCE/TARGET=MODEL, e.g. en/de=en-de-big"));
}

}  // namespace peregrine::server
