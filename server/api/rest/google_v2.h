#ifndef PEREGRINE_SERVER_API_REST_GOOGLE_V2_H_
#define PEREGRINE_SERVER_API_REST_GOOGLE_V2_H_

#include <vector>

#include "absl/status/statusor.h"
#include "google/api/httpbody.pb.h"
#include "peregrine/compat/v1/compat.pb.h"
#include "server/languages/routes.h"
#include "server/service/detection.h"
#include "server/service/text_job.h"
#include "server/service/translation.h"

// Google's Cloud Translation API v2 in the server's words, and back.
namespace peregrine::server::rest {

// Of one call that translates: see UnaryCall.
class GoogleV2Codec {
 public:
  using Message = compat::v1::GoogleV2TranslateRequest;
  using Job = TextJob;

  absl::StatusOr<TextRequest> Read(
      compat::v1::GoogleV2TranslateRequest message);
  google::api::HttpBody Write(TextAnswer answer) const;

 private:
  bool tells_model_ = false;
};

DetectionRequest ReadDetection(compat::v1::GoogleV2DetectRequest message);
google::api::HttpBody WriteGoogleV2Detections(
    const std::vector<DetectedText>& texts);
// With names in the language `target`, if that is given.
google::api::HttpBody WriteGoogleV2Languages(
    const std::vector<Routes::Language>& languages, absl::string_view target);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_GOOGLE_V2_H_
