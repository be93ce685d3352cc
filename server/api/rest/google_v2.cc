#include "server/api/rest/google_v2.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/google_v3/messages.h"
#include "server/api/rest/json_body.h"
#include "server/errors.h"
#include "server/service/request_checks.h"

namespace peregrine::server::rest {
namespace {

constexpr FieldNames kOfQ = {"q"};

}  // namespace

absl::StatusOr<TextRequest> GoogleV2Codec::Read(
    compat::v1::GoogleV2TranslateRequest message) {
  Violations violations;
  const std::string& format = message.format();
  if (!format.empty() && format != "text" && format != "html") {
    violations.Add("format",
                   absl::StrCat("found ", Quoted(format),
                                ", allowed text and html, the default"));
  }
  if (message.cid_size() > 0) {
    violations.Add("cid", "this server stores no customizations");
  }
  if (message.target().empty()) {
    violations.Add("target", "found nothing, needed a language");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  TextRequest request;
  if (format != "text") request.text_options.format = document::Format::kHtml;
  request.names = &kOfQ;
  request.head.fields = {"model", "source", "target"};
  request.head.model = std::string(google_v3::ModelOf(message.model()));
  request.head.source_language = message.source();
  request.head.target_language = message.target();
  request.head.detect_source = message.source().empty();
  tells_model_ = !message.model().empty();
  for (std::string& text : *message.mutable_q()) {
    request.texts.emplace_back().text = std::move(text);
  }
  return request;
}

google::api::HttpBody GoogleV2Codec::Write(TextAnswer answer) const {
  Json translations = Json::array();
  for (TranslatedText& text : answer.texts) {
    Json translation = {
        {"translatedText", std::move(text.translation.hypotheses[0].text)}};
    if (text.detected.has_value()) {
      translation["detectedSourceLanguage"] = CodeOf(text.detected->language);
    }
    if (tells_model_) translation["model"] = text.model_of(answer.model);
    translations.push_back(std::move(translation));
  }
  return WriteBody({{"data", {{"translations", std::move(translations)}}}});
}

DetectionRequest ReadDetection(compat::v1::GoogleV2DetectRequest message) {
  DetectionRequest request;
  for (std::string& text : *message.mutable_q()) {
    request.texts.push_back(std::move(text));
  }
  request.any_language = true;
  request.names = &kOfQ;
  return request;
}

google::api::HttpBody WriteGoogleV2Detections(
    const std::vector<DetectedText>& texts) {
  Json detections = Json::array();
  for (const DetectedText& text : texts) {
    const bool is_known = !text.detected.languages.empty();
    const LikelyLanguage likely =
        is_known ? text.detected.languages[0] : LikelyLanguage{"und", 0};
    Json one = {{"confidence", likely.confidence},
                {"isReliable", text.detected.certainty == Certainty::kSure},
                {"language", CodeOf(likely.language)}};
    detections.push_back(Json::array({std::move(one)}));
  }
  return WriteBody({{"data", {{"detections", std::move(detections)}}}});
}

google::api::HttpBody WriteGoogleV2Languages(
    const std::vector<Routes::Language>& languages, absl::string_view target) {
  Json list = Json::array();
  for (const Routes::Language& language : languages) {
    Json entry = {{"language", language.tag.text}};
    if (!target.empty()) entry["name"] = DisplayName(language.tag, target);
    list.push_back(std::move(entry));
  }
  return WriteBody({{"data", {{"languages", std::move(list)}}}});
}

}  // namespace peregrine::server::rest
