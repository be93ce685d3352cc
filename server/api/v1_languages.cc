// The part of v1_messages.h that is about languages.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/v1_messages.h"

namespace peregrine::server {
namespace {

constexpr FieldNames kOfDetection = {"texts"};

void WriteLikely(const LikelyLanguage& likely, Certainty certainty,
                 v1::DetectedLanguage& proto) {
  proto.set_language(likely.language);
  proto.set_confidence(likely.confidence);
  proto.set_share(likely.share);
  proto.set_certainty(WriteCertainty(certainty));
}

}  // namespace

v1::Certainty WriteCertainty(Certainty certainty) {
  switch (certainty) {
    case Certainty::kSure:
      return v1::CERTAINTY_SURE;
    case Certainty::kUnsure:
      return v1::CERTAINTY_UNSURE;
    case Certainty::kTooShort:
      return v1::CERTAINTY_TOO_SHORT;
  }
  return v1::CERTAINTY_UNSPECIFIED;
}

DetectionRequest ReadRequest(v1::DetectLanguageRequest message) {
  DetectionRequest request;
  for (std::string& text : *message.mutable_texts()) {
    request.texts.push_back(std::move(text));
  }
  request.by_sentence = message.by_sentence();
  request.any_language = message.any_language();
  request.names = &kOfDetection;
  return request;
}

v1::DetectLanguageResponse WriteDetections(std::vector<DetectedText> texts) {
  v1::DetectLanguageResponse response;
  for (const DetectedText& text : texts) {
    v1::LanguageDetection& detection = *response.add_detections();
    const Certainty certainty = text.detected.certainty;
    detection.set_certainty(WriteCertainty(certainty));
    for (const LikelyLanguage& likely : text.detected.languages) {
      WriteLikely(likely, certainty, *detection.add_languages());
    }
    for (const DetectedSentence& sentence : text.sentences) {
      v1::SentenceLanguage& proto = *detection.add_sentences();
      proto.set_begin(sentence.begin);
      proto.set_end(sentence.end);
      if (sentence.detected.languages.empty()) continue;
      WriteLikely(sentence.detected.languages[0], sentence.detected.certainty,
                  *proto.mutable_detected());
    }
  }
  return response;
}

v1::ListLanguagesResponse WriteLanguages(
    const std::vector<Routes::Language>& languages,
    absl::string_view display_language) {
  v1::ListLanguagesResponse response;
  for (const Routes::Language& language : languages) {
    v1::Language& proto = *response.add_languages();
    proto.set_language(language.tag.text);
    proto.set_display_name(DisplayName(language.tag, display_language));
    proto.set_own_name(DisplayName(language.tag, language.tag.text));
    proto.set_is_target(language.is_target);
    for (int target : language.targets) {
      proto.add_targets(languages[target].tag.text);
    }
    for (int target : language.pivot_targets) {
      proto.add_pivot_targets(languages[target].tag.text);
    }
  }
  return response;
}

}  // namespace peregrine::server
