#include "server/service/detection.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/text/sentence_splitter.h"
#include "server/service/job_parts.h"
#include "server/service/request_checks.h"

namespace peregrine::server {
namespace {

// In less the languages of the others are mistaken for each other.
constexpr int kFewLetters = 12;

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

// CLD2 tells nothing of a language that has a small part of a text. So a text
// of several sentences whose languages are sure is told by these.
void TellShares(const std::vector<DetectedSentence>& sentences,
                DetectedLanguages& whole) {
  std::map<std::string, float> letters;
  float all = 0;
  for (const DetectedSentence& sentence : sentences) {
    all += static_cast<float>(sentence.detected.letters);
    if (sentence.detected.certainty != Certainty::kSure ||
        sentence.detected.letters < kFewLetters) {
      continue;
    }
    letters[sentence.detected.languages[0].language] +=
        static_cast<float>(sentence.detected.letters);
  }
  if (letters.size() < 2) return;
  whole.languages.clear();
  for (const auto& [language, count] : letters) {
    whole.languages.push_back(ShareOf(language, count / all));
  }
  std::stable_sort(whole.languages.begin(), whole.languages.end(),
                   [](const LikelyLanguage& a, const LikelyLanguage& b) {
                     return a.share > b.share;
                   });
  whole.certainty = Certainty::kSure;
}

}  // namespace

absl::StatusOr<std::vector<DetectedText>> Detect(
    const DetectionRequest& request, const Routes& routes,
    const RequestLimits& limits) {
  PEREGRINE_RETURN_IF_ERROR(Check(request, limits));
  const LanguageList sources = routes.AllSources();
  const LanguageList* among =
      request.any_language || sources.empty() ? nullptr : &sources;
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::unique_ptr<const text::SentenceSplitter> splitter,
      text::SentenceSplitter::Create(""));
  std::vector<DetectedText> texts;
  for (const std::string& text : request.texts) {
    DetectedText detected;
    detected.detected = DetectLanguages(text, among);
    std::vector<DetectedSentence> sentences =
        DetectSentences(text, *splitter, among);
    if (sentences.size() > 1) TellShares(sentences, detected.detected);
    if (request.by_sentence) detected.sentences = std::move(sentences);
    texts.push_back(std::move(detected));
  }
  return texts;
}

}  // namespace peregrine::server
