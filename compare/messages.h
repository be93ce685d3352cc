#ifndef PEREGRINE_COMPARE_MESSAGES_H_
#define PEREGRINE_COMPARE_MESSAGES_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/model/multiply_adds.h"

// What a comparison and the processes that hold its models say to each other,
// in JSON. peer.py speaks it, too.
namespace peregrine::compare {

using Json = nlohmann::ordered_json;

// The first thing that a process says: what it holds.
struct ModelFacts {
  std::string format;
  std::string architecture;
  std::string precision;
  std::int64_t parameters = 0;
  std::int64_t weights_bytes = 0;
  int source_vocab_size = 0;
  int target_vocab_size = 0;
  int longest = 0;  // tokens, of a source and of its translation
  bool has_tokenizers = false;
  std::string gpu;  // PCI bus id of where it runs; empty: not on a GPU
  // Not of peers.
  absl::optional<model::MultiplyAdds> multiply_adds;
};

// "Translate sentences of these lengths into as many tokens."
struct SpeedRequest {
  std::vector<int> lengths;
  int beam_size = 1;
  int batch_size = 1;  // sentences side by side, of each worker
};

struct SpeedResult {
  double seconds = 0;
  double cpu_seconds = 0;  // of all workers: below theirs on a busy machine
  std::int64_t target_tokens = 0;
  std::vector<double> latencies;  // seconds, of each sentence
  std::int64_t peak_bytes = 0;    // resident, of the process
};

// "Translate these texts, each a sentence."
struct TextRequest {
  std::vector<std::string> texts;
  int beam_size = 1;
  int batch_size = 1;
};

struct TextResult {
  double seconds = 0;
  std::vector<std::string> translations;
};

Json ToJson(const ModelFacts& facts);
Json ToJson(const SpeedRequest& request);
Json ToJson(const SpeedResult& result);
Json ToJson(const TextRequest& request);
Json ToJson(const TextResult& result);

// {"error": ...} instead of an answer.
Json ErrorJson(const absl::Status& status);

// A process gone wrong: INTERNAL, or the error that it sent.
absl::StatusOr<ModelFacts> ParseFacts(const Json& json);
absl::StatusOr<SpeedResult> ParseSpeedResult(const Json& json);
absl::StatusOr<TextResult> ParseTextResult(const Json& json);

// Which of the two a request is, and what it asks.
bool IsSpeedRequest(const Json& json);
absl::StatusOr<SpeedRequest> ParseSpeedRequest(const Json& json);
absl::StatusOr<TextRequest> ParseTextRequest(const Json& json);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_MESSAGES_H_
