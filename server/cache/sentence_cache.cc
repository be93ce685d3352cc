#include "server/cache/sentence_cache.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/check.h"
#include "server/cache/sentence_key.h"
#include "server/errors.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

// Of an entry beside its key and answer: nodes of list and table, counts.
constexpr int64_t kEntryBytes = 256;

int64_t BytesOf(const SentenceAnswer& answer) {
  int64_t bytes = sizeof(SentenceAnswer);
  for (const decode::Hypothesis& hypothesis : answer.hypotheses) {
    bytes += sizeof(decode::Hypothesis);
    bytes += hypothesis.tokens.capacity() * sizeof(int32_t);
    bytes += hypothesis.token_scores.capacity() * sizeof(float);
    bytes += hypothesis.alignment.capacity() * sizeof(float);
  }
  return bytes;
}

// Sentences wait for those of their own flow alone.
std::string FlightName(const std::string& key, const Flow& flow) {
  std::string name = key;
  name.append(reinterpret_cast<const char*>(&flow.id), sizeof flow.id);
  return name;
}

// The answer to one who did not bring the sentence to a worker.
SentenceAnswer Reused(const SentenceAnswer& answer, const Sentence& sentence,
                      ModelMetrics& metrics) {
  metrics.cache_saved_nanoseconds.Add(
      absl::ToInt64Nanoseconds(answer.encode_time + answer.decode_time));
  SentenceAnswer reused;
  reused.hypotheses = answer.hypotheses;
  reused.source_tokens = answer.source_tokens;
  reused.is_reused = true;
  reused.queue_time =
      std::max(absl::Now() - sentence.arrival, absl::ZeroDuration());
  return reused;
}

}  // namespace

class SentenceCache::Flight {
 public:
  Flight(SentenceCache& cache, const std::string& of_key, Waiter first)
      : name(FlightName(of_key, first.sentence.flow)),
        key(absl::string_view(name).substr(0, of_key.size())),
        deadline(first.sentence.deadline),
        group(1, [this, &cache] { cache.End(this); }) {
    waiters.push_back(std::move(first));
  }

  bool IsAwaitedBy(uint64_t id) const {
    return std::any_of(waiters.begin(), waiters.end(), [&](const Waiter& one) {
      return one.sentence.group->id() == id;
    });
  }
  bool IsAwaited() const {
    return std::any_of(waiters.begin(), waiters.end(), [](const Waiter& one) {
      return !one.sentence.group->abandoned();
    });
  }

  const std::string name;
  const absl::string_view key;
  const absl::Time deadline;
  SentenceGroup group;
  std::vector<Waiter> waiters;  // guarded by the cache's lock while it has it
};

// Callers of one timeout do not arrive in the order in which they set out: one
// that is a little early joins too, and is told if it was too late for it.
bool SentenceCache::EndsInTime(const Flight& flight, const Sentence& sentence) {
  constexpr double kSlack = 0.1;
  return flight.deadline <=
         sentence.deadline + kSlack * (sentence.deadline - sentence.arrival);
}

struct SentenceCache::Sorted {
  struct Hit {
    Sentence sentence;
    AnswerPtr answer;
  };
  std::vector<Hit> hits;
  std::vector<Sentence> misses;  // for the batcher
  std::vector<Flight*> flights;  // of the misses, of those that are kept
  // Wait for a flight, once the misses are accepted: till then all sentences
  // of a request may have to be refused together.
  std::vector<Waiter> late;
};

SentenceCache::SentenceCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

SentenceCache::~SentenceCache() {
  absl::MutexLock lock(&mutex_);
  PEREGRINE_CHECK(flights_.empty()) << "models must go before their cache";
}

absl::Status SentenceCache::Submit(ServedModelPtr model, uint64_t scope,
                                   std::vector<Sentence> sentences) {
  Sorted sorted = Sort(model, scope, std::move(sentences));
  if (!sorted.misses.empty()) {
    const absl::Status status =
        model->batcher().Submit(std::move(sorted.misses));
    if (!status.ok()) {
      // Others may wait for these sentences, and may fare better.
      std::vector<Waiter> others;
      for (const Flight* flight : sorted.flights) {
        absl::MutexLock lock(&mutex_);
        std::unique_ptr<Flight> failed = TakeFlight(flight);
        std::move(failed->waiters.begin() + 1, failed->waiters.end(),
                  std::back_inserter(others));
      }
      Resubmit(std::move(others));
      return status;
    }
  }
  // From here on the last answer may destroy the request.
  ModelMetrics& metrics = model->metrics();
  for (const Sorted::Hit& hit : sorted.hits) {
    hit.sentence.group->Answer(hit.sentence.index,
                               Reused(*hit.answer, hit.sentence, metrics));
  }
  Resubmit(std::move(sorted.late));
  return absl::OkStatus();
}

