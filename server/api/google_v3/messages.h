#ifndef PEREGRINE_SERVER_API_GOOGLE_V3_MESSAGES_H_
#define PEREGRINE_SERVER_API_GOOGLE_V3_MESSAGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "google/cloud/translate/v3/translation_service.pb.h"
#include "server/languages/routes.h"
#include "server/service/detection.h"
#include "server/service/text_job.h"
#include "server/service/translation.h"

// google.cloud.translation.v3 in the server's words, and back. What cannot be
// done as asked is refused by the name of its field.
namespace peregrine::server::google_v3 {

namespace proto = ::google::cloud::translation::v3;

// Of one call of TranslateText: see UnaryCall.
class TranslateTextCodec {
 public:
  using Message = proto::TranslateTextRequest;
  using Job = TextJob;

  absl::StatusOr<TextRequest> Read(proto::TranslateTextRequest message);
  proto::TranslateTextResponse Write(TextAnswer answer) const;

 private:
  std::string model_prefix_;  // of the names of models; empty: none was named
  // Then each text is translated without it too.
  absl::optional<proto::TranslateTextGlossaryConfig> glossary_;
};

// The name of a model of this server. Empty: the model is for the server to
// choose, as for Google's general ones. `name` may be a whole resource name,
// "projects/P/locations/L/models/NAME".
absl::string_view ModelOf(absl::string_view name);

absl::StatusOr<DetectionRequest> ReadDetection(
    proto::DetectLanguageRequest message);
proto::DetectLanguageResponse WriteDetection(const DetectedText& text);

proto::SupportedLanguages WriteLanguages(
    const std::vector<Routes::Language>& languages,
    absl::string_view display_language);

}  // namespace peregrine::server::google_v3

#endif  // PEREGRINE_SERVER_API_GOOGLE_V3_MESSAGES_H_
