#include "client/bulk_translation.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/route.h"
#include "client/rpc_status.h"
#include "engine/text/utf8.h"
#include "grpcpp/client_context.h"

namespace peregrine::client {
namespace {

absl::StatusOr<v1::Translation> TakeResult(
    v1::TranslateStreamResponse* response) {
  if (!response->has_translation()) return FromTextError(response->error());
  v1::Translation translation = std::move(*response->mutable_translation());
  *translation.mutable_route() = RouteOf(*response, translation);
  return translation;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

}  // namespace

BulkTranslation::BulkTranslation(v1::TranslationService::StubInterface* stub,
                                 const TranslationSettings& settings,
                                 const BulkOptions& options)
    : stub_(stub),
      settings_(settings),
      options_(options),
      window_(std::max<std::size_t>(options.max_in_flight, 1),
              options.retry_policy) {}

absl::Status BulkTranslation::Run(TextSource* source, const BulkSink& sink) {
  std::thread reader([this, source] { ReadSource(source); });
  std::thread streamer([this] { RunStreams(); });
  const absl::Status given_out = GiveOut(sink);
  if (!given_out.ok()) End(given_out);
  source->Stop();
  reader.join();
  streamer.join();
  if (!given_out.ok()) return given_out;
  absl::MutexLock lock(&mutex_);
  return outcome_;
}

void BulkTranslation::Cancel() { End(absl::CancelledError("cancelled")); }

void BulkTranslation::End(absl::Status outcome) {
  absl::MutexLock lock(&mutex_);
  if (ended_ || IsFinished()) return;
  ended_ = true;
  outcome_ = std::move(outcome);
  if (context_ != nullptr) context_->TryCancel();
  changed_.SignalAll();
}

absl::Status BulkTranslation::CheckText(const std::string& text) const {
  if (options_.max_text_bytes > 0 && text.size() > options_.max_text_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "text: longer than the ", options_.max_text_bytes, " bytes allowed"));
  }
  if (const auto offset = text::FindInvalidUtf8(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: not UTF-8 at byte ", *offset));
  }
  return absl::OkStatus();
}

void BulkTranslation::ReadSource(TextSource* source) {
  std::string text;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      while (!ended_ && !window_.HasRoom()) changed_.Wait(&mutex_);
      if (ended_) return;
    }
    const bool found = source->Next(&text);
    const absl::Status checked = found ? CheckText(text) : absl::OkStatus();

    absl::MutexLock lock(&mutex_);
    changed_.SignalAll();
    if (!found) {
      source_ended_ = true;
      return;
    }
    if (checked.ok()) {
      window_.Add(std::move(text));
    } else {
      window_.AddFailed(std::move(text), checked);
    }
  }
}

absl::Status BulkTranslation::GiveOut(const BulkSink& sink) {
  while (true) {
    absl::optional<BulkResult> result;
    absl::optional<BulkBeginning> beginning;
    {
      absl::MutexLock lock(&mutex_);
      while (!ended_ && !IsFinished() && !HasSomethingToGive()) {
        changed_.Wait(&mutex_);
      }
      if (ended_) return absl::OkStatus();
      beginning = window_.TakeBeginning();
      result = window_.TakeFinished();
      changed_.SignalAll();
      if (!result.has_value() && !beginning.has_value()) {
        return absl::OkStatus();
      }
    }
    const absl::Status status =
        result.has_value() ? sink(*result) : options_.on_beginning(*beginning);
    if (!status.ok()) return status;
  }
}