SentenceCache::Sorted SentenceCache::Sort(const ServedModelPtr& model,
                                          uint64_t scope,
                                          std::vector<Sentence> sentences) {
  const absl::Time now = absl::Now();
  ModelMetrics& metrics = model->metrics();
  Sorted sorted;
  std::vector<std::pair<Flight*, Waiter>> joining;
  absl::MutexLock lock(&mutex_);
  for (Sentence& sentence : sentences) {
    sentence.arrival = now;
    if (!HasKey(sentence)) {
      sorted.misses.push_back(std::move(sentence));
      continue;
    }
    std::string key = SentenceKey(model->identity(), scope, sentence);
    if (AnswerPtr answer = Find(key); answer != nullptr) {
      metrics.cache_hits.Add(1);
      sorted.hits.push_back({std::move(sentence), std::move(answer)});
      continue;
    }
    // How a translation begins is told to its own group alone.
    const bool is_alone = sentence.options.stream;
    const auto found = flights_.find(FlightName(key, sentence.flow));
    if (!is_alone && found != flights_.end() &&
        !found->second->group.abandoned() &&
        EndsInTime(*found->second, sentence)) {
      joining.push_back(
          {found->second.get(), {model, scope, std::move(sentence)}});
      continue;
    }
    metrics.cache_misses.Add(1);
    Sentence& miss = sorted.misses.emplace_back(std::move(sentence));
    if (is_alone || found != flights_.end()) continue;
    Waiter first = {model, scope, {}};
    first.sentence.group = miss.group;
    first.sentence.index = miss.index;
    first.sentence.deadline = miss.deadline;
    first.sentence.flow = miss.flow;
    auto flight = std::make_unique<Flight>(*this, key, std::move(first));
    miss.group = &flight->group;
    miss.index = 0;
    sorted.flights.push_back(flight.get());
    flights_.emplace(flight->name, std::move(flight));
  }
  for (auto& [flight, waiter] : joining) {
    if (sorted.misses.empty()) {
      metrics.cache_joined.Add(1);
      flight->waiters.push_back(std::move(waiter));
    } else {
      sorted.late.push_back(std::move(waiter));
    }
  }
  return sorted;
}

void SentenceCache::End(Flight* flight) {
  std::unique_ptr<Flight> ended;
  AnswerPtr answer;
  {
    absl::MutexLock lock(&mutex_);
    ended = TakeFlight(flight);
    if (flight->group.status().ok()) {
      answer = std::make_shared<const SentenceAnswer>(
          std::move(flight->group.answer(0)));
      Keep(flight->key, answer);
    }
  }
  std::vector<Waiter>& waiters = ended->waiters;
  const Sentence first = std::move(waiters[0].sentence);
  // Its model may be let go of by the answer.
  const ServedModelPtr model = std::move(waiters[0].model);
  waiters.erase(waiters.begin());
  if (answer == nullptr) {
    first.group->Answer(first.index, ended->group.status());
    Resubmit(std::move(waiters));
    return;
  }
  first.group->Answer(first.index, *answer);
  const absl::Time now = absl::Now();
  for (const Waiter& waiter : waiters) {
    const Sentence& sentence = waiter.sentence;
    if (sentence.deadline < now) {
      sentence.group->Answer(sentence.index, DeadlinePassedError());
    } else {
      sentence.group->Answer(
          sentence.index, Reused(*answer, sentence, waiter.model->metrics()));
    }
  }
}

void SentenceCache::Resubmit(std::vector<Waiter> waiters) {
  for (Waiter& waiter : waiters) {
    SentenceGroup& group = *waiter.sentence.group;
    const int index = waiter.sentence.index;
    absl::Status status = CallCancelledError();
    if (!group.abandoned()) {
      std::vector<Sentence> alone;
      alone.push_back(std::move(waiter.sentence));
      status = Submit(waiter.model, waiter.scope, std::move(alone));
    }
    if (!status.ok()) group.Answer(index, std::move(status));
  }
}

void SentenceCache::RemoveGroup(uint64_t group) {
  std::vector<std::pair<ServedModelPtr, uint64_t>> removed;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, flight] : flights_) {
      if (!flight->IsAwaitedBy(group) || flight->IsAwaited()) continue;
      flight->group.Abandon();
      removed.emplace_back(flight->waiters[0].model, flight->group.id());
    }
  }
  for (const auto& [model, id] : removed) model->batcher().RemoveGroup(id);
}

SentenceCache::AnswerPtr SentenceCache::Find(absl::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->answer;
}

void SentenceCache::Keep(absl::string_view key, AnswerPtr answer) {
  Entry entry = {std::string(key), std::move(answer), 0};
  entry.bytes = kEntryBytes + static_cast<int64_t>(entry.key.capacity()) +
                BytesOf(*entry.answer);
  if (entry.bytes > max_bytes_ || by_key_.contains(key)) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_key_.emplace(entries_.front().key, entries_.begin());
  while (bytes_ > max_bytes_) {
    const Entry& last = entries_.back();
    bytes_ -= last.bytes;
    ++evictions_;
    by_key_.erase(last.key);
    entries_.pop_back();
  }
}

std::unique_ptr<SentenceCache::Flight> SentenceCache::TakeFlight(
    const Flight* flight) {
  const auto found = flights_.find(flight->name);
  PEREGRINE_CHECK(found != flights_.end()) << "no such flight";
  std::unique_ptr<Flight> taken = std::move(found->second);
  flights_.erase(found);
  return taken;
}

CacheGauges SentenceCache::gauges() const {
  absl::MutexLock lock(&mutex_);
  CacheGauges gauges;
  gauges.max_bytes = max_bytes_;
  gauges.bytes = bytes_;
  gauges.entries = static_cast<int64_t>(entries_.size());
  gauges.evictions = evictions_;
  return gauges;
}

}  // namespace peregrine::server
