#include "server/api/google_v3/messages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/google_v3/glossaries.h"
#include "server/errors.h"
#include "server/service/request_checks.h"

namespace peregrine::server::google_v3 {
namespace {

constexpr absl::string_view kModels = "/models/";

constexpr FieldNames kOfContents = {
    "contents", true, "", "", nullptr, "glossary_config.glossary"};
constexpr FieldNames kOfContent = {"content", /*is_list=*/false};

constexpr absl::string_view kPlain = "text/plain";
constexpr absl::string_view kHtml = "text/html";

void CheckMimeType(const std::string& type, Violations& violations) {
  if (type.empty() || type == kPlain || type == kHtml) return;
  violations.Add("mime_type",
                 absl::StrCat("found ", Quoted(type), ", allowed ", kPlain,
                              " and ", kHtml, ", which is the default"));
}

// Google tells both translations of a text, with its terms and without.
void AddTextsWithoutTerms(TextRequest& request) {
  const size_t count = request.texts.size();
  request.texts.reserve(2 * count);
  for (size_t i = 0; i < count; ++i) {
    RequestText again = request.texts[i];
    again.without_terms = true;
    request.texts.push_back(std::move(again));
  }
}

// As Google calls it.
std::string CodeOf(const std::string& language) {
  const auto tag = ParseLanguageTag(language);
  return tag.has_value() ? tag->text : language;
}

}  // namespace

absl::string_view ModelOf(absl::string_view name) {
  const size_t models = name.rfind(kModels);
  if (models != name.npos) name.remove_prefix(models + kModels.size());
  // Names of Google's that say no more than: the usual one.
  for (absl::string_view general :
       {"general/nmt", "general/base", "nmt", "base"}) {
    if (name == general) return "";
  }
  return name;
}

absl::StatusOr<TextRequest> TranslateTextCodec::Read(
    proto::TranslateTextRequest message) {
  Violations violations;
  CheckMimeType(message.mime_type(), violations);
  if (message.glossary_config().contextual_translation_enabled()) {
    violations.Add("glossary_config.contextual_translation_enabled",
                   "found true, but no model does that");
  }
  if (message.transliteration_config().enable_transliteration()) {
    violations.Add("transliteration_config",
                   "found true, but no model transliterates");
  }
  if (message.target_language_code().empty()) {
    violations.Add("target_language_code", "found nothing, needed a language");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  TextRequest request;
  request.head.model = std::string(ModelOf(message.model()));
  request.head.source_language =
      std::move(*message.mutable_source_language_code());
  request.head.target_language =
      std::move(*message.mutable_target_language_code());
  request.head.detect_source = request.head.source_language.empty();
  request.head.fields = {"model", "source_language_code",
                         "target_language_code"};
  if (message.mime_type() != kPlain) {
    request.text_options.format = document::Format::kHtml;
  }
  request.names = &kOfContents;
  request.texts.reserve(message.contents_size());
  for (std::string& content : *message.mutable_contents()) {
    request.texts.emplace_back().text = std::move(content);
  }
  if (!message.model().empty()) {
    model_prefix_ = absl::StrCat(message.parent(), kModels);
  }
  if (message.has_glossary_config()) {
    glossary_ = std::move(*message.mutable_glossary_config());
    request.text_options.glossaries.emplace_back(
        GlossaryOf(glossary_->glossary()));
    request.text_options.glossaries_in_any_case = glossary_->ignore_case();
    AddTextsWithoutTerms(request);
  }
  return request;
}

proto::TranslateTextResponse TranslateTextCodec::Write(
    TextAnswer answer) const {
  proto::TranslateTextResponse response;
  const auto write = [&](TranslatedText& text,
                         proto::Translation& translation) {
    translation.set_translated_text(
        std::move(text.translation.hypotheses[0].text));
    const std::string& model = text.model_of(answer.model);
    if (!model_prefix_.empty() && !model.empty()) {
      translation.set_model(absl::StrCat(model_prefix_, model));
    }
    if (text.detected.has_value()) {
      translation.set_detected_language_code(CodeOf(text.detected->language));
    }
  };
  const size_t with_glossary =
      glossary_.has_value() ? answer.texts.size() / 2 : 0;
  for (size_t i = 0; i < answer.texts.size(); ++i) {
    if (i < with_glossary) {
      proto::Translation& translation = *response.add_glossary_translations();
      write(answer.texts[i], translation);
      *translation.mutable_glossary_config() = *glossary_;
    } else {
      write(answer.texts[i], *response.add_translations());
    }
  }
  return response;
}

absl::StatusOr<DetectionRequest> ReadDetection(
    proto::DetectLanguageRequest message) {
  Violations violations;
  CheckMimeType(message.mime_type(), violations);
  if (!message.has_content()) {
    violations.Add("content", "found nothing, needed a text");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  DetectionRequest request;
  if (message.mime_type() == kPlain) {
    request.texts.push_back(std::move(*message.mutable_content()));
  } else {
    request.texts.push_back(TextOfMarkup(message.content()));
  }
  request.any_language = true;
  request.names = &kOfContent;
  return request;
}

proto::DetectLanguageResponse WriteDetection(const DetectedText& text) {
  proto::DetectLanguageResponse response;
  for (const LikelyLanguage& likely : text.detected.languages) {
    proto::DetectedLanguage& language = *response.add_languages();
    language.set_language_code(CodeOf(likely.language));
    language.set_confidence(likely.confidence);
  }
  if (response.languages().empty()) {  // as Google says so
    response.add_languages()->set_language_code("und");
  }
  return response;
}

proto::SupportedLanguages WriteLanguages(
    const std::vector<Routes::Language>& languages,
    absl::string_view display_language) {
  proto::SupportedLanguages response;
  for (const Routes::Language& language : languages) {
    proto::SupportedLanguage& supported = *response.add_languages();
    supported.set_language_code(language.tag.text);
    if (!display_language.empty()) {
      supported.set_display_name(DisplayName(language.tag, display_language));
    }
    supported.set_support_source(!language.targets.empty());
    supported.set_support_target(language.is_target);
  }
  return response;
}

}  // namespace peregrine::server::google_v3
