#include "engine/decode/session.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/decode/cell_pool.h"
#include "engine/decode/device_steps.h"
#include "engine/decode/host_steps.h"
#include "engine/decode/hypothesis_cells.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/sentence_checks.h"
#include "engine/decode/source_side.h"
#include "engine/decode/step_resources.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"

namespace peregrine::decode {

class Session::Impl {
 public:
  Impl(const model::Model& model, kernels::Kernels& kernels,
       const SessionLimits& limits)
      : model_(model),
        kernels_(kernels),
        limits_(limits),
        max_positions_(model.max_target_length() + 1),
        target_blocks_(
            HypothesisCells::MaxBlocks(limits.max_rows, max_positions_)),
        source_(model, kernels, limits),
        memory_(kernels) {}

  absl::Status Allocate() {
    const int rows = limits_.max_rows;
    PEREGRINE_RETURN_IF_ERROR(source_.Allocate());
    PEREGRINE_ASSIGN_OR_RETURN(
        decoder_, model::Decoder::Create(
                      model_, kernels_,
                      {rows, target_blocks_.num_free() * BlockPool::kBlockCells,
                       source_.num_cells()}));
    kernels::Matrix logits;
    PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(
        rows, model_.config().architecture.target_vocab_size, &logits));
    resources_.reset(new StepResources{model_, kernels_, *decoder_,
                                       target_blocks_, logits, rows,
                                       max_positions_});
    host_steps_ = std::make_unique<HostSteps>(*resources_);
    PEREGRINE_RETURN_IF_ERROR(host_steps_->Allocate());
    PEREGRINE_ASSIGN_OR_RETURN(device_steps_, DeviceSteps::Create(*resources_));
    joined_.reserve(rows);
    finished_.reserve(rows);
    return absl::OkStatus();
  }

  Room room() const {
    return {limits_.max_rows - reserved_rows_, source_.room()};
  }

  int BlockedTokens(int source_length) const {
    return source_.BlockedTokens(source_length);
  }

  absl::Status Validate(const SentenceInput& sentence) const {
    return CheckSentence(model_, limits_.max_rows, sentence);
  }

  void Admit(absl::Span<const SentenceInput> sentences) {
    for (const SentenceInput& sentence : sentences) {
      const absl::Status valid = Validate(sentence);
      PEREGRINE_CHECK(valid.ok()) << valid;
      reserved_rows_ += sentence.options.beam_size;
    }
    PEREGRINE_CHECK(reserved_rows_ <= limits_.max_rows)
        << reserved_rows_ << " rows of " << limits_.max_rows;
    joined_.clear();
    source_.Admit(sentences, *decoder_, joined_);
    for (std::unique_ptr<LiveSentence>& sentence : joined_) {
      if (profile_ == nullptr && device_steps_ != nullptr &&
          DeviceSteps::Takes(*sentence)) {
        device_steps_->Add(std::move(sentence));
      } else {
        host_steps_->Add(std::move(sentence));
      }
    }
  }

  std::vector<SentenceOutput> Step() {
    finished_.clear();
    if (device_steps_ != nullptr) device_steps_->Step(finished_);
    host_steps_->Step(finished_);
    std::vector<SentenceOutput> outputs;
    for (const std::unique_ptr<LiveSentence>& sentence : finished_) {
      outputs.push_back(Output(*sentence));
      Release(*sentence);
    }
    return outputs;
  }

  void set_profile(model::StageProfile* profile) {
    PEREGRINE_CHECK(live_sentences() == 0) << live_sentences() << " are live";
    profile_ = profile;
    source_.set_profile(profile);
    decoder_->set_profile(profile);
    host_steps_->set_profile(profile);
  }

  bool Cancel(uint64_t id) {
    std::unique_ptr<LiveSentence> sentence = host_steps_->Remove(id);
    if (sentence == nullptr && device_steps_ != nullptr) {
      sentence = device_steps_->Remove(id);
    }
    if (sentence == nullptr) return false;
    Release(*sentence);
    return true;
  }

  absl::Status status() const { return kernels_.status(); }

  int live_sentences() const {
    return host_steps_->num_sentences() +
           (device_steps_ == nullptr ? 0 : device_steps_->num_sentences());
  }

  int live_rows() const {
    return host_steps_->num_rows() +
           (device_steps_ == nullptr ? 0 : device_steps_->num_rows());
  }

 private:
  static SentenceOutput Output(LiveSentence& sentence) {
    SentenceOutput output;
    output.id = sentence.id;
    output.hypotheses = sentence.search.TakeHypotheses();
    output.source_tokens = sentence.source_tokens;
    output.encode_time = absl::FromChrono(sentence.encode_time);
    output.decode_time =
        absl::FromChrono(LiveSentence::Clock::now() - sentence.decode_start);
    return output;
  }

  void Release(const LiveSentence& sentence) {
    source_.Release(sentence);
    reserved_rows_ -= sentence.beam_size;
  }

  const model::Model& model_;
  kernels::Kernels& kernels_;
  const SessionLimits limits_;
  const int max_positions_;  // target positions, the last for eos alone
  int reserved_rows_ = 0;
  model::StageProfile* profile_ = nullptr;

  BlockPool target_blocks_;
  SourceSide source_;
  std::unique_ptr<model::Decoder> decoder_;
  model::DeviceMemory memory_;
  std::unique_ptr<const StepResources> resources_;
  // A live sentence is with one of the two, from the encoder to its end.
  std::unique_ptr<HostSteps> host_steps_;
  std::unique_ptr<DeviceSteps> device_steps_;  // null on a CPU
  std::vector<std::unique_ptr<LiveSentence>> joined_;
  std::vector<std::unique_ptr<LiveSentence>> finished_;
};

absl::StatusOr<std::unique_ptr<Session>> Session::Create(
    const model::Model& model, kernels::Kernels& kernels,
    const SessionLimits& limits) {
  if (limits.max_rows < 1 || limits.max_source_tokens < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "session limits: found ", limits.max_rows, " rows and ",
        limits.max_source_tokens, " source tokens, expected at least 1"));
  }
  auto impl = std::make_unique<Impl>(model, kernels, limits);
  PEREGRINE_RETURN_IF_ERROR(impl->Allocate());
  return absl::WrapUnique(new Session(std::move(impl)));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Room Session::room() const { return impl_->room(); }
int Session::BlockedTokens(int source_length) const {
  return impl_->BlockedTokens(source_length);
}
absl::Status Session::Validate(const SentenceInput& sentence) const {
  return impl_->Validate(sentence);
}
void Session::Admit(absl::Span<const SentenceInput> sentences) {
  impl_->Admit(sentences);
}
std::vector<SentenceOutput> Session::Step() { return impl_->Step(); }
absl::Status Session::status() const { return impl_->status(); }
bool Session::Cancel(uint64_t id) { return impl_->Cancel(id); }
void Session::set_profile(model::StageProfile* profile) {
  impl_->set_profile(profile);
}
int Session::live_sentences() const { return impl_->live_sentences(); }
int Session::live_rows() const { return impl_->live_rows(); }

}  // namespace peregrine::decode
