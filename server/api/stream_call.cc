#include "server/api/stream_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/api/call_context.h"
#include "server/api/status_mapping.h"
#include "server/api/v1_messages.h"
#include "server/api/wire.h"
#include "server/errors.h"

namespace peregrine::server {

namespace {

void WriteError(const absl::Status& status, v1::TextError& error) {
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  *error.mutable_status() = ToRpcStatus(status);
}

}  // namespace

StreamCall::Text::Text(const Call& call, std::string text_id)
    : id(std::move(text_id)),
      request(call, absl::Now(), call.info().deadline) {}

StreamCall::StreamCall(grpc::CallbackServerContext& context,
                       const CallEnvironment& environment)
    : context_(context),
      environment_(environment),
      call_(environment, InfoOf({"peregrine.v1", "TranslateStream"}, context)) {
  SendIds(call_.info().ids, context_);
  call_.AllowUnread(kMaxUnreadBytes);
}

StreamCall::~StreamCall() {
  environment_.open_calls.Remove(this);
  if (entered_) call_.client()->LeaveStream();
}

void StreamCall::Start() {
  absl::Status status = call_.Begin();
  if (status.ok()) {
    status = call_.client()->EnterStream();
    entered_ = status.ok();
  }
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    end_status_.Update(std::move(status));
  }
  environment_.open_calls.Add(this);  // others look at it from here on
  Continue();
}

void StreamCall::Drain() {
  {
    absl::MutexLock lock(&mutex_);
    end_status_.Update(DrainingError());
  }
  Continue();
}

void StreamCall::EndIfRevoked() {
  bool is_late = false;
  {
    absl::MutexLock lock(&mutex_);
    if (call_.client() == nullptr ||
        environment_.authenticator.IsStillGood(call_.caller())) {
      return;
    }
    is_late = std::exchange(revoked_, true);
    end_status_.Update(UnauthenticatedError("the token is not good any more"));
  }
  Continue();
  // Answers that the client does not read would hold the stream open.
  if (is_late) context_.TryCancel();
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
    call_.ReleaseAnswer(outgoing_.front().Length());
    outgoing_.pop_front();
    if (!ok) cancelled_ = true;  // the client is gone; OnCancel comes or came
  }
  Continue();
}

void StreamCall::OnCancel() {
  std::vector<Request::Abandoned> abandoned;
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    for (const auto& [text, owned] : texts_) {
      abandoned.push_back(text->request.Abandon());
    }
  }
  for (const Request::Abandoned& one : abandoned) one.Remove();
  Continue();
}

absl::Status StreamCall::TakeIncoming() {
  call_.AddBytes(incoming_.Length());
  v1::TranslateStreamRequest message;
  const int max_bytes = environment_.options.max_message_bytes;
  absl::Status parsed = ParseMessage(incoming_, max_bytes, message);
  std::string id = message.id();
  if (!parsed.ok()) {
    id = SalvageString(incoming_, max_bytes,
                       v1::TranslateStreamRequest::kIdFieldNumber);
    if (id.empty()) return parsed;
  }
  incoming_.Clear();
  Text* text = Register(std::move(id));
  absl::optional<absl::Status> ended = std::move(parsed);
  if (ended->ok()) ended = Submit(std::move(message), text);
  // Once submitted the text may be answered and gone already.
  if (!ended.has_value()) return absl::OkStatus();
  if (absl::IsUnavailable(*ended)) {  // draining: as if it had not been read
    absl::MutexLock lock(&mutex_);
    Remove(text);
    return *ended;
  }
  End(text, *ended);
  return absl::OkStatus();
}

// As Request::Submit; `End` will be called, or was.
absl::optional<absl::Status> StreamCall::Submit(
    v1::TranslateStreamRequest message, Text* text) {
  return text->request.Submit(
      [&]() -> absl::StatusOr<Job*> {
        TextRequest request = ReadRequest(std::move(message));
        if (environment_.options.log_texts) {
          text->source = request.texts[0].text;
        }
        text->job = std::make_unique<TextJob>(
            std::move(request), [this, text] { TellStable(text); });
        return text->job.get();
      },
      [this, text](const absl::Status& status) { End(text, status); });
}

// The text is not answered yet, so that it and the call are there.
void StreamCall::TellStable(Text* text) {
  mutex_.Lock();
  if (std::find(stable_.begin(), stable_.end(), text) == stable_.end()) {
    stable_.push_back(text);
  }
  ContinueAndUnlock();
}

// The next message of stable text, if there is one.
void StreamCall::QueueStable() {
  Text* text = nullptr;
  StableText::More more;
  while (more.text.empty()) {
    if (stable_.empty()) return;
    text = stable_.front();
    stable_.pop_front();
    more = text->job->stable_text()->Take();
  }
  v1::TranslateStreamResponse response;
  response.set_id(text->id);
  response.mutable_stable_text()->set_text(more.text);
  response.mutable_stable_text()->set_begin(static_cast<int32_t>(more.begin));
  outgoing_.push_back(SerializeMessage(response));
  call_.HoldAnswer(outgoing_.back().Length());
}

StreamCall::Text* StreamCall::Register(std::string id) {
  auto owned = std::make_unique<Text>(call_, std::move(id));
  Text* text = owned.get();
  absl::MutexLock lock(&mutex_);
  texts_.emplace(text, std::move(owned));
  return text;
}

void StreamCall::End(Text* text, const absl::Status& status) {
  v1::TranslateStreamResponse response;
  response.set_id(text->id);
  std::string translation;  // if it is logged
  if (status.ok()) {
    TextAnswer answer = text->job->Take(text->request.group());
    text->request.Count(answer);
    if (environment_.options.log_texts) {
      translation = answer.texts[0].translation.hypotheses[0].text;
    }
    WriteAnswer(std::move(answer), response);
  } else {
    text->request.Count(status);
    WriteError(status, *response.mutable_error());
  }
  grpc::ByteBuffer bytes = SerializeMessage(response);
  std::unique_ptr<Text> done;  // destroyed without the lock
  // On a worker's thread the text is all that keeps the call from ending on
  // another one, so that its removal and what follows from it are one.
  mutex_.Lock();
  done = Remove(text);
  if (status.ok()) sentences_ += done->request.num_sentences();
  if (environment_.options.log_texts) {
    logged_texts_.Add(done->source, translation);
  }
  call_.HoldAnswer(bytes.Length());
  outgoing_.push_back(std::move(bytes));
  ContinueAndUnlock();
}

std::unique_ptr<StreamCall::Text> StreamCall::Remove(Text* text) {
  const auto it = texts_.find(text);
  std::unique_ptr<Text> removed = std::move(it->second);
  texts_.erase(it);
  stable_.erase(std::remove(stable_.begin(), stable_.end(), text),
                stable_.end());
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
  call_.End(status, {nullptr, sentences,
                     environment_.options.log_texts ? &texts : nullptr});
  Finish(ToCallStatus(status, context_));
}

void StreamCall::ReadOrWrite() {
  if (cancelled_) return;
  if (!writing_ && outgoing_.empty()) QueueStable();
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
