#include "server/scheduling/admission_queue.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

// Sentences that TakeAlike may pass over because they do not fit. Bounds the
// time under the lock.
constexpr int kMaxPassedOver = 32;

// One client fills at most 8/9 of the queue, two 16/17 together, and so on.
constexpr int64_t kShareOfFree = 8;

// Of the time until its deadline, what a sentence may wait in the queue, unless
// the rest is enough even in a full session.
constexpr double kMaxWaitShare = 0.25;

// And after which share of it nothing overtakes it any more.
constexpr double kMaxAgeShare = 0.125;

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

absl::Duration DelayOf(absl::Duration wait) {
  return std::clamp(wait, kMinRetryDelay, kMaxRetryDelay);
}

}  // namespace

AdmissionQueue::AdmissionQueue(const AdmissionOptions& options)
    : options_(options), wait_(options.num_workers) {}

absl::Status AdmissionQueue::Push(std::vector<Sentence> sentences,
                                  absl::Time now, int idle_workers) {
  const QueueLoad more = LoadOf(sentences);
  const SentenceTerms terms = {sentences[0].deadline, sentences[0].flow};
  PEREGRINE_RETURN_IF_ERROR(CheckCapacity(terms.flow, more, now));
  for (const Sentence& sentence : sentences) {
    service_.ObserveArrival(static_cast<int>(sentence.source.size()));
  }
  if (terms.deadline <= now) return DeadlinePassedError();
  // The last one waits for the others, but not for itself: a long sentence is
  // to be as welcome as a short one.
  const absl::Duration left = terms.deadline - now;
  const int tokens = more.source_tokens - sentences.back().source_tokens;
  ObserveDeadline(sentences, left);
  const absl::Duration own_wait = wait_.Estimate(tokens, now);
  if (own_wait > left) return DeadlineTooShortError(own_wait, left);
  if (!empty() || idle_workers == 0) {
    const absl::Duration wait = Wait(terms.flow, tokens, now);
    PEREGRINE_RETURN_IF_ERROR(CheckWait(left, wait));
    PEREGRINE_RETURN_IF_ERROR(CheckService(sentences, wait, now));
  }
  for (Sentence& sentence : sentences) {
    const Place place(order_.Join(sentence.flow, sentence.source_tokens),
                      next_sequence_++);
    sentence.arrival = now;
    by_length_[sentence.source_tokens].insert(place);
    by_arrival_.emplace(now, place);
    if (sentence.deadline < absl::InfiniteFuture()) {
      by_deadline_.emplace(sentence.deadline, place);
    }
    GroupPlaces& group = by_group_[sentence.group->id()];
    group.pushed.push_back(place);
    ++group.left;
    sentences_.emplace(place, std::move(sentence));
  }
  load_.sentences += more.sentences;
  load_.rows += more.rows;
  load_.source_tokens += more.source_tokens;
  return absl::OkStatus();
}

absl::Status AdmissionQueue::CheckOpen(const SentenceTerms& terms,
                                       absl::Time now, int idle_workers) const {
  PEREGRINE_RETURN_IF_ERROR(CheckCapacity(terms.flow, {1, 1, 1}, now));
  if (empty() && idle_workers > 0) return absl::OkStatus();
  return CheckWait(terms.deadline - now, Wait(terms.flow, 0, now));
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
  return QueueFullError(
      absl::StrCat("the queue is full: ", load_.sentences, " sentences of ",
                   load_.source_tokens, " tokens wait, allowed ",
                   options_.max_sentences, " and ", options_.max_source_tokens),
      DelayOf(wait_.Estimate(load_.source_tokens / 2, now)));
}

absl::Duration AdmissionQueue::Wait(const Flow& flow, int tokens,
                                    absl::Time now) const {
  return wait_.Estimate(order_.TokensBefore(flow, tokens) + tokens, now);
}

// The less time is left for the session, the fewer sentences can be in it, and
// the less the worker gets done: a wait that takes all there is feeds itself.
absl::Status AdmissionQueue::CheckWait(absl::Duration left,
                                       absl::Duration wait) const {
  const absl::Duration allowed =
      std::max(kMaxWaitShare * left,
               kPlannedShare * left - service_.Time(service_.StepsOfLong(),
                                                    options_.max_batch_rows));
  if (wait <= allowed) return absl::OkStatus();
  return QueueTooLongError(wait, left, DelayOf(wait - allowed));
}

absl::Status AdmissionQueue::CheckService(
    const std::vector<Sentence>& sentences, absl::Duration wait,
    absl::Time now) const {
  const absl::Duration left = sentences[0].deadline - now;
  const absl::Duration alone = TimeAlone(sentences);
  const absl::Duration planned = kPlannedShare * left;
  if (alone > planned) return DeadlineTooShortError(alone, left);
  if (wait + alone <= planned) return absl::OkStatus();
  return QueueTooLongError(wait + alone, left, DelayOf(wait + alone - planned));
}

void AdmissionQueue::ObserveDeadline(const std::vector<Sentence>& sentences,
                                     absl::Duration left) {
  if (left == absl::InfiniteDuration()) return;
  if (TimeAlone(sentences) <= kPlannedShare * left) {
    service_.ObserveDeadline(left);
  }
}

