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
#include "server/service/text_options.h"

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
  absl::Status CheckPresent() const override;
  void SetLanguages(ChosenLanguages languages) override {
    chosen_ = std::move(languages);
  }
  absl::StatusOr<Job*> BeginPivot(const ModelBackend& model,
                                  const RequestLimits& limits,
                                  ChosenLanguages first) override;
  void EndPivot(SentenceGroup* first) override;
  absl::StatusOr<Job*> MakePart(const std::vector<int>& texts) override;
  absl::Status KeepTexts(const std::vector<int>& texts,
                         ChosenLanguages languages,
                         const RequestLimits& limits) override;
  void EndPart(size_t n, SentenceGroup* group) override {
    parts_[n].group = group;
  }
  void SetTextResources(const TextResources& texts,
                        const std::string& reader) override {
    text_resources_ = &texts;
    reader_ = reader;
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
    TextPlan::Begun begun;  // that its sentence begins with
  };
  struct Part {
    std::unique_ptr<TextJob> job;
    std::vector<int> texts;
    SentenceGroup* group = nullptr;
  };
  struct Kept {
    std::vector<int> texts;
    ChosenLanguages languages;
  };

  // Names of fields of a text.
  std::string TextPath(int index) const {
    return request_.names->text_path(request_.place(index));
  }
  std::string OptionsPath(int index) const {
    return request_.names->options_path(request_.place(index));
  }
  // What the answer to a text may take.
  int64_t AnswerBytes(const RequestText& text) const;
  TextAnswer TakeParts() const;
  // All that needs no tokens.
  absl::Status CheckRequest(const RequestLimits& limits);
  absl::Status CheckTexts(const RequestLimits& limits) const;
  void CheckBytes(int index, const RequestLimits& limits,
                  Violations& violations) const;
  void Check(int index, const RequestLimits& limits,
             Violations& violations) const;
  RequestLanguages LanguagesOf(int index, Violations& violations) const;
  void Plan(int index, const RequestLanguages& languages,
            Violations& violations);
  RequestOptions OptionsOf(int index) const;  // of a text
  // Has the translation begin as is demanded.
  void BeginText(int index, Planned& planned) const;
  decode::DecodingOptions OptionsOf(const Planned& text,
                                    const RequestOptions& options,
                                    size_t sentence) const;
  std::string ReadableText(int index) const;  // without markup
  void CheckSentences(int index, Violations& violations);
  void CheckPhrases(int index, const std::string& path,
                    Violations& violations) const;
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
  std::string reader_;
  RequestGlossaries stored_;
  std::vector<Planned> texts_;
  int num_sentences_ = 0;
  DemandSize demand_size_;
  std::unique_ptr<StableText> stable_text_;  // above what it looks at
  std::vector<Part> parts_;                  // of several ways; else none
  std::vector<Kept> kept_;                   // beside them
  int64_t parts_bytes_ = 0;                  // of the answers to all of them
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TEXT_JOB_H_
