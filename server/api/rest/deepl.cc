#include "server/api/rest/deepl.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "engine/base/status_macros.h"
#include "engine/text/utf8.h"
#include "server/api/rest/ignored_tags.h"
#include "server/api/rest/json_body.h"
#include "server/errors.h"
#include "server/service/request_checks.h"

namespace peregrine::server::rest {
namespace {

constexpr FieldNames kOfText = {"text", true, "", "", nullptr, "glossary_id"};

constexpr absl::string_view kNoNewlines = "nonewlines";

// What no model of ours does is refused where it is asked for.
void CheckRefused(const compat::v1::DeeplTranslateRequest& message,
                  Violations& violations) {
  const auto refuse = [&](bool is_asked, const char* field, const char* why) {
    if (is_asked) violations.Add(field, why);
  };
  const std::string& formality = message.formality();
  refuse(formality == "more" || formality == "less", "formality",
         "no model can be told how formal to be: leave it out, or use "
         "prefer_more or prefer_less");
  refuse(!message.glossary_id().empty() && message.glossary_ids_size() > 0,
         "glossary_ids", "found glossary_id too, expected one of them");
  refuse(message.ignore_tags_size() > 0 && message.tag_handling().empty(),
         "ignore_tags", "needs tag_handling");
  const bool is_xml = message.tag_handling() == "xml";
  refuse(message.splitting_tags_size() > 0 && !is_xml, "splitting_tags",
         "needs tag_handling=xml");
  refuse(message.non_splitting_tags_size() > 0 && !is_xml, "non_splitting_tags",
         "needs tag_handling=xml");
  refuse(!message.style_id().empty(), "style_id", "not supported");
  refuse(message.custom_instructions_size() > 0, "custom_instructions",
         "no model takes instructions");
  refuse(!message.translation_memory_id().empty(), "translation_memory_id",
         "this server stores no translation memories");
}

// Some clients send numbers and booleans where the API has strings.
std::string TextOf(const google::protobuf::Value& value) {
  if (value.has_bool_value()) return value.bool_value() ? "1" : "0";
  if (value.has_number_value()) return absl::StrCat(value.number_value());
  return value.string_value();
}

// Lists have several names in one string, or each in its own.
std::vector<std::string> NamesIn(
    const google::protobuf::RepeatedPtrField<std::string>& lists) {
  std::vector<std::string> names;
  for (const std::string& list : lists) {
    for (absl::string_view name : absl::StrSplit(list, ',')) {
      names.emplace_back(absl::StripAsciiWhitespace(name));
    }
  }
  return names;
}

void CheckOneOf(const std::string& value, const char* field,
                absl::Span<const absl::string_view> allowed,
                Violations& violations) {
  if (value.empty() ||
      std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
    return;
  }
  violations.Add(field, absl::StrCat("found ", Quoted(value), ", allowed ",
                                     absl::StrJoin(allowed, ", ")));
}

std::string UpperCode(const std::string& language) {
  return absl::AsciiStrToUpper(CodeOf(language));
}

}  // namespace

absl::StatusOr<TextRequest> DeeplTranslateCodec::Read(
    compat::v1::DeeplTranslateRequest message) {
  Violations violations;
  CheckRefused(message, violations);
  CheckOneOf(message.formality(), "formality",
             {"default", "more", "less", "prefer_more", "prefer_less"},
             violations);
  CheckOneOf(
      message.model_type(), "model_type",
      {"quality_optimized", "prefer_quality_optimized", "latency_optimized"},
      violations);
  const std::string split = TextOf(message.split_sentences());
  if (!split.empty() && split != "0" && split != "1" && split != kNoNewlines) {
    violations.Add("split_sentences",
                   absl::StrCat("found ", Quoted(split), ", allowed 0, 1 and ",
                                kNoNewlines));
  }
  const std::string& tags = message.tag_handling();
  if (!tags.empty() && tags != "html" && tags != "xml") {
    violations.Add("tag_handling", absl::StrCat("found ", Quoted(tags),
                                                ", allowed html and xml"));
  }
  if (message.target_lang().empty()) {
    violations.Add("target_lang", "found nothing, needed a language");
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  TextRequest request;
  request.names = &kOfText;
  request.head.fields = {"model", "source_lang", "target_lang"};
  request.head.source_language = message.source_lang();
  request.head.target_language = message.target_lang();
  request.head.detect_source = message.source_lang().empty();
  request.single_sentence = split == "0";
  request.text_options.glossaries = {message.glossary_ids().begin(),
                                     message.glossary_ids().end()};
  if (!message.glossary_id().empty()) {
    request.text_options.glossaries = {message.glossary_id()};
  }
  if (!tags.empty()) {
    request.text_options.format =
        tags == "html" ? document::Format::kHtml : document::Format::kXml;
  } else {
    request.text_options.hard_wrapped = split == kNoNewlines;
  }
  request.text_options.xml_elements = {
      NamesIn(message.splitting_tags()), NamesIn(message.non_splitting_tags()),
      TextOf(message.outline_detection()) != "0"};
  const std::vector<std::string> ignored = NamesIn(message.ignore_tags());
  has_ignored_ = !ignored.empty();
  for (std::string& text : *message.mutable_text()) {
    characters_.push_back(static_cast<int>(text::CountUtf8Characters(text)));
    request.texts.emplace_back().text =
        has_ignored_ ? MarkIgnored(text, ignored, tags == "html")
                     : std::move(text);
  }
  return request;
}

google::api::HttpBody DeeplTranslateCodec::Write(TextAnswer answer) const {
  Json translations = Json::array();
  for (size_t i = 0; i < answer.texts.size(); ++i) {
    TranslatedText& text = answer.texts[i];
    std::string& translation = text.translation.hypotheses[0].text;
    if (has_ignored_) translation = WithoutMarks(translation);
    const std::string& source = text.detected.has_value()
                                    ? text.detected->language
                                    : answer.source_language;
    const absl::optional<LanguageTag> tag = ParseLanguageTag(source);
    translations.push_back(
        {{"detected_source_language",
          absl::AsciiStrToUpper(tag.has_value() ? tag->language : source)},
         {"text", std::move(translation)},
         {"billed_characters", characters_[i]}});
  }
  return WriteBody({{"translations", std::move(translations)}});
}

absl::StatusOr<google::api::HttpBody> WriteDeeplLanguages(
    const std::vector<Routes::Language>& languages, absl::string_view type) {
  if (!type.empty() && type != "source" && type != "target") {
    return InvalidFieldsError(
        {{"type", absl::StrCat("found ", Quoted(type),
                               ", allowed source and target")}});
  }
  const bool of_targets = type == "target";
  Json list = Json::array();
  for (const Routes::Language& language : languages) {
    if (of_targets ? !language.is_target : language.targets.empty()) continue;
    Json entry = {{"language", UpperCode(language.tag.text)},
                  {"name", DisplayName(language.tag, "en")}};
    if (of_targets) entry["supports_formality"] = false;
    list.push_back(std::move(entry));
  }
  return WriteBody(list);
}

}  // namespace peregrine::server::rest
