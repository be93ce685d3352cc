#ifndef PEREGRINE_SERVER_SERVICE_UNARY_CALL_H_
#define PEREGRINE_SERVER_SERVICE_UNARY_CALL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/models/models.h"
#include "server/scheduling/client.h"
#include "server/scheduling/errors.h"
#include "server/scheduling/sentence_group.h"
#include "server/service/call_environment.h"
#include "server/service/logged_texts.h"
#include "server/service/priority.h"
#include "server/service/status_mapping.h"
#include "server/service/wire.h"

namespace peregrine::server {

// One Translate or TranslateTokens call, from its bytes to its status; owns
// itself. Start runs on a gRPC thread (parsing, checks, tokenisation); the end
// on the worker thread that answers the last sentence, or at once on the
// former if the call is refused or there is nothing to translate.
template <typename Request, typename Response, typename Job>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  // The reactor of the call. For one that ends at once it is gRPC's own, which,
  // unlike any of ours, needs no other thread to be done: under overload that
  // is a fifth of what a refusal costs.
  static grpc::ServerUnaryReactor* Start(const char* method,
                                         grpc::CallbackServerContext& context,
                                         const CallEnvironment& environment,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer& response) {
    std::unique_ptr<UnaryCall> call(
        new UnaryCall(method, context, environment, response));
    const absl::optional<absl::Status> status = call->Submit(request);
    if (!status.has_value()) return call.release();  // OnDone deletes it
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    reactor->Finish(call->End(*status));
    return reactor;
  }

  ~UnaryCall() override { environment_.open_calls.Leave(); }

  // gRPC keeps the reactor alive during this.
  void OnCancel() override {
    if (group_ == nullptr) return;
    group_->Abandon();
    model_->batcher().RemoveAbandoned();
  }
  void OnDone() override { delete this; }

 private:
  UnaryCall(const char* method, grpc::CallbackServerContext& context,
            const CallEnvironment& environment, grpc::ByteBuffer& response)
      : method_(method),
        context_(context),
        environment_(environment),
        response_(response) {
    environment_.open_calls.Enter();
    SendIds(ids_, context_);
  }

  // gRPC also hands over calls that ended before they were read, without their
  // bytes.
  absl::Status CheckWanted(const grpc::ByteBuffer& bytes) const {
    if (absl::FromChrono(context_.deadline()) <= start_) {
      return DeadlinePassedError();
    }
    if (context_.IsCancelled() || !bytes.Valid()) return CallCancelledError();
    return absl::OkStatus();
  }

  // What the call ends with at once. None: the worker that answers its last
  // sentence ends it.
  absl::optional<absl::Status> Submit(const grpc::ByteBuffer& bytes) {
    PEREGRINE_ASSIGN_OR_RETURN(
        client_, environment_.authenticator.Authenticate(context_, start_));
    PEREGRINE_RETURN_IF_ERROR(ticket_.Enter(client_, start_));
    PEREGRINE_RETURN_IF_ERROR(CheckWanted(bytes));
    Request request;
    PEREGRINE_RETURN_IF_ERROR(ParseMessage(bytes, request));
    if (environment_.options.log_texts) texts_.AddSources(request);
    const SentenceTerms terms = {absl::FromChrono(context_.deadline()),
                                 FlowOf(*client_, request.priority())};
    PEREGRINE_ASSIGN_OR_RETURN(
        model_, environment_.models.Find(request.model(), "model"));
    PEREGRINE_RETURN_IF_ERROR(model_->batcher().CheckOpen(terms));
    job_ = std::make_unique<Job>(model_->backend(), model_->limits());
    PEREGRINE_RETURN_IF_ERROR(job_->Prepare(request));
    if (job_->num_sentences() == 0) return absl::OkStatus();
    group_ = std::make_unique<SentenceGroup>(job_->num_sentences(), [this] {
      Finish(End(group_->status()));
    });  // OnDone may follow
    PEREGRINE_RETURN_IF_ERROR(
        model_->batcher().Submit(job_->MakeSentences(*group_, terms)));
    return absl::nullopt;
  }

  grpc::Status End(const absl::Status& status) {
    if (status.ok()) {
      Response message;
      job_->Fill(group_.get(), message);
      if (environment_.options.log_texts) texts_.AddTranslations(message);
      response_ = SerializeMessage(message);
    }
    Count(status.code());
    Log(status);
    return ToCallStatus(status, context_);
  }

  void Count(absl::StatusCode code) {
    if (model_ == nullptr) {
      environment_.requests_without_model.Add(code);
      return;
    }
    model_->metrics().requests.Add(code);
    if (code == absl::StatusCode::kOk) {
      model_->metrics().request_seconds.Observe(
          absl::ToDoubleSeconds(absl::Now() - start_));
    }
  }

  void Log(const absl::Status& status) {
    if (!environment_.request_log.on()) return;
    CallRecord record;
    record.method = method_;
    record.ids = ids_;
    if (client_ != nullptr) record.client = client_->name();
    if (model_ != nullptr) record.model = model_->info().name;
    record.status = status;
    record.start = start_;
    record.duration = absl::Now() - start_;
    if (job_ != nullptr) record.sentences = job_->num_sentences();
    if (environment_.options.log_texts) record.texts = &texts_;
    environment_.request_log.Write(record);
  }

  const char* const method_;
  grpc::CallbackServerContext& context_;
  const CallEnvironment& environment_;
  grpc::ByteBuffer& response_;
  const absl::Time start_ = absl::Now();
  const CallIds ids_ = IdsOf(context_);
  std::shared_ptr<Client> client_;
  ClientTicket ticket_;
  ServedModelPtr model_;
  std::unique_ptr<Job> job_;
  std::unique_ptr<SentenceGroup> group_;
  LoggedTexts texts_;  // if they are
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_UNARY_CALL_H_
