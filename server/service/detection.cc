#include "server/service/detection.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/text/sentence_splitter.h"
#include "server/service/job_parts.h"
#include "server/service/request_checks.h"

namespace peregrine::server {
namespace {

absl::Status Check(const DetectionRequest& request,
                   const RequestLimits& limits) {
  Violations violations;
  CheckCount(request.names->texts, request.texts.size(), limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  Violations of_texts;
  for (size_t i = 0; i < request.texts.size(); ++i) {
    const size_t bytes = request.texts[i].size();
    if (bytes <= static_cast<size_t>(limits.max_text_bytes)) continue;
    Violations own;
    own.Add(request.names->text_path(static_cast<int>(i)),
            absl::StrCat("found ", bytes, " bytes, allowed at most ",
                         limits.max_text_bytes));
    of_texts.Append(own);
  }
  return of_texts.status();
}

std::vector<DetectedSentence> DetectSentences(
    absl::string_view text, const text::SentenceSplitter& splitter,
    const LanguageList* among) {
  std::vector<DetectedSentence> sentences;
  for (const text::SentenceSegment& segment : splitter.Split(text)) {
    if (segment.sentence.empty()) continue;
    const auto begin = static_cast<int>(segment.sentence.data() - text.data());
    sentences.push_back({begin,
                         begin + static_cast<int>(segment.sentence.size()),
                         DetectLanguages(segment.sentence, among)});
  }
  return sentences;
}

}  // namespace

absl::StatusOr<std::vector<DetectedText>> Detect(
    const DetectionRequest& request, const Routes& routes,
    const RequestLimits& limits) {
  PEREGRINE_RETURN_IF_ERROR(Check(request, limits));
  const LanguageList sources = routes.AllSources();
  const LanguageList* among =
      request.any_language || sources.empty() ? nullptr : &sources;
  std::unique_ptr<const text::SentenceSplitter> splitter;
  if (request.by_sentence) {
    PEREGRINE_ASSIGN_OR_RETURN(splitter, text::SentenceSplitter::Create(""));
  }
  std::vector<DetectedText> texts;
  for (const std::string& text : request.texts) {
    DetectedText detected;
    detected.detected = DetectLanguages(text, among);
    if (splitter != nullptr) {
      detected.sentences = DetectSentences(text, *splitter, among);
    }
    texts.push_back(std::move(detected));
  }
  return texts;
}

}  // namespace peregrine::server
