#ifndef PEREGRINE_SERVER_BACKEND_MODEL_BACKEND_H_
#define PEREGRINE_SERVER_BACKEND_MODEL_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/decode/session.h"
#include "engine/document/document.h"
#include "engine/model/languages.h"
#include "engine/text_plan.h"
#include "engine/word_alignment.h"

// What the server asks of the engine: the seam at which its tests put a fake
// (fake_backend.h). The real one is engine_backend.h; the contracts are those
// of the engine classes behind it.
namespace peregrine::server {

// See decode::Session. Belongs to one worker thread.
class DecodeSession {
 public:
  virtual ~DecodeSession() = default;
  virtual decode::Room room() const = 0;
  virtual int BlockedTokens(int source_length) const = 0;
  virtual absl::Status Validate(
      const decode::SentenceInput& sentence) const = 0;
  virtual void Admit(absl::Span<const decode::SentenceInput> sentences) = 0;
  virtual std::vector<decode::SentenceOutput> Step() = 0;
  virtual std::vector<decode::StableTokens> TakeStable() { return {}; }
  virtual bool Cancel(uint64_t id) = 0;
  virtual int live_rows() const = 0;
  virtual absl::Status status() const { return absl::OkStatus(); }
};

// See TextBeginning. Not thread-safe.
class BegunText {
 public:
  virtual ~BegunText() = default;
  virtual void Extend(size_t sentence, absl::Span<const int32_t> tokens) = 0;
  virtual void Finish(size_t sentence,
                      const decode::Hypothesis& hypothesis) = 0;
  virtual const std::string& text() const = 0;
};

// See TextPlan.
class PlannedText {
 public:
  virtual ~PlannedText() = default;
  virtual const std::vector<std::vector<int32_t>>& sentences() const = 0;
  virtual bool NeedsAlignment(size_t /*sentence*/) const { return false; }
  virtual void DemandMarkers(size_t /*sentence*/,
                             decode::DecodingOptions* /*options*/) const {}
  // Of a text of one sentence; `encoded` are the tokens of `text` as it is.
  virtual TextPlan::Begun BeginWith(absl::string_view /*text*/,
                                    const std::vector<int32_t>& encoded) {
    return {encoded, encoded, {}};
  }
  virtual void BeginWith(const std::vector<int32_t>& /*tokens*/) {}
  virtual absl::string_view SetAsideIn(size_t /*sentence*/,
                                       absl::string_view /*phrase*/) const {
    return "";
  }
  virtual TextTranslation Assemble(
      absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
      bool with_words) const = 0;
  // The plan must outlive it.
  virtual std::unique_ptr<BegunText> Begin() const = 0;
};

struct ModelInfo {
  std::string name;
  std::string source_language;
  std::string target_language;
  std::vector<model::Language> languages;  // see model::ModelConfig
  std::string architecture;                // for people
  int64_t parameters = 0;
  int source_vocab_size = 0;
  int target_vocab_size = 0;
  int max_source_tokens = 0;
  int max_target_tokens = 0;
  std::string device;
  std::string precision;
  std::string products;  // what multiplies, see kernels::DescribeProducts
  int64_t weights_bytes = 0;
  // Another one wherever a file of the model is another: tells answers of one
  // model from those of its successor under the same name.
  std::string revision;
  absl::Duration load_time;
};

// Memory that this process has taken of a device that counts it, for all its
// models.
struct DeviceMemory {
  std::string device;
  int64_t used_bytes = 0;
  int64_t free_bytes = 0;  // taken, and not used yet
};

// A loaded model. Thread-safe.
class ModelBackend {
 public:
  virtual ~ModelBackend() = default;

  virtual const ModelInfo& info() const = 0;
  // Now. The same for all models of a process.
  virtual std::vector<DeviceMemory> device_memory() const { return {}; }
  virtual decode::DecodingOptions DefaultOptions(int source_tokens) const = 0;

  // Call on the thread that will use the session. It is warm: its first
  // sentence takes no longer than later ones.
  virtual absl::StatusOr<std::unique_ptr<DecodeSession>> MakeSession(
      const decode::SessionLimits& limits) const = 0;

  // Whether its vocabularies say how tokens are spelt.
  virtual bool has_tokenizers() const = 0;
  // Whether it translates text, or tokens only; and why only these, where more
  // is to be said than that it has no tokenizer.
  virtual bool takes_text() const { return has_tokenizers(); }
  virtual std::string text_refusal() const { return ""; }
  virtual std::unique_ptr<PlannedText> Plan(
      absl::string_view text,
      const document::DocumentOptions& options) const = 0;

  // Pieces of the vocabularies. What the source vocabulary lacks becomes the
  // unknown token, and is counted in `unknown`. An end symbol that the model
  // adds itself is left out at the end.
  virtual std::vector<int32_t> SourceIds(
      absl::Span<const absl::string_view> pieces, int& unknown) const = 0;
  virtual std::string TargetPiece(int32_t id) const = 0;
  // Likewise of the other vocabulary and direction.
  virtual std::string SourcePiece(int32_t /*id*/) const { return ""; }
  virtual std::vector<int32_t> TargetIds(
      absl::Span<const absl::string_view> /*pieces*/, int& /*unknown*/) const {
    return {};
  }
  // The tokens of a part of a translation.
  virtual std::vector<int32_t> EncodeTarget(absl::string_view /*text*/) const {
    return {};
  }
  // Ways to write it in tokens, EncodeTarget's first: see text::Spellings.
  virtual std::vector<std::vector<int32_t>> SpellTarget(
      absl::string_view text) const {
    return {EncodeTarget(text)};
  }
  // The tokens of a whole source, as it is: nothing is cut or set aside.
  virtual std::vector<int32_t> EncodeSource(absl::string_view /*text*/) const {
    return {};
  }
  virtual int32_t UnknownSource() const { return -1; }
  // Of a source and a translation that EncodeSource and EncodeTarget encoded.
  virtual AlignedWords AlignWords(
      absl::string_view /*source*/, absl::Span<const int32_t> /*tokens*/,
      absl::string_view /*target*/,
      const decode::Hypothesis& /*hypothesis*/) const {
    return {};
  }
  // Whether a translation that is given can be scored: see decode::CheckTarget.
  virtual absl::Status CheckTarget(
      const std::vector<int32_t>& /*target*/,
      const decode::DecodingOptions& /*options*/) const {
    return absl::OkStatus();
  }
  virtual int32_t EndSymbol() const { return -1; }
  // See decode::CheckSteering.
  virtual absl::Status CheckSteering(
      const decode::DecodingOptions& /*options*/) const {
    return absl::OkStatus();
  }
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_BACKEND_MODEL_BACKEND_H_
