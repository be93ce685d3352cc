#include "server/worker.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "server/errors.h"
#include "server/sentence_group.h"

namespace peregrine::server {

void Refuse(const Sentence& sentence, absl::Status status,
            ModelMetrics& metrics) {
  metrics.sentences.Add(status.code());
  sentence.group->Answer(sentence.index, std::move(status));
}

Worker::Worker(const AdmissionPolicy& policy, DecodeSession& session,
               ModelMetrics& metrics)
    : policy_(policy), session_(session), metrics_(metrics) {}

bool Worker::WantsAdmission(const QueueLoad& load, absl::Time now) const {
  if (load.sentences == 0) return false;
  if (idle() || now - last_admission_ >= policy_.max_wait) return true;
  // What of the queue would fit, if it is all alike.
  const decode::Room room = session_.room();
  const double share =
      std::min(1.0, static_cast<double>(room.rows) / load.rows);
  const double tokens =
      std::min<double>(load.source_tokens * share, room.source_tokens);
  return tokens >= policy_.min_tokens;
}

TokenBudget Worker::Budget(const QueueLoad& load, int idle_workers) const {
  const decode::Room room = session_.room();
  TokenBudget budget;
  budget.rows = room.rows;
  budget.source_tokens = room.source_tokens;
  const int share = load.source_tokens / (idle_workers + 1) + 1;
  budget.admission_tokens = std::min(policy_.max_tokens, share);
  return budget;
}

void Worker::Admit(std::vector<Sentence> sentences, absl::Time now) {
  std::vector<decode::SentenceInput> inputs;
  int tokens = 0;
  for (Sentence& sentence : sentences) {
    decode::SentenceInput input;
    input.id = next_id_++;
    input.source = std::move(sentence.source);
    input.options = sentence.options;
    // The service has checked it all; should it not have, one sentence fails
    // and not the server.
    if (absl::Status status = session_.Validate(input); !status.ok()) {
      Refuse(sentence, std::move(status), metrics_);
      continue;
    }
    live_[input.id] = {sentence.group, sentence.index, sentence.deadline,
                       std::max(now - sentence.arrival, absl::ZeroDuration()),
                       now};
    tokens += static_cast<int>(input.source.size());
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) return;
  metrics_.admission_tokens.Observe(tokens);
  session_.Admit(inputs);
}

void Worker::Step(absl::Time now) {
  DropUnwanted(now);
  if (idle()) return;
  metrics_.step_rows.Observe(session_.live_rows());
  std::vector<decode::SentenceOutput> finished = session_.Step();
  if (absl::Status status = session_.status(); !status.ok()) {
    FailAll(DeviceFailedError(status));
    return;
  }
  for (decode::SentenceOutput& output : finished) {
    Finish(std::move(output), now);
  }
}

void Worker::FailAll(const absl::Status& status) {
  for (const auto& [id, live] : live_) {
    metrics_.sentences.Add(status.code());
    live.group->Answer(live.index, status);
  }
  live_.clear();
}

void Worker::AddServiceTime(const LiveSentence& live, absl::Time now) {
  service_times_.sentences += 1;
  service_times_.total += now - live.admitted;
}

Worker::ServiceTimes Worker::TakeServiceTimes() {
  return std::exchange(service_times_, {});
}

void Worker::DropUnwanted(absl::Time now) {
  for (auto it = live_.begin(); it != live_.end();) {
    const LiveSentence& live = it->second;
    const bool expired = live.deadline <= now;
    if (!expired && !live.group->abandoned()) {
      ++it;
      continue;
    }
    if (expired) AddServiceTime(live, now);
    PEREGRINE_CHECK(session_.Cancel(it->first)) << "not live: " << it->first;
    absl::Status status =
        expired ? DeadlinePassedError() : CallCancelledError();
    metrics_.sentences.Add(status.code());
    live.group->Answer(live.index, std::move(status));
    it = live_.erase(it);
  }
}

void Worker::Finish(decode::SentenceOutput output, absl::Time now) {
  const auto it = live_.find(output.id);
  PEREGRINE_CHECK(it != live_.end()) << "not live: " << output.id;
  const LiveSentence live = it->second;
  live_.erase(it);
  AddServiceTime(live, now);

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
