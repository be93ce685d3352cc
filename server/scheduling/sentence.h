#ifndef PEREGRINE_SERVER_SCHEDULING_SENTENCE_H_
#define PEREGRINE_SERVER_SCHEDULING_SENTENCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "engine/decode/decoding_options.h"
#include "server/clients/flow.h"

namespace peregrine::server {

class SentenceGroup;

// One sentence on its way through the server: queue, then a worker's session.
// Its group gets exactly one answer for it.
struct Sentence {
  std::vector<int32_t> source;
  decode::DecodingOptions options;
  // Given, to be scored: see decode::SentenceInput.
  std::optional<std::vector<int32_t>> target = std::nullopt;
  bool keep_source = false;  // likewise
  absl::Time deadline = absl::InfiniteFuture();
  Flow flow;

  SentenceGroup* group = nullptr;  // outlives the answer
  int index = 0;                   // place in the group

  // Filled in by Batcher::Submit and the queue.
  int source_tokens = 0;  // room that the source takes in a session
  absl::Time arrival;

  int rows() const { return options.beam_size; }
  // That it takes at most.
  int max_steps() const {
    if (!target.has_value()) return options.max_length;
    return static_cast<int>(target->size() + 1) / rows() + 1;
  }
};

// What the sentences of a request have in common.
struct SentenceTerms {
  absl::Time deadline = absl::InfiniteFuture();
  Flow flow;
};

// What a worker made of a sentence.
struct SentenceAnswer {
  std::vector<decode::Hypothesis> hypotheses;  // best first, at least one
  int source_tokens = 0;
  absl::Duration queue_time;
  absl::Duration encode_time;
  absl::Duration decode_time;
  // It was made for another sentence, equal to this: encoded and decoded then.
  bool is_reused = false;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_SENTENCE_H_
