#ifndef PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_
#define PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/service/job.h"
#include "server/service/request_checks.h"

// What jobs of all kinds do.
namespace peregrine::server {

// That `field` has from one to as many elements as are allowed.
void CheckCount(absl::string_view field, size_t count,
                const RequestLimits& limits, Violations& violations);

// Adds up what the answer of a request may take: translations are about as long
// as their sources. Checked before the work.
class ResponseSize {
 public:
  // `bytes` of source, each of whose hypotheses is answered.
  void Add(size_t bytes, int hypotheses) {
    bytes_ += static_cast<int64_t>(bytes) * std::max(1, hypotheses);
  }
  void Check(absl::string_view field, const RequestLimits& limits,
             Violations& violations) const;

 private:
  int64_t bytes_ = 0;
};

// What the sentences of a job have in common.
struct SentenceMaker {
  const SentenceTerms& terms;
  SentenceGroup& group;

  Sentence Make(const std::vector<int32_t>& ids,
                decode::DecodingOptions options, int index) const;
};

// The token ids of a part of a translation.
std::vector<int32_t> TokensOf(const ModelBackend& model,
                              const RequestPhrase& phrase);

// That the tokens of all phrases are in the target vocabulary.
void CheckPhraseTokens(const ModelBackend& model, const RequestOptions& options,
                       const std::string& path, Violations& violations);
void CheckPieces(const ModelBackend& model,
                 const std::vector<std::string>& pieces,
                 const std::string& path, Violations& violations);

// Encodes all phrases, once for all sentences, and those that must not be there
// in the ways that they may be written.
void EncodePhrases(const ModelBackend& model, RequestOptions& options);

// Adds up the phrases that the sentences of a request carry with them: each has
// its own, so that many long ones for many sentences would be much.
class DemandSize {
 public:
  // One sentence more. False, and a violation: that is too much.
  bool Add(const decode::Steering& steering, const std::string& path,
           Violations& violations);

 private:
  static constexpr int64_t kMax = int64_t{1} << 24;  // of 4 bytes each
  int64_t size_ = 0;
  int sentences_ = 0;
};

// The options of one sentence of `length` tokens, with the tokens of all
// phrases.
decode::DecodingOptions SentenceOptions(const ModelBackend& model,
                                        const RequestOptions& options,
                                        const RequestLanguages& languages,
                                        int length);

// Whether what `options` demand of a sentence can be met, with its prefix and
// phrases. `path` names them.
void CheckDemands(const ModelBackend& model,
                  const decode::DecodingOptions& options,
                  const std::string& path, Violations& violations);

// What a translation is made of, as far as `options` ask for it. `first_source`
// is the index of the first source token of the sentence.
std::vector<TargetToken> DescribeTokens(const ModelBackend& model,
                                        const decode::Hypothesis& hypothesis,
                                        const RequestOptions& options,
                                        int first_source);

void AddCost(const SentenceAnswer& answer, Cost& cost);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_
