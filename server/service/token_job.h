#ifndef PEREGRINE_SERVER_SERVICE_TOKEN_JOB_H_
#define PEREGRINE_SERVER_SERVICE_TOKEN_JOB_H_

#include <utility>
#include <vector>

#include "server/service/job.h"
#include "server/service/request_checks.h"

namespace peregrine::server {

// Sequences of pieces, each one sentence.
class TokenJob final : public Job {
 public:
  explicit TokenJob(TokenRequest request) : request_(std::move(request)) {}

  const RequestHead& head() const override { return request_.head; }
  void SetLanguages(ChosenLanguages languages) override {
    chosen_ = std::move(languages);
  }
  absl::Status Prepare(const ModelBackend& model,
                       const RequestLimits& limits) override;
  int num_sentences() const override { return num_sentences_; }
  std::vector<Sentence> MakeSentences(
      SentenceGroup& group, const SentenceTerms& terms) const override;

  // As TextJob::Take.
  TokenAnswer Take(SentenceGroup* group) const;

 private:
  struct Source {
    std::vector<int32_t> ids;  // may be empty: answered as it is
    bool has_unknown = false;
  };

  TranslatedTokens TakeOne(const Source& source, SentenceAnswer& answer) const;

  TokenRequest request_;
  const ModelBackend* model_ = nullptr;
  ChosenLanguages chosen_;
  RequestLanguages languages_;
  std::vector<Source> sources_;
  int num_sentences_ = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TOKEN_JOB_H_
