#include "client/bulk_scoring.h"

#include <deque>
#include <future>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace peregrine::client {
namespace {

// What is wrong is a pair, and not the request.
bool IsOfPair(const absl::Status& status) {
  return absl::IsInvalidArgument(status) &&
         absl::StrContains(status.message(), "pairs[");
}

void AddPair(const ScoredPair& pair, v1::ScoreTextsRequest& request) {
  v1::TextPair* const added = request.add_pairs();
  added->mutable_source()->set_text(pair.source);
  added->mutable_target()->set_text(pair.target);
}

}  // namespace

BulkScoring::BulkScoring(const TranslationClient& client,
                         v1::ScoreTextsRequest settings)
    : client_(client), settings_(std::move(settings)) {}

absl::Status BulkScoring::Run(
    absl::FunctionRef<bool(std::string* source, std::string* target)> next,
    absl::FunctionRef<absl::Status(const ScoredPair&)> done) const {
  std::deque<std::future<absl::StatusOr<Batch>>> calls;
  const auto finish_first = [&]() -> absl::Status {
    const absl::StatusOr<Batch> batch = calls.front().get();
    calls.pop_front();
    if (!batch.ok()) return batch.status();
    for (const ScoredPair& pair : *batch) {
      if (absl::Status status = done(pair); !status.ok()) return status;
    }
    return absl::OkStatus();
  };
  bool more = true;
  while (more || !calls.empty()) {
    Batch batch;
    std::string source;
    std::string target;
    while (more && batch.size() < kPairsOfCall) {
      more = next(&source, &target);
      if (more) batch.push_back({source, target, absl::UnknownError("")});
    }
    if (!batch.empty()) {
      calls.push_back(std::async(
          std::launch::async,
          [this](Batch mine) { return Score(std::move(mine)); },
          std::move(batch)));
    }
    if (calls.size() < kCallsInFlight && more) continue;
    if (calls.empty()) break;
    if (absl::Status status = finish_first(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<BulkScoring::Batch> BulkScoring::Score(Batch batch) const {
  v1::ScoreTextsRequest request = settings_;
  for (const ScoredPair& pair : batch) AddPair(pair, request);
  const auto response = client_.Score(request);
  if (!response.ok()) {
    if (!IsOfPair(response.status())) return response.status();
    if (absl::Status status = ScoreEach(batch); !status.ok()) return status;
    return batch;
  }
  if (static_cast<size_t>(response->scores_size()) != batch.size()) {
    return absl::InternalError(
        absl::StrCat("ScoreTexts: found ", response->scores_size(),
                     " scores, expected ", batch.size()));
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    batch[i].score = response->scores(static_cast<int>(i));
  }
  return batch;
}

// So that one at fault takes no other with it.
absl::Status BulkScoring::ScoreEach(Batch& batch) const {
  for (ScoredPair& pair : batch) {
    v1::ScoreTextsRequest request = settings_;
    AddPair(pair, request);
    auto response = client_.Score(request);
    if (response.ok() && response->scores_size() != 1) {
      return absl::InternalError("ScoreTexts: expected one score");
    }
    if (response.ok()) {
      pair.score = response->scores(0);
    } else if (IsOfPair(response.status())) {
      pair.score = response.status();
    } else {
      return response.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace peregrine::client