absl::Duration AdmissionQueue::TimeAlone(
    const std::vector<Sentence>& sentences) const {
  absl::Duration longest;
  for (const Sentence& sentence : sentences) {
    longest =
        std::max(longest, service_.Time(StepsOf(sentence), sentence.rows()));
  }
  return longest;
}

double AdmissionQueue::StepsOf(const Sentence& sentence) const {
  return service_.Steps(static_cast<int>(sentence.source.size()),
                        sentence.max_steps());
}

Taken AdmissionQueue::Take(const TokenBudget& budget, absl::Time now) {
  Taken taken;
  RefuseExpired(now, taken.refusals);
  SessionPlan plan(budget, service_, now);
  if (TakeOverdue(plan, now, taken)) TakeAlike(plan, now, taken);
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

bool AdmissionQueue::IsOverdue(const Sentence& sentence, absl::Time now) const {
  return now - sentence.arrival >
         std::min(options_.max_age,
                  kMaxAgeShare * (sentence.deadline - sentence.arrival));
}

bool AdmissionQueue::TakeOverdue(SessionPlan& plan, absl::Time now,
                                 Taken& taken) {
  while (!empty() && IsOverdue(sentences_.begin()->second, now)) {
    const auto& [place, first] = *sentences_.begin();
    if (first.group->abandoned()) {
      taken.refusals.push_back({Remove(place), CallCancelledError()});
    } else if (plan.Fits(first)) {
      plan.Use(first);
      order_.AdvanceTo(place.first);
      taken.sentences.push_back(Remove(place));
    } else if (plan.CanFinish(first) && plan.IsWorthWaitingFor(first)) {
      return false;
    } else {
      absl::Status status = Hopeless(first, now);
      taken.refusals.push_back({Remove(place), std::move(status)});
    }
  }
  return true;
}

// The load is at fault, and not the deadline: it was long enough at first.
absl::Status AdmissionQueue::Hopeless(const Sentence& sentence,
                                      absl::Time now) const {
  const absl::Duration alone =
      service_.Time(StepsOf(sentence), sentence.rows());
  return QueueFullError(
      absl::StrCat("no room in time: expected to take ",
                   absl::ToInt64Milliseconds(alone),
                   " ms alone, the deadline leaves ",
                   absl::ToInt64Milliseconds(sentence.deadline - now),
                   " ms beside others"),
      kMinRetryDelay);
}

void AdmissionQueue::TakeAlike(SessionPlan& plan, absl::Time now,
                               Taken& taken) {
  if (empty()) return;
  order_.AdvanceTo(sentences_.begin()->first.first);
  std::vector<Place> chosen, abandoned, hopeless;
  int passed_over = 0;
  const auto choose_from = [&](const std::set<Place>& equals) {
    for (const Place& place : equals) {
      const Sentence& sentence = sentences_.find(place)->second;
      if (sentence.group->abandoned()) {
        abandoned.push_back(place);
      } else if (plan.Fits(sentence)) {
        plan.Use(sentence);
        chosen.push_back(place);
      } else if (!plan.CanFinish(sentence)) {
        hopeless.push_back(place);
      } else if (++passed_over > kMaxPassedOver) {
        return;
      }
    }
  };

  // Two ends move away from the first one's length, the closer one first.
  const int length = sentences_.begin()->second.source_tokens;
  auto longer = by_length_.lower_bound(length);
  auto shorter = longer;  // the next candidates stand before it
  while (!plan.exhausted() && passed_over <= kMaxPassedOver) {
    const bool has_longer =
        longer != by_length_.end() && plan.TokensFit(longer->first);
    const bool has_shorter = shorter != by_length_.begin();
    if (!has_longer && !has_shorter) break;
    if (has_longer &&
        (!has_shorter ||
         longer->first - length <= length - std::prev(shorter)->first)) {
      choose_from((longer++)->second);
    } else if (plan.TokensFit((--shorter)->first)) {
      choose_from(shorter->second);
    }
  }

  for (const Place& place : chosen) taken.sentences.push_back(Remove(place));
  for (const Place& place : abandoned) {
    taken.refusals.push_back({Remove(place), CallCancelledError()});
  }
  for (const Place& place : hopeless) {
    Sentence sentence = Remove(place);
    absl::Status status = Hopeless(sentence, now);
    taken.refusals.push_back({std::move(sentence), std::move(status)});
  }
}

std::vector<Refusal> AdmissionQueue::RemoveGroup(uint64_t group) {
  std::vector<Refusal> refusals;
  const auto found = by_group_.find(group);
  if (found == by_group_.end()) return refusals;
  const std::vector<Place> pushed = std::move(found->second.pushed);
  for (const Place& place : pushed) {
    if (sentences_.count(place) == 0) continue;
    refusals.push_back({Remove(place), CallCancelledError()});
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
  wait_.Observe(tokens, busy, now);
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
  const auto group = by_group_.find(sentence.group->id());
  if (--group->second.left == 0) by_group_.erase(group);
  order_.Leave(sentence.flow.id, sentence.source_tokens);
  load_.sentences -= 1;
  load_.rows -= sentence.rows();
  load_.source_tokens -= sentence.source_tokens;
  return sentence;
}

}  // namespace peregrine::server
