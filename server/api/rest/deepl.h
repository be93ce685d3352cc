#ifndef PEREGRINE_SERVER_API_REST_DEEPL_H_
#define PEREGRINE_SERVER_API_REST_DEEPL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "google/api/httpbody.pb.h"
#include "peregrine/compat/v1/compat.pb.h"
#include "server/languages/routes.h"
#include "server/service/text_job.h"
#include "server/service/translation.h"

// DeepL's API v2 in the server's words, and back.
namespace peregrine::server::rest {

// Of one call of /v2/translate: see UnaryCall.
class DeeplTranslateCodec {
 public:
  using Message = compat::v1::DeeplTranslateRequest;
  using Job = TextJob;

  absl::StatusOr<TextRequest> Read(compat::v1::DeeplTranslateRequest message);
  google::api::HttpBody Write(TextAnswer answer) const;

 private:
  std::vector<int> characters_;  // of each text
  bool has_ignored_ = false;     // tags, see ignored_tags.h
};

// `type` is "source", which is the default, or "target".
absl::StatusOr<google::api::HttpBody> WriteDeeplLanguages(
    const std::vector<Routes::Language>& languages, absl::string_view type);

}  // namespace peregrine::server::rest

#endif  // PEREGRINE_SERVER_API_REST_DEEPL_H_
