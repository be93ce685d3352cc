#ifndef PEREGRINE_SERVER_SERVICE_JOBS_H_
#define PEREGRINE_SERVER_SERVICE_JOBS_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "peregrine/v1/translation.pb.h"
#include "server/models/model_backend.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/sentence_group.h"
#include "server/service/request_checks.h"

// What requests become on their way through a model, and answers out of it.
// Knows neither gRPC nor threads: service.h has them.
//
//   TextJob job(backend, limits);
//   job.Prepare(request);                          // or its error
//   batcher.Submit(job.MakeSentences(group, terms));
//   ... the group is complete:
//   job.Fill(group, response);
namespace peregrine::server {

// Texts: split into sentences, and put together again.
class TextJob {
 public:
  TextJob(const ModelBackend& model, const RequestLimits& limits)
      : model_(model), limits_(limits) {}

  // INVALID_ARGUMENT, naming every field at fault.
  absl::Status Prepare(const v1::TranslateRequest& request);
  absl::Status Prepare(const v1::TranslateStreamRequest& request);

  // Zero if all texts are white space: then Fill wants no group.
  int num_sentences() const { return num_sentences_; }
  std::vector<Sentence> MakeSentences(SentenceGroup& group,
                                      const SentenceTerms& terms) const;

  // Takes the answers out of the group, which must be complete and OK.
  void Fill(SentenceGroup* group, v1::TranslateResponse& response) const;
  void Fill(SentenceGroup* group, v1::Translation& translation) const;

 private:
  struct PlannedOne {
    std::unique_ptr<PlannedText> plan;
    v1::DecodingOptions options;
    int first_sentence = 0;
  };

  void Check(const v1::Text& text, const std::string& path,
             const OptionsLayer& request_options, Violations& violations) const;
  void Add(const v1::Text& text, const v1::DecodingOptions& request_options,
           bool single_sentence);
  void FillOne(const PlannedOne& text, SentenceGroup* group,
               v1::Translation& translation) const;

  const ModelBackend& model_;
  const RequestLimits& limits_;
  RequestLanguages languages_;
  std::vector<PlannedOne> texts_;
  int num_sentences_ = 0;
};

// Sequences of pieces, each one sentence.
class TokenJob {
 public:
  TokenJob(const ModelBackend& model, const RequestLimits& limits)
      : model_(model), limits_(limits) {}

  absl::Status Prepare(const v1::TranslateTokensRequest& request);

  int num_sentences() const { return num_sentences_; }
  std::vector<Sentence> MakeSentences(SentenceGroup& group,
                                      const SentenceTerms& terms) const;

  void Fill(SentenceGroup* group, v1::TranslateTokensResponse& response) const;

 private:
  struct Source {
    std::vector<int32_t> ids;  // may be empty: answered as it is
    bool has_unknown = false;
  };

  void FillOne(const Source& source, SentenceAnswer& answer,
               v1::TokenTranslation& translation) const;

  const ModelBackend& model_;
  const RequestLimits& limits_;
  v1::DecodingOptions options_;
  RequestLanguages languages_;
  std::vector<Source> sources_;
  int num_sentences_ = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_JOBS_H_
