#ifndef PEREGRINE_SERVER_API_V1_MESSAGES_H_
#define PEREGRINE_SERVER_API_V1_MESSAGES_H_

#include "peregrine/v1/translation.pb.h"
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
v1::Translation WriteTranslation(TranslatedText text);
v1::TranslateTokensResponse WriteAnswer(TokenAnswer answer);
v1::ScoreTextsResponse WriteAnswer(ScoreAnswer answer);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_V1_MESSAGES_H_
