#include "client/bulk_window.h"

#include <algorithm>
#include <utility>

#include "client/rpc_status.h"

namespace peregrine::client {

absl::Duration RetryPolicy::Pause(int attempt, absl::BitGenRef random) const {
  absl::Duration pause = first_pause;
  for (int i = 1; i < attempt && pause < longest_pause; ++i) pause *= 2;
  return std::min(pause, longest_pause) * absl::Uniform(random, 0.5, 1.0);
}

BulkWindow::BulkWindow(std::size_t capacity, const RetryPolicy& retry_policy)
    : capacity_(capacity), retry_policy_(retry_policy) {}

BulkWindow::Entry& BulkWindow::Append(std::string text) {
  Entry& entry = entries_.emplace_back();
  entry.result.index =
      first_index_ + static_cast<std::int64_t>(entries_.size()) - 1;
  entry.result.text = std::move(text);
  entry.attempts_left = retry_policy_.max_attempts;
  return entry;
}

void BulkWindow::Add(std::string text) { Append(std::move(text)); }

void BulkWindow::AddFailed(std::string text, absl::Status error) {
  Entry& entry = Append(std::move(text));
  entry.state = State::kFinished;
  entry.result.translation = std::move(error);
}

absl::Time BulkWindow::NextDue() const {
  absl::Time due = absl::InfiniteFuture();
  for (const Entry& entry : entries_) {
    if (entry.state == State::kWaiting) due = std::min(due, entry.due);
  }
  return due;
}

absl::optional<BulkWindow::Outgoing> BulkWindow::TakeDue(absl::Time now) {
  for (Entry& entry : entries_) {
    if (entry.state != State::kWaiting || entry.due > now) continue;
    entry.state = State::kSent;
    ++entry.attempts;
    --entry.attempts_left;
    return Outgoing{entry.result.index, entry.result.text};
  }
  return absl::nullopt;
}

BulkWindow::Entry* BulkWindow::FindSent(std::int64_t index) {
  const std::int64_t position = index - first_index_;
  if (position < 0 || position >= static_cast<std::int64_t>(entries_.size())) {
    return nullptr;
  }
  Entry& entry = entries_[static_cast<std::size_t>(position)];
  return entry.state == State::kSent ? &entry : nullptr;
}

void BulkWindow::Extend(std::int64_t index, const v1::StableText& more) {
  Entry* const entry = FindSent(index);
  if (entry == nullptr ||
      more.begin() != static_cast<std::int64_t>(entry->beginning.size())) {
    return;
  }
  entry->beginning += more.text();
  entry->has_more = true;
}

bool BulkWindow::HasBeginning() const {
  return !entries_.empty() && entries_.front().state == State::kSent &&
         entries_.front().has_more;
}

absl::optional<BulkBeginning> BulkWindow::TakeBeginning() {
  if (!HasBeginning()) return absl::nullopt;
  Entry& entry = entries_.front();
  entry.has_more = false;
  return BulkBeginning{first_index_, entry.result.text, entry.beginning};
}

void BulkWindow::Answer(std::int64_t index,
                        absl::StatusOr<v1::Translation> translation,
                        absl::Time now) {
  Entry* const found = FindSent(index);
  if (found == nullptr) return;
  Entry& entry = *found;
  const bool retryable = IsRetryable(translation.status());
  if (retryable && entry.attempts_left > 0) {
    entry.state = State::kWaiting;
    entry.beginning.clear();
    entry.has_more = false;
    entry.due = now + retry_policy_.Pause(entry.attempts, random_);
    return;
  }
  entry.state = State::kFinished;
  entry.result.translation = std::move(translation);
  if (retryable) return;
  for (Entry& other : entries_) {
    other.attempts_left = retry_policy_.max_attempts;
  }
}

void BulkWindow::TakeBackSent() {
  for (Entry& entry : entries_) {
    if (entry.state != State::kSent) continue;
    entry.state = State::kWaiting;
    entry.beginning.clear();
    entry.has_more = false;
    --entry.attempts;
    ++entry.attempts_left;
  }
}

bool BulkWindow::HasFinished() const {
  return !entries_.empty() && entries_.front().state == State::kFinished;
}

absl::optional<BulkResult> BulkWindow::TakeFinished() {
  if (!HasFinished()) return absl::nullopt;
  BulkResult result = std::move(entries_.front().result);
  entries_.pop_front();
  ++first_index_;
  return result;
}

}  // namespace peregrine::client