void BulkTranslation::RunStreams() {
  absl::BitGen random;
  int failures_in_a_row = 0;
  absl::Time next_attempt = absl::InfinitePast();
  while (true) {
    std::int64_t answers_before;
    {
      absl::MutexLock lock(&mutex_);
      while (!ended_ && !IsFinished()) {
        const absl::Time due = std::max(next_attempt, window_.NextDue());
        if (due <= absl::Now()) break;
        changed_.WaitWithDeadline(&mutex_, due);
      }
      if (ended_ || IsFinished()) return;
      answers_before = num_answers_;
    }
    const grpc::Status status = RunStream();
    const absl::Status error =
        status.ok() ? absl::UnavailableError("the server ended the stream")
                    : FromGrpcStatus(status);
    absl::ReleasableMutexLock lock(&mutex_);
    if (ended_ || IsFinished()) return;
    failures_in_a_row =
        num_answers_ > answers_before ? 0 : failures_in_a_row + 1;
    if (!IsRetryable(error) ||
        failures_in_a_row >= options_.retry_policy.max_attempts) {
      lock.Release();
      End(error);
      return;
    }
    window_.TakeBackSent();
    const absl::Duration pause =
        options_.retry_policy.Pause(std::max(failures_in_a_row, 1), random);
    next_attempt =
        absl::Now() +
        std::max(pause, RetryDelay(status).value_or(absl::ZeroDuration()));
  }
}

grpc::Status BulkTranslation::RunStream() {
  grpc::ClientContext context;
  if (options_.deadline != absl::InfiniteFuture()) {
    context.set_deadline(absl::ToChronoTime(options_.deadline));
  }
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return grpc::Status::CANCELLED;
    context_ = &context;
    stream_closing_ = false;
  }
  const std::unique_ptr<Stream> stream = stub_->TranslateStream(&context);
  std::thread sender([this, &stream] { Send(stream.get()); });
  Receive(stream.get());
  {
    absl::MutexLock lock(&mutex_);
    stream_closing_ = true;
    changed_.SignalAll();
  }
  sender.join();
  const grpc::Status status = stream->Finish();
  absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  return status;
}

void BulkTranslation::Send(Stream* stream) {
  while (true) {
    absl::optional<BulkWindow::Outgoing> outgoing;
    {
      absl::MutexLock lock(&mutex_);
      while (true) {
        if (ended_ || stream_closing_ || IsFinished()) break;
        outgoing = window_.TakeDue(absl::Now());
        if (outgoing.has_value()) break;
        changed_.WaitWithDeadline(&mutex_, window_.NextDue());
      }
    }
    if (!outgoing.has_value()) break;
    if (!stream->Write(MakeRequest(*std::move(outgoing)))) break;
  }
  stream->WritesDone();
}

void BulkTranslation::Receive(Stream* stream) {
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) {
    std::int64_t index;
    if (!absl::SimpleAtoi(response.id(), &index)) continue;
    if (response.has_stable_text()) {
      absl::MutexLock lock(&mutex_);
      window_.Extend(index, response.stable_text());
      changed_.SignalAll();
      continue;
    }
    absl::StatusOr<v1::Translation> translation = TakeResult(&response);
    absl::MutexLock lock(&mutex_);
    if (IsRetryable(translation.status())) {
      // A server that ends takes nothing more: the rest goes to another one.
      if (!absl::IsResourceExhausted(translation.status())) {
        stream_closing_ = true;
      }
    } else {
      ++num_answers_;
    }
    window_.Answer(index, std::move(translation), absl::Now());
    changed_.SignalAll();
  }
}

v1::TranslateStreamRequest BulkTranslation::MakeRequest(
    BulkWindow::Outgoing outgoing) const {
  v1::TranslateStreamRequest request;
  request.set_id(absl::StrCat(outgoing.index));
  request.set_model(settings_.model);
  request.set_single_sentence(settings_.single_sentence);
  if (settings_.text.ByteSizeLong() > 0) {
    *request.mutable_text_options() = settings_.text;
  }
  request.set_source_language(settings_.source_language);
  request.set_target_language(settings_.target_language);
  request.set_priority(settings_.priority);
  request.set_no_cache(settings_.no_cache);
  if (options_.text_timeout != absl::InfiniteDuration()) {
    *request.mutable_timeout() = ToProto(options_.text_timeout);
  }
  request.set_return_stable_text(options_.on_beginning != nullptr);
  request.mutable_text()->set_text(std::move(outgoing.text));
  *request.mutable_text()->mutable_options() = settings_.decoding;
  return request;
}

}  // namespace peregrine::client
