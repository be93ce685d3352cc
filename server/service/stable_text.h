#ifndef PEREGRINE_SERVER_SERVICE_STABLE_TEXT_H_
#define PEREGRINE_SERVER_SERVICE_STABLE_TEXT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/backend/model_backend.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {

// What of a text's translation can no longer change, while its sentences are
// with the workers. Thread-safe.
class StableText final : public SentenceListener {
 public:
  // `on_more` is called when there is more to take, on the thread that brought
  // it; not with the answer to the last of `num_sentences`, which ends the
  // text.
  StableText(std::unique_ptr<BegunText> text, int num_sentences,
             std::function<void()> on_more);

  void OnStable(int index, const std::vector<int32_t>& tokens) override;
  void OnAnswer(int index, const SentenceAnswer& answer) override;

  // What was not taken before, and where in the translation it begins. Perhaps
  // nothing.
  struct More {
    std::string text;
    size_t begin = 0;
  };
  More Take();

 private:
  bool HasMore() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return text_->text().size() > taken_;
  }

  const std::function<void()> on_more_;
  absl::Mutex mutex_;
  const std::unique_ptr<BegunText> text_ ABSL_PT_GUARDED_BY(mutex_);
  int unanswered_ ABSL_GUARDED_BY(mutex_);
  size_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_STABLE_TEXT_H_
