#ifndef PEREGRINE_SERVER_API_REST_LIBRETRANSLATE_H_
#define PEREGRINE_SERVER_API_REST_LIBRETRANSLATE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "google/api/httpbody.pb.h"
#include "peregrine/compat/v1/compat.pb.h"
#include "server/languages/routes.h"
#include "server/options/request_limits.h"
#include "server/service/detection.h"
#include "server/service/text_job.h"
#include "server/service/translation.h"

// LibreTranslate's API in the server's words, and back.
namespace peregrine::server::rest {

// Of one call of /translate: see UnaryCall.
class LibreTranslateCodec {
 public:
  using Message = compat::v1::LibreTranslateTranslateRequest;
  using Job = TextJob;

  absl::StatusOr<TextRequest> Read(
      compat::v1::LibreTranslateTranslateRequest message);
  google::api::HttpBody Write(TextAnswer answer) const;

 private:
  bool is_list_ = false;  // and so the answer is one
  bool tells_alternatives_ = false;
};

DetectionRequest ReadDetection(compat::v1::LibreTranslateDetectRequest message);
google::api::HttpBody WriteLibreTranslateDetection(const DetectedText& text);
google::api::HttpBody WriteLibreTranslateLanguages(
    const std::vector<Routes::Language>& languages);
google::api::HttpBody WriteLibreTranslateSettings(
    const std::vector<Routes::Language>& languages, const RequestLimits& limits,
    bool needs_key);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_LIBRETRANSLATE_H_
