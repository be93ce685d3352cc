#ifndef PEREGRINE_CLIENT_BULK_WINDOW_H_
#define PEREGRINE_CLIENT_BULK_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

// Pauses between attempts double from `first` to `longest`, less a random part
// so that many clients do not return together.
struct RetryPolicy {
  int max_attempts = 10;  // without progress
  absl::Duration first_pause = absl::Milliseconds(100);
  absl::Duration longest_pause = absl::Seconds(5);

  // After attempt number `attempt`, counted from 1.
  absl::Duration Pause(int attempt, absl::BitGenRef random) const;
};

struct BulkResult {
  std::int64_t index = 0;  // of the text, counted from 0
  std::string text;
  // Its `route` is set, whether one model serves or several.
  absl::StatusOr<v1::Translation> translation;
};

// What of a translation can no longer change, while it is being made.
struct BulkBeginning {
  std::int64_t index = 0;
  std::string text;
  std::string translation;  // all of it so far
};

// The texts between a source and a sink: read, perhaps sent, perhaps answered,
// and given out in the order in which they were read. Bounded by `capacity`.
// Not thread-safe; time is an argument.
class BulkWindow {
 public:
  BulkWindow(std::size_t capacity, const RetryPolicy& retry_policy);

  bool HasRoom() const { return entries_.size() < capacity_; }
  bool IsEmpty() const { return entries_.empty(); }

  // HasRoom() must hold.
  void Add(std::string text);
  // A text that is not fit to be sent.
  void AddFailed(std::string text, absl::Status error);

  // When the next text is due to be sent: in the past, at the end of a pause,
  // or never.
  absl::Time NextDue() const;

  struct Outgoing {
    std::int64_t index;
    std::string text;
  };
  // The oldest text that is due, which counts as sent from now on.
  absl::optional<Outgoing> TakeDue(absl::Time now);

  // A retryable error puts the text back, for later, while it has attempts
  // left. The answer to any text gives all of them back: a server that is full
  // and busy with others, however slow, is one to wait for. Answers to texts
  // that were not sent are ignored.
  void Answer(std::int64_t index, absl::StatusOr<v1::Translation> translation,
              absl::Time now);

  // More of a translation, as StableText tells it. What does not follow on what
  // came before is ignored.
  void Extend(std::int64_t index, const v1::StableText& more);

  // The stream broke: what was sent and not answered is due again, and the
  // attempt does not count. Its translation begins anew.
  void TakeBackSent();

  // The oldest text, if it is answered.
  absl::optional<BulkResult> TakeFinished();
  bool HasFinished() const;

  // How the translation of the oldest text begins, if there is more of it than
  // before and it is not answered.
  absl::optional<BulkBeginning> TakeBeginning();
  bool HasBeginning() const;

 private:
  enum class State { kWaiting, kSent, kFinished };
  struct Entry {
    State state = State::kWaiting;
    int attempts = 0;
    int attempts_left = 0;
    absl::Time due = absl::InfinitePast();
    std::string beginning;
    bool has_more = false;  // of it than was taken
    BulkResult result;
  };

  Entry& Append(std::string text);
  // That was sent and not answered; or null.
  Entry* FindSent(std::int64_t index);

  const std::size_t capacity_;
  const RetryPolicy retry_policy_;
  absl::BitGen random_;
  std::int64_t first_index_ = 0;  // of entries_.front()
  std::deque<Entry> entries_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_BULK_WINDOW_H_
