#ifndef PEREGRINE_SERVER_API_V1_MESSAGES_H_
#define PEREGRINE_SERVER_API_V1_MESSAGES_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "peregrine/v1/translation.pb.h"
#include "server/languages/routes.h"
#include "server/service/detection.h"
#include "server/service/translation.h"

// peregrine.v1 in the server's words, and back. No checks: these are of the
// server's words, and name fields as peregrine.v1 does. A new option of
// requests is a field in service/translation.h and a line here.
namespace peregrine::server {

TextRequest ReadRequest(v1::TranslateRequest request);
TextRequest ReadRequest(v1::TranslateStreamRequest request);
TokenRequest ReadRequest(v1::TranslateTokensRequest request);
ScoreRequest ReadRequest(v1::ScoreTextsRequest request);

v1::TranslateResponse WriteAnswer(TextAnswer answer);
// Of one text.
void WriteAnswer(TextAnswer answer, v1::TranslateStreamResponse& response);
v1::TranslateTokensResponse WriteAnswer(TokenAnswer answer);
v1::ScoreTextsResponse WriteAnswer(ScoreAnswer answer);

v1::Certainty WriteCertainty(Certainty certainty);
DetectionRequest ReadRequest(v1::DetectLanguageRequest request);
v1::DetectLanguageResponse WriteDetections(std::vector<DetectedText> texts);

// With names in the language of the tag; that of none is English.
v1::ListLanguagesResponse WriteLanguages(
    const std::vector<Routes::Language>& languages,
    absl::string_view display_language);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_V1_MESSAGES_H_
