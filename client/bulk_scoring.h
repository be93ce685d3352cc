#ifndef PEREGRINE_CLIENT_BULK_SCORING_H_
#define PEREGRINE_CLIENT_BULK_SCORING_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/translation_client.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

struct ScoredPair {
  std::string source;
  std::string target;
  absl::StatusOr<v1::TextScore> score;  // an error of this pair alone
};

// Scores any number of pairs: some calls in flight, each of many pairs, and the
// scores in the order of the pairs. Not thread-safe.
class BulkScoring {
 public:
  static constexpr int kPairsOfCall = 64;
  static constexpr int kCallsInFlight = 4;

  // All but the pairs as in `settings`. `client` must outlive this.
  BulkScoring(const TranslationClient& client, v1::ScoreTextsRequest settings);

  // Takes pairs from `next` until that returns false, and gives each to `done`,
  // whose error ends the run. Else the error is one that no pair is to blame
  // for, like UNAVAILABLE.
  absl::Status Run(
      absl::FunctionRef<bool(std::string* source, std::string* target)> next,
      absl::FunctionRef<absl::Status(const ScoredPair&)> done) const;

 private:
  using Batch = std::vector<ScoredPair>;

  // Fills in the scores.
  absl::StatusOr<Batch> Score(Batch batch) const;
  absl::Status ScoreEach(Batch& batch) const;

  const TranslationClient& client_;
  const v1::ScoreTextsRequest settings_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_BULK_SCORING_H_
