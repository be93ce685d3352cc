#ifndef PEREGRINE_ENGINE_DECODE_SOURCE_SIDE_H_
#define PEREGRINE_ENGINE_DECODE_SOURCE_SIDE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/decode/cell_pool.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/session.h"
#include "engine/kernels/kernels.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"
#include "engine/model/encoder.h"
#include "engine/model/model.h"
#include "engine/model/stage_profile.h"

namespace peregrine::decode {

// How sentences join a session: each gets source cells, together they go
// through the encoder, and the keys and values that the decoder looks at come
// into their cells. Sentences with the same source share them, and it is
// encoded once, as long as one of them is live: several translations of a
// source are scored so, and options compared. With SentenceInput::keep_source
// it is known after that, until others need its cells. Not thread-safe; `model`
// and `kernels` must outlive it.
class SourceSide {
 public:
  SourceSide(const model::Model& model, kernels::Kernels& kernels,
             const SessionLimits& limits);

  absl::Status Allocate();

  int num_cells() const { return num_cells_; }
  // Source tokens that there is room for, in whole blocks.
  int room() const;
  // What a sentence of `source_length` ids takes from it.
  int BlockedTokens(int source_length) const;

  // Appends the sentences, encoded, to `joined`; there must be room (CHECK).
  // `decoder` has num_cells() source cells.
  void Admit(absl::Span<const SentenceInput> inputs, model::Decoder& decoder,
             std::vector<std::unique_ptr<LiveSentence>>& joined);

  // Takes back what `sentence` had.
  void Release(const LiveSentence& sentence);

  void set_profile(model::StageProfile* profile) { profile_ = profile; }

 private:
  // The cells of a source, and how many sentences read them.
  struct Run {
    int begin = 0;
    int num_sentences = 0;
    bool is_wanted = false;  // by others that come soon
    bool is_kept = false;    // for these, in cells that are free
  };

  int added_length() const { return model_.config().tokens.num_added(); }
  std::vector<int32_t> TokensOf(const SentenceInput& input) const;
  void AppendAdded(const std::vector<int32_t>& added,
                   const DecodingOptions& options,
                   std::vector<int32_t>& tokens) const;
  std::unique_ptr<LiveSentence> Join(const SentenceInput& input,
                                     std::vector<int32_t> source);
  int TakeRun(std::vector<int32_t> source, bool is_wanted);
  void Restore(absl::Span<const std::vector<int32_t>> sources);
  void ForgetIn(int begin, int end);
  void Encode(absl::Span<const std::unique_ptr<LiveSentence>> sentences,
              model::Decoder& decoder);
  void SelectOutputs(const SentenceInput& input, LiveSentence& sentence);

  const model::Model& model_;
  kernels::Kernels& kernels_;
  const int num_cells_;
  RunPool runs_;
  int used_cells_ = 0;
  absl::node_hash_map<std::vector<int32_t>, Run> sources_;  // by their tokens
  std::map<int, const std::vector<int32_t>*> source_at_;    // by begin
  int num_kept_ = 0;
  model::StageProfile* profile_ = nullptr;
  std::unique_ptr<model::Encoder> encoder_;
  model::DeviceMemory memory_;

  // The batch to encode.
  std::vector<int32_t> tokens_;
  std::vector<int> lengths_;
  model::UploadedInts cells_;  // [tokens]
  std::vector<int32_t> shortlist_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SOURCE_SIDE_H_
