// Any bytes are a request of each API of others that a model can be given, or
// an error that says why not.

#include <utility>

#include "engine/base/check.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/support/slice.h"
#include "server/api/google_v3/messages.h"
#include "server/api/kserve/messages.h"
#include "server/api/rest/deepl.h"
#include "server/api/rest/google_v2.h"
#include "server/api/rest/libretranslate.h"
#include "server/api/wire.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

constexpr int kMaxMessageBytes = 1 << 20;

template <typename Codec>
void Try(const grpc::ByteBuffer& bytes, const ModelBackend& model) {
  static const RequestLimits limits = {20, 300, 16};
  typename Codec::Message message;
  if (!ParseMessage(bytes, kMaxMessageBytes, message).ok()) return;
  Codec codec;
  auto request = codec.Read(std::move(message));
  if (!request.ok()) {
    PEREGRINE_CHECK(!request.status().message().empty());
    return;
  }
  TextJob job(*std::move(request));
  if (!job.Prepare(model, limits).ok() || job.num_sentences() > 0) return;
  codec.Write(job.Take(nullptr));
}

}  // namespace
}  // namespace peregrine::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine::server;
  static const auto* model = new FakeBackend;
  // Which would report every input that does not parse.
  google::protobuf::SetLogHandler(nullptr);
  const grpc::Slice slice(data, size);
  const grpc::ByteBuffer bytes(&slice, 1);
  Try<google_v3::TranslateTextCodec>(bytes, *model);
  Try<kserve::ModelInferCodec>(bytes, *model);
  Try<rest::DeeplTranslateCodec>(bytes, *model);
  Try<rest::GoogleV2Codec>(bytes, *model);
  Try<rest::LibreTranslateCodec>(bytes, *model);
  return 0;
}
