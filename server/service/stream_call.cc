#include "server/service/stream_call.h"

#include <unordered_set>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/scheduling/errors.h"
#include "server/service/priority.h"
#include "server/service/status_mapping.h"
#include "server/service/wire.h"

namespace peregrine::server {
StreamCall::StreamCall(grpc::CallbackServerContext& context,
                       const CallEnvironment& environment)
    : context_(context), environment_(environment) {
  SendIds(ids_, context_);
}

StreamCall::~StreamCall() { environment_.open_calls.Leave(this); }

void StreamCall::Start() {
  environment_.open_calls.Enter(this);
  auto client = environment_.authenticator.Authenticate(context_, absl::Now());
  if (client.ok()) {
    client_ = *std::move(client);
  } else {
    environment_.requests_without_model.Add(client.status().code());
    absl::MutexLock lock(&mutex_);
    end_status_.Update(client.status());
  }
  Continue();
}

void StreamCall::Drain() {
  {
    absl::MutexLock lock(&mutex_);
    end_status_.Update(DrainingError());
  }
  Continue();
}

void StreamCall::OnReadDone(bool ok) {
  bool take = false;
  {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    if (finishing_) return;
    if (!ok) client_done_ = true;
    // Not once it drains: the client sees by its end what was not answered.
    take = taking_ = ok && end_status_.ok();
  }
  if (take) {
    absl::Status status = TakeIncoming();
    absl::MutexLock lock(&mutex_);
    taking_ = false;
    end_status_.Update(std::move(status));
  }
  Continue();
}

void StreamCall::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    outgoing_.pop_front();
    if (!ok) cancelled_ = true;  // the client is gone; OnCancel comes or came
  }
  Continue();
}

void StreamCall::OnCancel() {
  std::unordered_set<ServedModelPtr> models;
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    for (const auto& [text, owned] : texts_) {
      if (text->group == nullptr) continue;
      text->group->Abandon();
      models.insert(text->model);
    }
  }
  for (const ServedModelPtr& model : models) model->batcher().RemoveAbandoned();
  Continue();
}

absl::Status StreamCall::TakeIncoming() {
  v1::TranslateStreamRequest request;
  absl::Status status = ParseMessage(incoming_, request);
  std::string id = request.id();
  if (!status.ok()) {
    id = SalvageString(incoming_, v1::TranslateStreamRequest::kIdFieldNumber);
    if (id.empty()) return status;
  }
  incoming_.Clear();
  Text* text = Register(std::move(id));
  if (environment_.options.log_texts) text->source = request.text().text();
  if (status.ok()) status = Submit(request, text);
  // Once submitted the text may be answered and gone already.
  if (status.ok()) return status;
  if (absl::IsUnavailable(status)) {  // draining: as if it had not been read
    absl::MutexLock lock(&mutex_);
    Remove(text);
    return status;
  }
  End(text, status);
  return absl::OkStatus();
}

// OK: End was or will be called.
absl::Status StreamCall::Submit(const v1::TranslateStreamRequest& request,
                                Text* text) {
  PEREGRINE_RETURN_IF_ERROR(text->ticket.Enter(client_, text->start));
  const SentenceTerms terms = {absl::FromChrono(context_.deadline()),
                               FlowOf(*client_, request.priority())};
  PEREGRINE_ASSIGN_OR_RETURN(
      text->model, environment_.models.Find(request.model(), "model"));
  PEREGRINE_RETURN_IF_ERROR(text->model->batcher().CheckOpen(terms));
  text->job =
      std::make_unique<TextJob>(text->model->backend(), text->model->limits());
  PEREGRINE_RETURN_IF_ERROR(text->job->Prepare(request));
  const int sentences = text->job->num_sentences();
  if (sentences == 0) {
    End(text, absl::OkStatus());
    return absl::OkStatus();
  }
  auto group = std::make_unique<SentenceGroup>(
      sentences, [this, text] { End(text, text->group->status()); });
  std::vector<Sentence> made = text->job->MakeSentences(*group, terms);
  {
    // OnCancel looks at the groups from another thread.
    absl::MutexLock lock(&mutex_);
    if (cancelled_) return CallCancelledError();
    text->group = std::move(group);
  }
  return text->model->batcher().Submit(std::move(made));
}

