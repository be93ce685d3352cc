#ifndef PEREGRINE_SERVER_API_REST_JSON_BODY_H_
#define PEREGRINE_SERVER_API_REST_JSON_BODY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/api/httpbody.pb.h"
#include "nlohmann/json.hpp"

namespace peregrine::server::rest {

using Json = nlohmann::ordered_json;

// The body of an answer.
google::api::HttpBody WriteBody(const Json& json);

// "de" of "deu_Latn", "pt-BR" of "pt_BR": as these APIs name languages.
std::string CodeOf(const std::string& language);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_JSON_BODY_H_
