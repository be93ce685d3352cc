// Any bytes are a request that a model can be given, or an INVALID_ARGUMENT.

#include "engine/base/check.h"
#include "google/protobuf/stubs/logging.h"
#include "grpcpp/support/slice.h"
#include "peregrine/v1/translation.pb.h"
#include "server/api/v1_messages.h"
#include "server/api/wire.h"
#include "server/service/score_job.h"
#include "server/service/text_job.h"
#include "server/service/token_job.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

constexpr int kMaxMessageBytes = 1 << 20;
constexpr int kMaxTextBytes = 300;

void CheckSentences(const std::vector<Sentence>& sentences,
                    const ModelBackend& model) {
  for (const Sentence& sentence : sentences) {
    if (sentence.source.empty()) continue;  // an empty line, of the fake's
    PEREGRINE_CHECK(static_cast<int>(sentence.source.size()) <=
                    model.info().max_source_tokens);
    const decode::DecodingOptions& options = sentence.options;
    if (sentence.target.has_value()) {
      PEREGRINE_CHECK(options.beam_size >= 1);
      continue;
    }
    PEREGRINE_CHECK(options.beam_size >= 1 && options.beam_size <= 16);
    PEREGRINE_CHECK(options.num_hypotheses >= 1 &&
                    options.num_hypotheses <= options.beam_size);
    PEREGRINE_CHECK(options.max_length >= 1 &&
                    options.max_length <= model.info().max_target_tokens);
    PEREGRINE_CHECK(options.min_length >= 0);
  }
}

template <typename Message, typename JobOfMessage>
void Try(const grpc::ByteBuffer& bytes, const ModelBackend& model) {
  static const RequestLimits limits = {20, kMaxTextBytes, 16};
  Message message;
  absl::Status status = ParseMessage(bytes, kMaxMessageBytes, message);
  JobOfMessage job(ReadRequest(std::move(message)));
  if (status.ok()) status = job.Prepare(model, limits);
  if (!status.ok()) {
    PEREGRINE_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    PEREGRINE_CHECK(!status.message().empty());
    return;
  }
  if (job.num_sentences() == 0) return;
  SentenceGroup group(job.num_sentences(), [] {});
  const std::vector<Sentence> sentences = job.MakeSentences(group, {});
  PEREGRINE_CHECK(static_cast<int>(sentences.size()) == job.num_sentences());
  CheckSentences(sentences, model);
}

}  // namespace
}  // namespace peregrine::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine;
  static const auto* model = new server::FakeBackend;
  // Which would report every input that does not parse.
  google::protobuf::SetLogHandler(nullptr);
  const grpc::Slice slice(data, size);
  const grpc::ByteBuffer bytes(&slice, 1);
  server::Try<v1::TranslateRequest, server::TextJob>(bytes, *model);
  server::Try<v1::TranslateStreamRequest, server::TextJob>(bytes, *model);
  server::Try<v1::TranslateTokensRequest, server::TokenJob>(bytes, *model);
  server::Try<v1::ScoreTextsRequest, server::ScoreJob>(bytes, *model);
  server::SalvageString(bytes, 1 << 20, 1);
  return 0;
}
