#include "server/api/rest/json_body.h"

#include "server/languages/language_tag.h"

namespace peregrine::server::rest {

google::api::HttpBody WriteBody(const Json& json) {
  google::api::HttpBody body;
  body.set_content_type("application/json");
  body.set_data(json.dump(-1, ' ', /*ensure_ascii=*/false,
                          Json::error_handler_t::replace));
  return body;
}

std::string CodeOf(const std::string& language) {
  const auto tag = ParseLanguageTag(language);
  return tag.has_value() ? tag->text : language;
}

}  // namespace peregrine::server::rest