StreamCall::Text* StreamCall::Register(std::string id) {
  auto owned = std::make_unique<Text>();
  Text* text = owned.get();
  text->id = std::move(id);
  text->start = absl::Now();
  absl::MutexLock lock(&mutex_);
  texts_.emplace(text, std::move(owned));
  return text;
}

void StreamCall::End(Text* text, const absl::Status& status) {
  OutcomeCounter& requests = text->model != nullptr
                                 ? text->model->metrics().requests
                                 : environment_.requests_without_model;
  requests.Add(status.code());
  v1::TranslateStreamResponse response;
  response.set_id(text->id);
  if (status.ok()) {
    text->job->Fill(text->group.get(), *response.mutable_translation());
    text->model->metrics().request_seconds.Observe(
        absl::ToDoubleSeconds(absl::Now() - text->start));
  } else {
    response.mutable_error()->set_code(static_cast<int>(status.code()));
    response.mutable_error()->set_message(std::string(status.message()));
  }
  grpc::ByteBuffer bytes = SerializeMessage(response);
  std::unique_ptr<Text> done;  // destroyed without the lock
  // On a worker's thread the text is all that keeps the call from ending on
  // another one, so that its removal and what follows from it are one.
  mutex_.Lock();
  done = Remove(text);
  if (status.ok()) sentences_ += done->job->num_sentences();
  if (environment_.options.log_texts) {
    logged_texts_.Add(done->source, response.translation());
  }
  outgoing_.push_back(std::move(bytes));
  ContinueAndUnlock();
}

std::unique_ptr<StreamCall::Text> StreamCall::Remove(Text* text) {
  const auto it = texts_.find(text);
  std::unique_ptr<Text> removed = std::move(it->second);
  texts_.erase(it);
  return removed;
}

void StreamCall::Continue() {
  mutex_.Lock();
  ContinueAndUnlock();
}

void StreamCall::ContinueAndUnlock() {
  if (!finishing_) ReadOrWrite();
  const bool finish = !finishing_ && IsOver();
  if (finish) finishing_ = true;
  const absl::Status status = cancelled_ ? CallCancelledError() : end_status_;
  const int sentences = sentences_;
  LoggedTexts texts;
  if (finish) texts = std::move(logged_texts_);
  mutex_.Unlock();
  if (!finish) return;
  Log(status, sentences, texts);
  Finish(ToCallStatus(status, context_));
}

void StreamCall::Log(const absl::Status& status, int sentences,
                     const LoggedTexts& texts) const {
  if (!environment_.request_log.on()) return;
  CallRecord record;
  record.method = "TranslateStream";
  record.ids = ids_;
  if (client_ != nullptr) record.client = client_->name();
  record.status = status;
  record.start = start_;
  record.duration = absl::Now() - start_;
  record.sentences = sentences;
  if (environment_.options.log_texts) record.texts = &texts;
  environment_.request_log.Write(record);
}

void StreamCall::ReadOrWrite() {
  if (cancelled_) return;
  if (!writing_ && !outgoing_.empty()) {
    writing_ = true;
    StartWrite(&outgoing_.front());
  }
  const size_t in_flight = texts_.size() + outgoing_.size();
  if (!reading_ && !taking_ && !client_done_ && end_status_.ok() &&
      in_flight < static_cast<size_t>(environment_.options.max_stream_texts)) {
    reading_ = true;
    StartRead(&incoming_);
  }
}

bool StreamCall::IsOver() const {
  if (!texts_.empty() || writing_ || taking_) return false;
  if (cancelled_) return true;
  return outgoing_.empty() && (client_done_ || !end_status_.ok());
}

}  // namespace peregrine::server
