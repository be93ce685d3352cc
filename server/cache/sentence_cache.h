#ifndef PEREGRINE_SERVER_CACHE_SENTENCE_CACHE_H_
#define PEREGRINE_SERVER_CACHE_SENTENCE_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/metrics/metrics.h"
#include "server/models/served_model.h"
#include "server/scheduling/sentence.h"

namespace peregrine::server {

// Translations of sentences, between the requests and the batchers of all
// models. A sentence that was translated before is answered from memory; one
// that is being translated for the same flow waits for that. The answers are
// those of the model, bit for bit: equal means an equal key (sentence_key.h).
//
// Keeps at most so many bytes, and drops what was not asked for the longest.
// Sentences of other flows do not wait for each other, so that nobody stands in
// the queue of a client that has filled its own. Thread-safe; no callback under
// the lock.
class SentenceCache {
 public:
  explicit SentenceCache(int64_t max_bytes);
  // After all models: their workers answer into it.
  ~SentenceCache();
  SentenceCache(const SentenceCache&) = delete;
  SentenceCache& operator=(const SentenceCache&) = delete;

  // As Batcher::Submit. Some or all answers may come before this returns.
  // Answers are shared within one `scope`.
  absl::Status Submit(ServedModelPtr model, uint64_t scope,
                      std::vector<Sentence> sentences)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // As Batcher::RemoveGroup, of an abandoned group. What another group waits
  // for goes on; the group is answered with it.
  void RemoveGroup(uint64_t group) ABSL_LOCKS_EXCLUDED(mutex_);

  CacheGauges gauges() const;

 private:
  using AnswerPtr = std::shared_ptr<const SentenceAnswer>;

  struct Entry {
    std::string key;
    AnswerPtr answer;
    int64_t bytes = 0;
  };
  // A sentence that somebody waits for, and where it goes if it must go alone.
  struct Waiter {
    ServedModelPtr model;
    uint64_t scope = 0;
    Sentence sentence;
  };
  // A sentence that is being translated, and those who wait for it. The first
  // of them brought it.
  class Flight;
  // What becomes of the sentences of one call.
  struct Sorted;

  static bool EndsInTime(const Flight& flight, const Sentence& sentence);

  Sorted Sort(const ServedModelPtr& model, uint64_t scope,
              std::vector<Sentence> sentences) ABSL_LOCKS_EXCLUDED(mutex_);
  AnswerPtr Find(absl::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Keep(absl::string_view key, AnswerPtr answer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::unique_ptr<Flight> TakeFlight(const Flight* flight)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // A flight has its answer. On the thread that gave it.
  void End(Flight* flight) ABSL_LOCKS_EXCLUDED(mutex_);
  // Sends each on its way again.
  void Resubmit(std::vector<Waiter> waiters) ABSL_LOCKS_EXCLUDED(mutex_);

  const int64_t max_bytes_;

  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // last asked for first
  absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> by_key_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, std::unique_ptr<Flight>> flights_
      ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t evictions_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CACHE_SENTENCE_CACHE_H_
