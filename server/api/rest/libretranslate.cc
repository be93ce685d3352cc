#include "server/api/rest/libretranslate.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/rest/json_body.h"
#include "server/errors.h"
#include "server/service/request_checks.h"

namespace peregrine::server::rest {
namespace {

constexpr FieldNames kOfQ = {"q"};
constexpr int kLeastBeam = 4;
constexpr int kMostAlternatives = 15;

// LibreTranslate counts to 100.
double Percent(float confidence) {
  return std::round(static_cast<double>(confidence) * 1000) / 10;
}

Json NameOf(const char* code, const char* name) {
  return {{"code", code}, {"name", name}};
}

Json NameOf(const LanguageTag& tag) {
  return {{"code", tag.text}, {"name", DisplayName(tag, "en")}};
}

}  // namespace

absl::StatusOr<TextRequest> LibreTranslateCodec::Read(
    compat::v1::LibreTranslateTranslateRequest message) {
  TextRequest request;
  Violations violations;
  google::protobuf::Value& q = *message.mutable_q();
  is_list_ = q.has_list_value();
  if (is_list_) {
    for (google::protobuf::Value& value :
         *q.mutable_list_value()->mutable_values()) {
      if (!value.has_string_value()) {
        violations.Add("q", "found what is no string in the list");
      }
      request.texts.emplace_back().text =
          std::move(*value.mutable_string_value());
    }
  } else if (q.has_string_value()) {
    request.texts.emplace_back().text = std::move(*q.mutable_string_value());
  } else {
    violations.Add("q", "found nothing, needed a string or a list of strings");
  }
  const bool is_html = message.format() == "html";
  if (!message.format().empty() && message.format() != "text" && !is_html) {
    violations.Add("format", absl::StrCat("found ", Quoted(message.format()),
                                          ", allowed text and html"));
  }
  if (is_html) request.text_options.format = document::Format::kHtml;
  const int alternatives = message.alternatives();
  if (alternatives < 0) {
    violations.Add("alternatives",
                   absl::StrCat("found ", alternatives, ", allowed 0 or more"));
  }
  if (message.target().empty()) {
    violations.Add("target", "found nothing, needed a language");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  request.names = &kOfQ;
  request.head.fields = {"model", "source", "target"};
  request.head.source_language = message.source();
  request.head.target_language = message.target();
  request.head.detect_source = message.source().empty();
  tells_alternatives_ = alternatives > 0;
  if (tells_alternatives_) {
    // The number is what the caller prefers.
    const int hypotheses = std::min(alternatives, kMostAlternatives) + 1;
    request.head.options.num_hypotheses = hypotheses;
    request.head.options.beam_size = std::max(kLeastBeam, hypotheses);
  }
  return request;
}

google::api::HttpBody LibreTranslateCodec::Write(TextAnswer answer) const {
  Json texts = Json::array(), alternatives = Json::array();
  Json detected = Json::array();
  for (TranslatedText& text : answer.texts) {
    std::vector<TextHypothesis>& hypotheses = text.translation.hypotheses;
    texts.push_back(std::move(hypotheses[0].text));
    Json others = Json::array();
    for (size_t n = 1; n < hypotheses.size(); ++n) {
      others.push_back(std::move(hypotheses[n].text));
    }
    alternatives.push_back(std::move(others));
    if (text.detected.has_value()) {
      detected.push_back({{"confidence", Percent(text.detected->confidence)},
                          {"language", CodeOf(text.detected->language)}});
    }
  }
  const auto as_asked = [this](Json list) {
    return is_list_ ? list : std::move(list[0]);
  };
  Json json;
  if (tells_alternatives_) json["alternatives"] = as_asked(alternatives);
  if (!detected.empty()) json["detectedLanguage"] = as_asked(detected);
  json["translatedText"] = as_asked(texts);
  return WriteBody(json);
}

DetectionRequest ReadDetection(
    compat::v1::LibreTranslateDetectRequest message) {
  DetectionRequest request;
  request.texts.push_back(std::move(*message.mutable_q()));
  request.any_language = true;
  request.names = &kOfQ;
  return request;
}

google::api::HttpBody WriteLibreTranslateDetection(const DetectedText& text) {
  Json list = Json::array();
  for (const LikelyLanguage& likely : text.detected.languages) {
    list.push_back({{"confidence", Percent(likely.confidence)},
                    {"language", CodeOf(likely.language)}});
  }
  return WriteBody(list);
}

google::api::HttpBody WriteLibreTranslateLanguages(
    const std::vector<Routes::Language>& languages) {
  Json list = Json::array();
  for (const Routes::Language& language : languages) {
    Json entry = NameOf(language.tag);
    Json& targets = entry["targets"] = Json::array();
    for (int target : language.targets) {
      targets.push_back(languages[target].tag.text);
    }
    list.push_back(std::move(entry));
  }
  return WriteBody(list);
}

google::api::HttpBody WriteLibreTranslateSettings(
    const std::vector<Routes::Language>& languages, const RequestLimits& limits,
    bool needs_key) {
  Json target = NameOf("en", "English");
  for (const Routes::Language& language : languages) {
    if (!language.is_target) continue;
    target = NameOf(language.tag);
    break;
  }
  return WriteBody({{"apiKeys", needs_key},
                    {"charLimit", limits.max_text_bytes},
                    {"frontendTimeout", 500},
                    {"keyRequired", needs_key},
                    {"language",
                     {{"source", NameOf("auto", "Auto Detect")},
                      {"target", std::move(target)}}},
                    {"suggestions", false},
                    {"supportedFilesFormat", Json::array()}});
}

}  // namespace peregrine::server::rest
