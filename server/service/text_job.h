#ifndef PEREGRINE_SERVER_SERVICE_TEXT_JOB_H_
#define PEREGRINE_SERVER_SERVICE_TEXT_JOB_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/service/job.h"
#include "server/service/job_parts.h"
#include "server/service/request_checks.h"
#include "server/service/stable_text.h"

namespace peregrine::server {

// Texts: split into sentences, and put together again.
class TextJob final : public Job {
 public:
  // `on_stable` is called on workers' threads when there is more of
  // stable_text(), where the request returns it.
  explicit TextJob(TextRequest request, std::function<void()> on_stable = {})
      : request_(std::move(request)), on_stable_(std::move(on_stable)) {}

  const RequestHead& head() const override { return request_.head; }
  std::vector<absl::string_view> texts() const override;
  void SetLanguages(ChosenLanguages languages) override {
    chosen_ = std::move(languages);
  }
  absl::StatusOr<Job*> BeginPivot(const ModelBackend& model,
                                  const RequestLimits& limits,
                                  ChosenLanguages first) override;
  void EndPivot(SentenceGroup* first) override;
  void SetTextResources(const TextResources& texts) override {
    text_resources_ = &texts;
  }
  absl::Status Prepare(const ModelBackend& model,
                       const RequestLimits& limits) override;
  int num_sentences() const override { return num_sentences_; }
  std::vector<Sentence> MakeSentences(
      SentenceGroup& group, const SentenceTerms& terms) const override;

  // Null where it is not asked for. Of the first text.
  StableText* stable_text() const { return stable_text_.get(); }

  // Takes the answers out of the group, which must be complete and OK; null
  // where there are no sentences.
  TextAnswer Take(SentenceGroup* group) const;

 private:
  struct Planned {
    std::unique_ptr<PlannedText> plan;
    int first_sentence = 0;
    RequestLanguages languages;
  };

  // All that needs no tokens.
  absl::Status CheckRequest(const RequestLimits& limits);
  absl::Status CheckTexts(const RequestLimits& limits) const;
  void Check(int index, const RequestLimits& limits,
             Violations& violations) const;
  RequestLanguages LanguagesOf(int index, Violations& violations) const;
  void Plan(int index, const RequestLanguages& languages,
            Violations& violations);
  RequestOptions OptionsOf(int index) const;  // of a text
  void CheckSentences(int index, Violations& violations) const;
  void AddDetails(int index, ResponseSize& size) const;
  void AddFirst(TextAnswer& answer) const;
  TranslatedText TakeOne(const Planned& text, const RequestOptions& options,
                         SentenceGroup* group) const;
  void Describe(const PlannedText& plan, const RequestOptions& options,
                absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
                TranslatedText& translated) const;

  TextRequest request_;
  const std::function<void()> on_stable_;
  std::unique_ptr<TextJob> first_;  // of two models; null: there is one
  TextAnswer first_answer_;
  const ModelBackend* model_ = nullptr;
  mutable std::deque<std::string> readable_;  // of markup, for `texts`
  ChosenLanguages chosen_;
  const TextResources* text_resources_ = nullptr;
  document::DocumentOptions document_options_;
  std::vector<StoredGlossaryPtr> stored_;  // that the request names
  std::vector<Planned> texts_;
  int num_sentences_ = 0;
  std::unique_ptr<StableText> stable_text_;  // above what it looks at
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TEXT_JOB_H_
