#include "server/service/stable_text.h"

#include <utility>

namespace peregrine::server {

StableText::StableText(std::unique_ptr<BegunText> text, int num_sentences,
                       std::function<void()> on_more)
    : on_more_(std::move(on_more)),
      text_(std::move(text)),
      unanswered_(num_sentences) {}

void StableText::OnStable(int index, const std::vector<int32_t>& tokens) {
  {
    absl::MutexLock lock(&mutex_);
    text_->Extend(static_cast<size_t>(index), tokens);
    if (!HasMore()) return;
  }
  on_more_();
}

void StableText::OnAnswer(int index, const SentenceAnswer& answer) {
  {
    absl::MutexLock lock(&mutex_);
    if (--unanswered_ == 0) return;
    text_->Finish(static_cast<size_t>(index), answer.hypotheses[0]);
    if (!HasMore()) return;
  }
  on_more_();
}

StableText::More StableText::Take() {
  absl::MutexLock lock(&mutex_);
  More more{text_->text().substr(taken_), taken_};
  taken_ = text_->text().size();
  return more;
}

}  // namespace peregrine::server
