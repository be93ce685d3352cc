#ifndef PEREGRINE_SERVER_API_UNARY_CALL_H_
#define PEREGRINE_SERVER_API_UNARY_CALL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/call_context.h"
#include "server/api/status_mapping.h"
#include "server/api/wire.h"
#include "server/errors.h"
#include "server/service/call.h"
#include "server/service/logged_texts.h"
#include "server/service/request.h"

namespace peregrine::server {

// A call of one Request, from its bytes to its status; owns itself. Start runs
// on a gRPC thread (parsing, checks, tokenisation); the end on the worker
// thread that answers the last sentence, or at once on the former if the call
// is refused or there is nothing to translate. What API it is of is up to its
// Codec, of which each call has one:
//   Message                                    what comes
//   Job                                        TextJob, TokenJob or ScoreJob
//   StatusOr<TextRequest> Read(Message)        or that of another job
//   SomeMessage Write(TextAnswer) const        or of a TokenAnswer
template <typename Codec>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  // The reactor of the call. For one that ends at once it is gRPC's own, which,
  // unlike any of ours, needs no other thread to be done: under overload that
  // is a fifth of what a refusal costs.
  static grpc::ServerUnaryReactor* Start(const Method& method,
                                         grpc::CallbackServerContext& context,
                                         const CallEnvironment& environment,
                                         const grpc::ByteBuffer& message,
                                         grpc::ByteBuffer& response) {
    std::unique_ptr<UnaryCall> call(
        new UnaryCall(method, context, environment, response));
    const absl::optional<absl::Status> status = call->Submit(message);
    if (!status.has_value()) return call.release();  // OnDone deletes it
    const grpc::Status end = call->End(*status);
    // One that may wait long for its client is to be known for so long.
    grpc::ServerUnaryReactor* const reactor =
        response.Length() > kShortAnswerBytes ? call.release()
                                              : context.DefaultReactor();
    reactor->Finish(end);
    return reactor;
  }

  // gRPC keeps the reactor alive during this.
  void OnCancel() override { request_.Abandon().Remove(); }
  void OnDone() override { delete this; }

 private:
  // Shorter ones are not worth counting while they wait to be taken.
  static constexpr size_t kShortAnswerBytes = 4096;

  UnaryCall(const Method& method, grpc::CallbackServerContext& context,
            const CallEnvironment& environment, grpc::ByteBuffer& response)
      : context_(context),
        response_(response),
        call_(environment, InfoOf(method, context)),
        request_(call_, call_.info().start, call_.info().deadline) {
    SendIds(call_.info().ids, context_);
  }

  absl::optional<absl::Status> Submit(const grpc::ByteBuffer& bytes) {
    // Refused or not; but not of a call that was taken back before it came.
    if (bytes.Valid()) call_.AddBytes(bytes.Length());
    PEREGRINE_RETURN_IF_ERROR(call_.Begin());
    return request_.Submit(
        [&] { return Read(bytes); },
        [this](const absl::Status& status) { Finish(End(status)); });
  }

  absl::StatusOr<Job*> Read(const grpc::ByteBuffer& bytes) {
    // gRPC also hands over calls that ended before they were read, without
    // their bytes.
    if (context_.IsCancelled() || !bytes.Valid()) return CallCancelledError();
    typename Codec::Message message;
    PEREGRINE_RETURN_IF_ERROR(ParseMessage(
        bytes, call_.environment().options.max_message_bytes, message));
    PEREGRINE_ASSIGN_OR_RETURN(auto request, codec_.Read(std::move(message)));
    if (LogsTexts()) texts_.AddSources(request);
    job_ = std::make_unique<typename Codec::Job>(std::move(request));
    return job_.get();
  }

  grpc::Status End(const absl::Status& status) {
    const bool has_begun = call_.client() != nullptr;
    if (status.ok()) {
      auto answer = job_->Take(request_.group());
      request_.Count(answer);
      if (LogsTexts()) texts_.AddTranslations(answer);
      response_ = SerializeMessage(codec_.Write(std::move(answer)));
      if (response_.Length() > kShortAnswerBytes) {
        call_.HoldAnswer(response_.Length());
      }
    } else if (has_begun) {
      request_.Count(status);
    }
    call_.End(status, {request_.model().get(), request_.num_sentences(),
                       LogsTexts() ? &texts_ : nullptr, has_begun});
    return ToCallStatus(status, context_);
  }

  bool LogsTexts() const { return call_.environment().options.log_texts; }

  grpc::CallbackServerContext& context_;
  grpc::ByteBuffer& response_;
  Call call_;
  Codec codec_;
  std::unique_ptr<typename Codec::Job> job_;
  Request request_;
  LoggedTexts texts_;  // if they are
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_UNARY_CALL_H_
