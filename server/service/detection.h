#ifndef PEREGRINE_SERVER_SERVICE_DETECTION_H_
#define PEREGRINE_SERVER_SERVICE_DETECTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/languages/detector.h"
#include "server/languages/routes.h"
#include "server/options/request_limits.h"
#include "server/service/translation.h"

namespace peregrine::server {

// A request that asks for languages alone. It needs no model and no queue.
struct DetectionRequest {
  std::vector<std::string> texts;
  bool by_sentence = false;
  bool any_language = false;  // not only those that models translate from
  const FieldNames* names = nullptr;
};

struct DetectedSentence {
  int begin = 0;  // bytes of the text
  int end = 0;
  DetectedLanguages detected;
};

struct DetectedText {
  DetectedLanguages detected;
  std::vector<DetectedSentence> sentences;  // if asked for
};

// One for each text. INVALID_ARGUMENT: too many texts, or too long ones.
absl::StatusOr<std::vector<DetectedText>> Detect(
    const DetectionRequest& request, const Routes& routes,
    const RequestLimits& limits);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_DETECTION_H_
