#ifndef PEREGRINE_SERVER_SCHEDULING_SENTENCE_GROUP_H_
#define PEREGRINE_SERVER_SCHEDULING_SENTENCE_GROUP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/scheduling/sentence.h"

namespace peregrine::server {

// Hears of the sentences of a group before the group is complete. Called on the
// threads of the workers, of several at a time, but of one sentence in order.
class SentenceListener {
 public:
  virtual ~SentenceListener() = default;
  // How the first hypothesis of a sentence with `stream` begins, for certain.
  virtual void OnStable(int index, const std::vector<int32_t>& tokens) = 0;
  virtual void OnAnswer(int index, const SentenceAnswer& answer) = 0;
};

// The sentences of one request that are under way, whatever workers they are
// on. Takes one answer for each, then calls `on_complete` once, on the thread
// of the last answer; the callee may destroy the group. One failure abandons
// the rest. Thread-safe without locks: each answer has a place of its own.
class SentenceGroup {
 public:
  // `size` is at least 1.
  SentenceGroup(int size, std::function<void()> on_complete);
  SentenceGroup(const SentenceGroup&) = delete;
  SentenceGroup& operator=(const SentenceGroup&) = delete;

  // No other group of this process has it. What outlives the group names it by
  // this.
  uint64_t id() const { return id_; }

  // Before any sentence is on its way. `listener` must outlive the group.
  void set_listener(SentenceListener* listener) { listener_ = listener; }

  // Any number of times for a sentence that is not answered yet.
  void TellStable(int index, const std::vector<int32_t>& tokens) {
    if (listener_ != nullptr) listener_->OnStable(index, tokens);
  }

  // Exactly once for each index in [0, size).
  void Answer(int index, absl::StatusOr<SentenceAnswer> answer);

  // Nobody wants the answers any more: workers drop the sentences (and answer
  // CANCELLED) as soon as they see it. Any number of times, at any time.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

  // ---- Once complete.

  // OK, or the failure that came first.
  absl::Status status() const;

  // With an OK status.
  const SentenceAnswer& answer(int index) const { return *answers_[index]; }
  SentenceAnswer& answer(int index) { return *answers_[index]; }
  int size() const { return static_cast<int>(answers_.size()); }

 private:
  const uint64_t id_;
  std::function<void()> on_complete_;
  SentenceListener* listener_ = nullptr;
  std::vector<absl::StatusOr<SentenceAnswer>> answers_;
  std::atomic<int> remaining_;
  std::atomic<int> first_failure_{-1};
  std::atomic<bool> abandoned_{false};
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_SENTENCE_GROUP_H_
