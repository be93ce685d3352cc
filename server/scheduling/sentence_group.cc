#include "server/scheduling/sentence_group.h"

#include <utility>

#include "engine/base/check.h"

namespace peregrine::server {

namespace {

uint64_t NextId() {
  static std::atomic<uint64_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

SentenceGroup::SentenceGroup(int size, std::function<void()> on_complete)
    : id_(NextId()),
      on_complete_(std::move(on_complete)),
      answers_(size, absl::UnknownError("not answered")),
      remaining_(size) {
  PEREGRINE_CHECK(size > 0);
}

void SentenceGroup::Answer(int index, absl::StatusOr<SentenceAnswer> answer) {
  const bool failed = !answer.ok();
  answers_[index] = std::move(answer);
  if (!failed && listener_ != nullptr) {
    listener_->OnAnswer(index, *answers_[index]);
  }
  if (failed) {
    int none = -1;
    first_failure_.compare_exchange_strong(none, index);
    Abandon();
  }
  // Acquire and release: the last one sees the answers of all others.
  const int left = remaining_.fetch_sub(1, std::memory_order_acq_rel) - 1;
  PEREGRINE_CHECK(left >= 0) << "sentence " << index << " answered twice";
  if (left == 0) {
    const std::function<void()> on_complete = std::move(on_complete_);
    on_complete();  // may destroy *this
  }
}

absl::Status SentenceGroup::status() const {
  const int failure = first_failure_.load();
  return failure < 0 ? absl::OkStatus() : answers_[failure].status();
}

}  // namespace peregrine::server
