#ifndef PEREGRINE_SERVER_SERVICE_SCORE_JOB_H_
#define PEREGRINE_SERVER_SERVICE_SCORE_JOB_H_

#include <string>
#include <utility>
#include <vector>

#include "server/service/job.h"
#include "server/service/request_checks.h"

namespace peregrine::server {

// Sources with translations that are given, each pair one sentence.
class ScoreJob final : public Job {
 public:
  explicit ScoreJob(ScoreRequest request) : request_(std::move(request)) {}

  const RequestHead& head() const override { return request_.head; }
  void SetLanguages(ChosenLanguages languages) override {
    chosen_ = std::move(languages);
  }
  absl::Status Prepare(const ModelBackend& model,
                       const RequestLimits& limits) override;
  int num_sentences() const override { return static_cast<int>(pairs_.size()); }
  std::vector<Sentence> MakeSentences(
      SentenceGroup& group, const SentenceTerms& terms) const override;

  // As TextJob::Take.
  ScoreAnswer Take(SentenceGroup* group) const;

 private:
  struct Pair {
    std::vector<int32_t> source;
    std::vector<int32_t> target;
    decode::DecodingOptions options;
    bool has_unknown = false;  // in its source
  };

  void CheckSizes(const RequestLimits& limits, Violations& violations) const;
  void Encode(const ScoreRequest::Pair& pair, const std::string& path,
              Violations& violations);
  void EncodeSource(const RequestPhrase& source, const std::string& path,
                    Pair& pair, Violations& violations) const;
  void EncodeTarget(const RequestPhrase& target, const std::string& path,
                    Pair& pair, Violations& violations) const;
  ScoredText TakeOne(const ScoreRequest::Pair& asked, const Pair& pair,
                     SentenceAnswer& answer) const;

  const ScoreRequest request_;
  const ModelBackend* model_ = nullptr;
  ChosenLanguages chosen_;
  RequestLanguages languages_;
  std::vector<Pair> pairs_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_SCORE_JOB_H_
