#include "server/scheduling/worker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "server/errors.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

// Of the steps that an overlong sentence took, as many more are expected.
constexpr double kLongTail = 0.25;

}  // namespace

void Refuse(const Sentence& sentence, absl::Status status,
            ModelMetrics& metrics) {
  metrics.sentences.Add(status.code());
  sentence.group->Answer(sentence.index, std::move(status));
}

Worker::Worker(const AdmissionPolicy& policy, DecodeSession& session,
               ModelMetrics& metrics)
    : policy_(policy), session_(session), metrics_(metrics) {}

TokenBudget Worker::Budget(const QueueLoad& load, int idle_workers,
                           const ServiceEstimator& service,
                           absl::Time now) const {
  const decode::Room room = session_.room();
  TokenBudget budget;
  budget.rows = room.rows;
  budget.source_tokens = room.source_tokens;
  const int share = load.source_tokens / (idle_workers + 1) + 1;
  budget.admission_tokens = std::min(policy_.max_tokens, share);
  budget.live_rows = session_.live_rows();
  budget.max_live_rows = MaxLiveRows(service, now);
  return budget;
}

bool Worker::WantsAdmission(const QueueLoad& load, const TokenBudget& budget,
                            absl::Time now) const {
  if (load.sentences == 0) return false;
  if (idle() || now - last_admission_ >= policy_.max_wait) return true;
  // What of the queue would fit, if it is all alike.
  const double rows =
      std::min<double>(budget.rows, budget.max_live_rows - budget.live_rows);
  const double share = std::clamp(rows / load.rows, 0.0, 1.0);
  const double tokens =
      std::min<double>(load.source_tokens * share, budget.source_tokens);
  return tokens >= policy_.min_tokens;
}

double Worker::StepsLeft(const LiveSentence& live,
                         const ServiceEstimator& service) const {
  const int done = StepsOf(live);
  // One that takes longer than most may take longer still.
  const double left =
      std::max(service.Steps(live.source_length, live.max_steps) - done,
               kLongTail * done);
  return std::max(1.0, std::min<double>(left, live.max_steps - done));
}

double Worker::MaxLiveRows(const ServiceEstimator& service,
                           absl::Time now) const {
  double max_rows = std::numeric_limits<double>::infinity();
  for (const auto& [id, live] : live_) {
    if (live.deadline == absl::InfiniteFuture()) continue;
    const double rows = service.MaxRows(StepsLeft(live, service),
                                        kPlannedShare * (live.deadline - now));
    // For one that is lost nobody else need stand back.
    if (rows >= live.rows) max_rows = std::min(max_rows, rows);
  }
  return std::max(max_rows, service.MinEfficientRows());
}

void Worker::Admit(std::vector<Sentence> sentences, absl::Time now) {
  std::vector<decode::SentenceInput> inputs;
  int tokens = 0;
  for (Sentence& sentence : sentences) {
    LiveSentence live;
    live.max_steps = sentence.max_steps();
    live.rows = sentence.rows();
    decode::SentenceInput input;
    input.id = next_id_++;
    input.source = std::move(sentence.source);
    input.options = std::move(sentence.options);
    input.target = std::move(sentence.target);
    input.keep_source = sentence.keep_source;
    // The service has checked it all; should it not have, one sentence fails
    // and not the server.
    if (absl::Status status = session_.Validate(input); !status.ok()) {
      Refuse(sentence, std::move(status), metrics_);
      continue;
    }
    live.group = sentence.group;
    live.index = sentence.index;
    live.deadline = sentence.deadline;
    live.queue_time = std::max(now - sentence.arrival, absl::ZeroDuration());
    live.source_length = static_cast<int>(input.source.size());
    live.is_given = input.target.has_value();
    live.streams = input.options.stream;
    live.first_step = step_;
    live_[input.id] = live;
    tokens += live.source_length;
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) return;
  metrics_.admission_tokens.Observe(tokens);
  session_.Admit(inputs);
}

void Worker::Step(absl::Time now) {
  DropUnwanted(now);
  if (idle()) return;
  turn_.rows = session_.live_rows();
  metrics_.step_rows.Observe(turn_.rows);
  ++step_;
  std::vector<decode::SentenceOutput> finished = session_.Step();
  if (absl::Status status = session_.status(); !status.ok()) {
    FailAll(DeviceFailedError(status));
    return;
  }
  for (decode::SentenceOutput& output : finished) Finish(std::move(output));
  TellStable();
}

void Worker::TellStable() {
  const bool any = std::any_of(live_.begin(), live_.end(), [](const auto& one) {
    return one.second.streams;
  });
  if (!any) return;
  for (const decode::StableTokens& stable : session_.TakeStable()) {
    const LiveSentence& live = live_.at(stable.id);
    live.group->TellStable(live.index, stable.tokens);
  }
}

void Worker::FailAll(const absl::Status& status) {
  for (const auto& [id, live] : live_) {
    metrics_.sentences.Add(status.code());
    live.group->Answer(live.index, status);
  }
  live_.clear();
}

Worker::Turn Worker::TakeTurn() { return std::exchange(turn_, {}); }

void Worker::DropUnwanted(absl::Time now) {
  for (auto it = live_.begin(); it != live_.end();) {
    const LiveSentence& live = it->second;
    const bool expired = live.deadline <= now;
    if (!expired && !live.group->abandoned()) {
      ++it;
      continue;
    }
    PEREGRINE_CHECK(session_.Cancel(it->first)) << "not live: " << it->first;
    absl::Status status =
        expired ? DeadlinePassedError() : CallCancelledError();
    metrics_.sentences.Add(status.code());
    live.group->Answer(live.index, std::move(status));
    it = live_.erase(it);
  }
}

void Worker::Finish(decode::SentenceOutput output) {
  const auto it = live_.find(output.id);
  PEREGRINE_CHECK(it != live_.end()) << "not live: " << output.id;
  const LiveSentence live = it->second;
  live_.erase(it);
  // How many steps a search takes, a translation that is given does not tell.
  if (!live.is_given) {
    turn_.finished.push_back({live.source_length, StepsOf(live)});
  }
  if (!output.status.ok()) {
    metrics_.sentences.Add(output.status.code());
    live.group->Answer(live.index, std::move(output.status));
    return;
  }

  const int target_tokens =
      static_cast<int>(output.hypotheses[0].tokens.size());
  metrics_.sentences.Add(absl::StatusCode::kOk);
  metrics_.queue_seconds.Observe(absl::ToDoubleSeconds(live.queue_time));
  metrics_.encode_seconds.Observe(absl::ToDoubleSeconds(output.encode_time));
  metrics_.decode_seconds.Observe(absl::ToDoubleSeconds(output.decode_time));
  // The end symbol is a step too.
  metrics_.output_token_seconds.Observe(
      absl::ToDoubleSeconds(output.decode_time) / (target_tokens + 1));
  metrics_.source_tokens.Add(output.source_tokens);
  metrics_.target_tokens.Add(target_tokens);

  SentenceAnswer answer;
  answer.hypotheses = std::move(output.hypotheses);
  answer.source_tokens = output.source_tokens;
  answer.queue_time = live.queue_time;
  answer.encode_time = output.encode_time;
  answer.decode_time = output.decode_time;
  live.group->Answer(live.index, std::move(answer));
}

}  // namespace peregrine::server
