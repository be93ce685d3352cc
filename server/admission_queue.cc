#include "server/admission_queue.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/sentence_group.h"

namespace peregrine::server {
namespace {

// Sentences that TakeAlike may pass over because they do not fit. Bounds the
// time under the lock.
constexpr int kMaxPassedOver = 32;

// One client fills at most 8/9 of the queue, two 16/17 together, and so on.
constexpr int64_t kShareOfFree = 8;

constexpr absl::Duration kMinRetryDelay = absl::Milliseconds(50);
constexpr absl::Duration kMaxRetryDelay = absl::Seconds(10);

QueueLoad LoadOf(const std::vector<Sentence>& sentences) {
  QueueLoad load;
  for (const Sentence& sentence : sentences) {
    load.sentences += 1;
    load.rows += sentence.rows();
    load.source_tokens += sentence.source_tokens;
  }
  return load;
}

// What is left of a budget while sentences are chosen.
class Remaining {
 public:
  Remaining(const TokenBudget& budget, const Taken& taken)
      : rows_(budget.rows),
        source_tokens_(budget.source_tokens),
        admission_tokens_(budget.admission_tokens),
        empty_(true) {
    for (const Sentence& sentence : taken.sentences) Use(sentence);
  }

  // The one that exceeds admission_tokens must be alone.
  bool TokensFit(int source_tokens) const {
    return source_tokens <= source_tokens_ &&
           (empty_ || source_tokens <= admission_tokens_);
  }
  bool Fits(const Sentence& sentence) const {
    return sentence.rows() <= rows_ && TokensFit(sentence.source_tokens);
  }
  bool exhausted() const {
    return rows_ <= 0 || source_tokens_ <= 0 ||
           (!empty_ && admission_tokens_ <= 0);
  }
  void Use(const Sentence& sentence) {
    rows_ -= sentence.rows();
    source_tokens_ -= sentence.source_tokens;
    admission_tokens_ -= sentence.source_tokens;
    empty_ = false;
  }

 private:
  int rows_;
  int source_tokens_;
  int admission_tokens_;
  bool empty_;
};

}  // namespace

AdmissionQueue::AdmissionQueue(const AdmissionOptions& options)
    : options_(options), estimator_(options.num_workers) {}

absl::Status AdmissionQueue::Push(std::vector<Sentence> sentences,
                                  absl::Time now) {
  const QueueLoad more = LoadOf(sentences);
  PEREGRINE_RETURN_IF_ERROR(CheckCapacity(sentences[0].flow, more, now));
  PEREGRINE_RETURN_IF_ERROR(CheckDeadlines(sentences, more, now));
  for (Sentence& sentence : sentences) {
    const Place place(order_.Join(sentence.flow, sentence.source_tokens),
                      next_sequence_++);
    sentence.arrival = now;
    by_length_[sentence.source_tokens].insert(place);
    by_arrival_.emplace(now, place);
    if (sentence.deadline < absl::InfiniteFuture()) {
      by_deadline_.emplace(sentence.deadline, place);
    }
    sentences_.emplace(place, std::move(sentence));
  }
  load_.sentences += more.sentences;
  load_.rows += more.rows;
  load_.source_tokens += more.source_tokens;
  return absl::OkStatus();
}

absl::Status AdmissionQueue::CheckOpen(const Flow& flow, absl::Time now) const {
  return CheckCapacity(flow, {1, 1, 1}, now);
}

bool AdmissionQueue::FitsShare(const Flow& flow, const QueueLoad& more) const {
  if (!flow.known || empty()) return true;
  const FairOrder::Queued own = order_.OfFlow(flow.id);
  const int free_sentences =
      options_.max_sentences - load_.sentences - more.sentences;
  const int free_tokens =
      options_.max_source_tokens - load_.source_tokens - more.source_tokens;
  return own.sentences + more.sentences <= kShareOfFree * free_sentences &&
         own.tokens + more.source_tokens <= kShareOfFree * free_tokens;
}

absl::Status AdmissionQueue::CheckCapacity(const Flow& flow,
                                           const QueueLoad& more,
                                           absl::Time now) const {
  if (more.sentences > options_.max_sentences ||
      more.source_tokens > options_.max_source_tokens) {
    return InvalidFieldsError(
        {{"request",
          absl::StrCat("found ", more.sentences, " sentences of ",
                       more.source_tokens, " tokens, allowed at once ",
                       options_.max_sentences, " and ",
                       options_.max_source_tokens)}});
  }
  if (load_.sentences + more.sentences <= options_.max_sentences &&
      load_.source_tokens + more.source_tokens <= options_.max_source_tokens &&
      FitsShare(flow, more)) {
    return absl::OkStatus();
  }
  // Half the queue: by then there is room, and not all come back at once.
  const absl::Duration delay =
      std::clamp(estimator_.Estimate(load_.source_tokens / 2, now),
                 kMinRetryDelay, kMaxRetryDelay);
  return QueueFullError(
      absl::StrCat("the queue is full: ", load_.sentences, " sentences of ",
                   load_.source_tokens, " tokens wait, allowed ",
                   options_.max_sentences, " and ", options_.max_source_tokens),
      delay);
}

absl::Status AdmissionQueue::CheckDeadlines(
    const std::vector<Sentence>& sentences, const QueueLoad& more,
    absl::Time now) const {
  absl::Duration wait = estimator_.Estimate(
      order_.TokensBefore(sentences[0].flow, more.source_tokens) +
          more.source_tokens,
      now);
  // Without a queue it would be refused for what it shared a batch with before.
  if (!empty()) wait += estimator_.EstimateService(now);
  for (const Sentence& sentence : sentences) {
    if (sentence.deadline <= now) return DeadlinePassedError();
    if (now + wait > sentence.deadline) {
      return DeadlineTooShortError(wait, sentence.deadline - now);
    }
  }
  return absl::OkStatus();
}

Taken AdmissionQueue::Take(const TokenBudget& budget, absl::Time now) {
  Taken taken;
  RefuseExpired(now, taken.refusals);
  if (TakeOverdue(budget, now, taken)) TakeAlike(budget, taken);
  for (const Sentence& sentence : taken.sentences) {
    taken.source_tokens += sentence.source_tokens;
  }
  return taken;
}

void AdmissionQueue::RefuseExpired(absl::Time now,
                                   std::vector<Refusal>& refusals) {
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    refusals.push_back(
        {Remove(by_deadline_.begin()->second), DeadlinePassedError()});
  }
}

