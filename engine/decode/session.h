#ifndef PEREGRINE_ENGINE_DECODE_SESSION_H_
#define PEREGRINE_ENGINE_DECODE_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/kernels/kernels.h"
#include "engine/model/model.h"
#include "engine/model/stage_profile.h"

namespace peregrine::decode {

// What a session may hold at once. Memory follows from it and is reserved when
// the session is made; pages are committed as they are used.
struct SessionLimits {
  int max_rows = 256;             // live hypotheses: sum of beam sizes
  int max_source_tokens = 16384;  // sum over the live sentences
  // Target positions that live sentences may come to have, see
  // Session::TargetTokens. Those beyond wait inside the session. 0: all that
  // max_rows can come to, where memory is committed as it is used, else 256 a
  // row or a beam of 32 of the longest.
  int max_target_tokens = 0;
};

// One sentence to translate, already in token ids (the session adds the
// model's source prefix and suffix).
struct SentenceInput {
  uint64_t id = 0;  // chosen by the caller, repeated in the output
  std::vector<int32_t> source;
  DecodingOptions options;
  // A translation that is given: it is scored, and not searched for. Its tokens
  // are those of a hypothesis. See ScoringOptions.
  std::optional<std::vector<int32_t>> target = std::nullopt;
  // Others with its source come soon. What the encoder made of it is kept for
  // them, unless those that come before need the room.
  bool keep_source = false;
};

// The options of a sentence whose translation of `target_tokens` tokens is
// given, of the model's defaults. `beam_size` says how many of its positions a
// step looks at, at most `max_rows`; of the other options the languages, the
// length penalty and `align` count.
DecodingOptions ScoringOptions(const DecodingOptions& defaults,
                               size_t target_tokens, int max_rows);

struct SentenceOutput {
  uint64_t id = 0;
  // Not OK: this sentence alone has failed. INTERNAL: the model gives no token
  // a probability. RESOURCE_EXHAUSTED: no memory for what it needs.
  absl::Status status;
  std::vector<Hypothesis> hypotheses;  // best first; none where it failed
  int source_tokens = 0;
  absl::Duration encode_time;  // wall time in the encoder, batch-mates included
  absl::Duration decode_time;  // wall time from there to the last token
};

// How the first hypothesis of a live sentence begins, whatever becomes of it.
struct StableTokens {
  uint64_t id = 0;
  std::vector<int32_t> tokens;
};

// What is still free in a session.
struct Room {
  int rows = 0;
  int source_tokens = 0;

  // Takes what one more sentence needs. False where that does not fit: then
  // nothing more does.
  bool Take(int needed_rows, int needed_source_tokens) {
    rows -= needed_rows;
    source_tokens -= needed_source_tokens;
    return rows >= 0 && source_tokens >= 0;
  }
};

// Live sentences of one worker: continuous batching. Sentences join between
// two steps and leave as they finish, so that a batch is never closed. What a
// sentence yields does not depend on those beside it. Not thread-safe: belongs
// to one worker thread.
//
//   while (...) {
//     session.Admit(sentences);              // encodes them, if any fit
//     for (SentenceOutput& output : session.Step()) ...
//   }
class Session {
 public:
  // `model` and `kernels` must outlive the session; `kernels` is used by this
  // session's thread alone. RESOURCE_EXHAUSTED: not enough device memory.
  static absl::StatusOr<std::unique_ptr<Session>> Create(
      const model::Model& model, kernels::Kernels& kernels,
      const SessionLimits& limits);
  ~Session();

  // Room for more. A sentence fits if it needs no more rows than its beam_size
  // and no more source tokens than its length (with what is added) in whole
  // blocks, see BlockedTokens.
  Room room() const;

  // Source tokens that a sentence of `source_length` ids takes from the room.
  int BlockedTokens(int source_length) const;

  // Target positions that a sentence may come to have: for each hypothesis of
  // its beam its max_length and the end symbol, in whole blocks. It takes them
  // as it grows, but lives only where there will be so many.
  static int64_t TargetTokens(const DecodingOptions& options);

  // INVALID_ARGUMENT: the model cannot take this sentence (longer than the
  // positions, empty without a suffix, a token outside the vocabulary, options
  // out of range).
  absl::Status Validate(const SentenceInput& sentence) const;

  // Encodes the sentences together and makes them live. Each must be valid and
  // all must fit the room (CHECK). The outputs of Step() carry their ids. A
  // sentence for whose target there is no room yet waits, and those after it.
  void Admit(absl::Span<const SentenceInput> sentences);

  // One token for every live hypothesis. Returns the sentences that finished;
  // look at status() before them.
  std::vector<SentenceOutput> Step();

  // Of each live sentence that has `stream`, where it is more than before.
  std::vector<StableTokens> TakeStable();

  // Not OK once the device has failed: whatever Step has returned since the
  // last look is worth nothing, no live sentence can be saved, and the session
  // is of no more use.
  absl::Status status() const;

  // Takes a live sentence out at once; its rows are free. False: not live.
  bool Cancel(uint64_t id);

  // From now on adds the time of every stage to `profile`, which must outlive
  // the session; null, as at first: to none. On a device that works behind the
  // caller's back a profiled session does one step at a time. Only while no
  // sentence is live (CHECK).
  void set_profile(model::StageProfile* profile);

  int live_sentences() const;
  int live_rows() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SESSION_H_
