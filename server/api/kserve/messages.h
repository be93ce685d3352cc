#ifndef PEREGRINE_SERVER_API_KSERVE_MESSAGES_H_
#define PEREGRINE_SERVER_API_KSERVE_MESSAGES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inference/grpc_service.pb.h"
#include "server/models/served_model.h"
#include "server/service/text_job.h"
#include "server/service/translation.h"

// inference (KServe v2) in the server's words, and back.
namespace peregrine::server::kserve {

// Of one call of ModelInfer: see UnaryCall. Inputs are `text` and, for all of
// them, `source_language` and `target_language`; the latter two and how to
// decode may be parameters too. Tensors are BYTES, in raw_input_contents or in
// contents; the answer has them where the request has.
class ModelInferCodec {
 public:
  using Message = ::inference::ModelInferRequest;
  using Job = TextJob;

  absl::StatusOr<TextRequest> Read(::inference::ModelInferRequest message);
  ::inference::ModelInferResponse Write(TextAnswer answer) const;

 private:
  // INVALID_ARGUMENT: there is no such output.
  absl::Status ReadOutputs(const ::inference::ModelInferRequest& message);

  std::string id_;
  std::vector<std::string> names_;  // of the outputs, in the order asked for
  std::vector<int64_t> shape_;      // of `text`, which outputs have too
  bool is_raw_ = false;
};

// NOT_FOUND: a model has one version, its revision.
absl::Status CheckVersion(absl::string_view model, absl::string_view version);

::inference::ModelMetadataResponse DescribeMetadata(const std::string& model);
::inference::ModelConfig DescribeConfig(const std::string& model);
::inference::ModelStatistics DescribeStatistics(const ServedModel& model);

}  // namespace peregrine::server::kserve

#endif  // PEREGRINE_SERVER_API_KSERVE_MESSAGES_H_