bool AdmissionQueue::TakeOverdue(const TokenBudget& budget, absl::Time now,
                                 Taken& taken) {
  Remaining remaining(budget, taken);
  while (!empty() &&
         now - sentences_.begin()->second.arrival > options_.max_age) {
    const auto& [place, first] = *sentences_.begin();
    if (first.group->abandoned()) {
      taken.refusals.push_back({Remove(place), CallCancelledError()});
      continue;
    }
    if (!remaining.Fits(first)) return false;
    remaining.Use(first);
    order_.AdvanceTo(place.first);
    taken.sentences.push_back(Remove(place));
  }
  return true;
}

void AdmissionQueue::TakeAlike(const TokenBudget& budget, Taken& taken) {
  if (empty()) return;
  Remaining remaining(budget, taken);
  order_.AdvanceTo(sentences_.begin()->first.first);
  std::vector<Place> chosen, abandoned;
  int passed_over = 0;
  const auto choose_from = [&](const std::set<Place>& equals) {
    for (const Place& place : equals) {
      const Sentence& sentence = sentences_.find(place)->second;
      if (sentence.group->abandoned()) {
        abandoned.push_back(place);
      } else if (remaining.Fits(sentence)) {
        remaining.Use(sentence);
        chosen.push_back(place);
      } else if (++passed_over > kMaxPassedOver) {
        return;
      }
    }
  };

  // Two ends move away from the first one's length, the closer one first.
  const int length = sentences_.begin()->second.source_tokens;
  auto longer = by_length_.lower_bound(length);
  auto shorter = longer;  // the next candidates stand before it
  while (!remaining.exhausted() && passed_over <= kMaxPassedOver) {
    const bool has_longer =
        longer != by_length_.end() && remaining.TokensFit(longer->first);
    const bool has_shorter = shorter != by_length_.begin();
    if (!has_longer && !has_shorter) break;
    if (has_longer &&
        (!has_shorter ||
         longer->first - length <= length - std::prev(shorter)->first)) {
      choose_from((longer++)->second);
    } else if (remaining.TokensFit((--shorter)->first)) {
      choose_from(shorter->second);
    }
  }

  for (const Place& place : chosen) taken.sentences.push_back(Remove(place));
  for (const Place& place : abandoned) {
    taken.refusals.push_back({Remove(place), CallCancelledError()});
  }
}

std::vector<Refusal> AdmissionQueue::RemoveAbandoned() {
  std::vector<Refusal> refusals;
  for (auto it = sentences_.begin(); it != sentences_.end();) {
    const auto& [place, sentence] = *it++;
    if (sentence.group->abandoned()) {
      refusals.push_back({Remove(place), CallCancelledError()});
    }
  }
  return refusals;
}

std::vector<Refusal> AdmissionQueue::RefuseAll(const absl::Status& status) {
  std::vector<Refusal> refusals;
  while (!empty()) {
    refusals.push_back({Remove(sentences_.begin()->first), status});
  }
  return refusals;
}

void AdmissionQueue::ObserveBacklog(int tokens, absl::Duration busy,
                                    absl::Time now) {
  estimator_.Observe(tokens, busy, now);
}

void AdmissionQueue::ObserveService(int sentences, absl::Duration total,
                                    absl::Time now) {
  estimator_.ObserveService(sentences, total, now);
}

absl::Duration AdmissionQueue::OldestAge(absl::Time now) const {
  return empty() ? absl::ZeroDuration() : now - by_arrival_.begin()->first;
}

Sentence AdmissionQueue::Remove(Place place) {
  const auto it = sentences_.find(place);
  PEREGRINE_CHECK(it != sentences_.end());
  Sentence sentence = std::move(it->second);
  sentences_.erase(it);
  const auto equals = by_length_.find(sentence.source_tokens);
  equals->second.erase(place);
  if (equals->second.empty()) by_length_.erase(equals);
  by_deadline_.erase({sentence.deadline, place});
  by_arrival_.erase({sentence.arrival, place});
  order_.Leave(sentence.flow.id, sentence.source_tokens);
  load_.sentences -= 1;
  load_.rows -= sentence.rows();
  load_.source_tokens -= sentence.source_tokens;
  return sentence;
}

}  // namespace peregrine::server
