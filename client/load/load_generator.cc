#include "client/load/load_generator.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "client/rpc_status.h"
#include "grpcpp/client_context.h"

namespace peregrine::client {
namespace {

constexpr absl::Duration kProgressInterval = absl::Milliseconds(250);

// Of a sender of a closed loop after a failure, where the server names none.
constexpr absl::Duration kPauseAfterFailure = absl::Milliseconds(100);

std::unique_ptr<LoadSchedule> MakeSchedule(const LoadOptions& options,
                                           absl::Time start) {
  if (options.rate > 0) {
    return std::make_unique<OpenLoop>(options.rate, options.arrivals, start,
                                      options.seed);
  }
  return std::make_unique<ClosedLoop>(options.concurrency, start);
}

// Texts of a request are worked on side by side: the one that took longest
// says where the time went.
void AddCosts(const v1::TranslateResponse& response, RequestOutcome* outcome) {
  absl::Duration longest = -absl::InfiniteDuration();
  for (const v1::Translation& translation : response.translations()) {
    const v1::Cost& cost = translation.cost();
    outcome->counts.sentences += cost.sentences();
    outcome->counts.source_tokens += cost.source_tokens();
    outcome->counts.target_tokens += cost.target_tokens();
    const absl::Duration queue = ToDuration(cost.queue());
    const absl::Duration encode = ToDuration(cost.encode());
    const absl::Duration decode = ToDuration(cost.decode());
    if (queue + encode + decode <= longest) continue;
    longest = queue + encode + decode;
    outcome->queue = queue;
    outcome->encode = encode;
    outcome->decode = decode;
  }
}

}  // namespace

struct LoadGenerator::Call {
  absl::Time due;
  absl::Time sent;
  int source_words = 0;
  grpc::ClientContext context;
  std::unique_ptr<
      grpc::ClientAsyncResponseReaderInterface<v1::TranslateResponse>>
      reader;
  v1::TranslateResponse response;
  grpc::Status status;
};

LoadGenerator::LoadGenerator(Stubs stubs, LoadTexts* texts,
                             const LoadOptions& options)
    : stubs_(std::move(stubs)),
      texts_(texts),
      options_(options),
      start_(absl::Now()),
      end_(start_ + options.warm_up + options.duration),
      schedule_(MakeSchedule(options, start_)),
      recorder_(start_ + options.warm_up, end_, options.num_windows),
      last_progress_(start_) {}

LoadRecorder LoadGenerator::Run(
    const std::function<void(const LoadProgress&)>& observe) {
  std::thread sender([this] { SendUntilEnd(); });
  std::thread receiver([this] { ReceiveUntilShutdown(); });
  Observe(observe);
  sender.join();
  AwaitAnswers();
  answers_.Shutdown();
  receiver.join();
  absl::MutexLock lock(&mutex_);
  return recorder_;
}

void LoadGenerator::SendUntilEnd() {
  while (true) {
    absl::Time due;
    {
      absl::MutexLock lock(&mutex_);
      if (!AwaitDue(&due)) break;
      schedule_->Sent();
      if (calls_.size() >= static_cast<std::size_t>(options_.max_in_flight)) {
        recorder_.RecordUnsent(due);
        continue;
      }
    }
    Send(due);
  }
  absl::MutexLock lock(&mutex_);
  all_sent_ = true;
}

bool LoadGenerator::AwaitDue(absl::Time* due) {
  while (true) {
    *due = schedule_->next();
    const absl::Time wake = std::min(*due, end_);
    if (absl::Now() >= wake) return *due < end_;
    sooner_.WaitWithDeadline(&mutex_, wake);
  }
}

void LoadGenerator::Send(absl::Time due) {
  Call* const call = new Call;
  call->due = due;
  v1::TranslateRequest request;
  request.set_model(options_.settings.model);
  request.set_single_sentence(options_.settings.single_sentence);
  request.set_source_language(options_.settings.source_language);
  request.set_target_language(options_.settings.target_language);
  request.set_priority(options_.settings.priority);
  request.set_no_cache(options_.settings.no_cache);
  *request.mutable_options() = options_.settings.decoding;
  for (int i = 0; i < options_.texts_per_request; ++i) {
    std::string* text = request.add_texts()->mutable_text();
    *text = texts_->Next();
    call->source_words += CountWords(*text);
  }
  {
    absl::MutexLock lock(&mutex_);
    calls_.insert(call);
  }
  next_stub_ = (next_stub_ + 1) % stubs_.size();
  call->sent = absl::Now();
  if (options_.deadline != absl::InfiniteDuration()) {
    call->context.set_deadline(
        absl::ToChronoTime(call->sent + options_.deadline));
  }
  call->reader =
      stubs_[next_stub_]->AsyncTranslate(&call->context, request, &answers_);
  call->reader->Finish(&call->response, &call->status, call);
}

void LoadGenerator::ReceiveUntilShutdown() {
  void* tag = nullptr;
  bool ok = false;  // always true of unary calls
  while (answers_.Next(&tag, &ok)) Finish(static_cast<Call*>(tag));
}

void LoadGenerator::Finish(Call* call) {
  const grpc::Status& status = call->status;
  RequestOutcome outcome;
  outcome.due = call->due;
  outcome.sent = call->sent;
  outcome.done = absl::Now();
  outcome.code = static_cast<absl::StatusCode>(status.error_code());
  outcome.counts.requests = 1;
  outcome.counts.source_words = call->source_words;
  absl::Duration pause;
  if (status.ok()) {
    AddCosts(call->response, &outcome);
  } else {
    pause = RetryDelay(status).value_or(kPauseAfterFailure);
  }
  {
    absl::MutexLock lock(&mutex_);
    recorder_.Record(outcome);
    const absl::Time next = schedule_->next();
    schedule_->Answered(outcome.done + pause);
    if (schedule_->next() < next) sooner_.Signal();
    calls_.erase(call);
    if (status.ok()) {
      ++progress_.answered;
      progress_.latency.Add(outcome.done - outcome.due);
    } else {
      ++progress_.failed;
    }
  }
  delete call;
}

LoadProgress LoadGenerator::TakeProgress() {
  const absl::Time now = absl::Now();
  LoadProgress progress = std::exchange(progress_, LoadProgress());
  progress_.failed = progress.failed;
  progress.elapsed = now - start_;
  progress.interval = now - last_progress_;
  progress.in_flight = static_cast<int>(calls_.size());
  last_progress_ = now;
  return progress;
}

void LoadGenerator::Observe(
    const std::function<void(const LoadProgress&)>& observe) {
  while (true) {
    LoadProgress progress;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&all_sent_), kProgressInterval);
      if (all_sent_) return;
      progress = TakeProgress();
    }
    observe(progress);
  }
}

void LoadGenerator::AwaitAnswers() {
  absl::MutexLock lock(&mutex_);
  const auto none =
      +[](absl::flat_hash_set<Call*>* calls) { return calls->empty(); };
  const absl::Condition no_calls(none, &calls_);
  if (mutex_.AwaitWithTimeout(no_calls, options_.drain_timeout)) return;
  for (Call* call : calls_) call->context.TryCancel();
  mutex_.Await(no_calls);
}

}  // namespace peregrine::client
