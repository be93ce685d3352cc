#include "engine/decode/session.h"

#include <algorithm>
#include <deque>
#include <numeric>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/decode/cell_pool.h"
#include "engine/decode/device_steps.h"
#include "engine/decode/forced_steps.h"
#include "engine/decode/forced_target.h"
#include "engine/decode/host_steps.h"
#include "engine/decode/hypothesis_cells.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/search.h"
#include "engine/decode/sentence_checks.h"
#include "engine/decode/source_side.h"
#include "engine/decode/step_resources.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"

namespace peregrine::decode {
namespace {

// What a session has room for where memory is committed at once: a server's
// usual beams of the longest, and of the usual length as many as it has rows.
constexpr int kLongestBeam = 32;
constexpr int kPositionsOfRow = 256;

// Positions of a given translation that a step looks at. More gain little, and
// leave fewer rows for others.
constexpr size_t kMaxForcedRows = 64;

}  // namespace

class Session::Impl {
 public:
  Impl(const model::Model& model, kernels::Kernels& kernels,
       const SessionLimits& limits)
      : model_(model),
        kernels_(kernels),
        limits_(limits),
        max_positions_(model.max_target_length() + 1),
        target_blocks_(
            NumTargetBlocks(limits, max_positions_, kernels.commits_at_once())),
        num_target_blocks_(target_blocks_.num_free()),
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
    joined_.reserve(rows);
    finished_.reserve(rows);
    return MakeSearches();
  }

  Room room() const {
    return {limits_.max_rows - reserved_rows_, source_.room()};
  }

  int BlockedTokens(int source_length) const {
    return source_.BlockedTokens(source_length);
  }

  absl::Status Validate(const SentenceInput& sentence) const {
    PEREGRINE_RETURN_IF_ERROR(
        CheckSentence(model_, limits_.max_rows, sentence));
    if (sentence.target.has_value()) return absl::OkStatus();
    const int64_t needed = TargetTokens(sentence.options);
    const int64_t most = int64_t{num_target_blocks_} * BlockPool::kBlockCells;
    if (needed <= most) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "beam_size ", sentence.options.beam_size, " with max_length ",
        sentence.options.max_length, ": found a need of ", needed,
        " target positions, allowed at most ", most));
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
      if (sentence->status.ok()) {
        waiting_.push_back(std::move(sentence));
      } else {
        failed_.push_back(std::move(sentence));
      }
    }
    StartWaiting();
  }

  std::vector<SentenceOutput> Step() {
    finished_.clear();
    finished_.swap(failed_);
    StartWaiting();
    for (const auto& search : searches_) search->Step(finished_);
    std::vector<SentenceOutput> outputs;
    for (const std::unique_ptr<LiveSentence>& sentence : finished_) {
      outputs.push_back(Output(*sentence));
      Release(*sentence);
    }
    return outputs;
  }

  std::vector<StableTokens> TakeStable() {
    std::vector<StableTokens> stable;
    const auto take = [&](LiveSentence& sentence) {
      if (!sentence.search.options().stream) return;
      std::vector<int32_t> tokens =
          sentence.search.Tokens(sentence.search.StableNode());
      if (static_cast<int>(tokens.size()) <= sentence.num_stable) return;
      sentence.num_stable = static_cast<int>(tokens.size());
      stable.push_back({sentence.id, std::move(tokens)});
    };
    for (const auto& search : searches_) search->ForEach(take);
    return stable;
  }

  void set_profile(model::StageProfile* profile) {
    PEREGRINE_CHECK(live_sentences() == 0) << live_sentences() << " are live";
    source_.set_profile(profile);
    decoder_->set_profile(profile);
    for (const auto& search : searches_) search->set_profile(profile);
  }

  bool Cancel(uint64_t id) {
    for (const auto& search : searches_) {
      const std::unique_ptr<LiveSentence> sentence = search->Remove(id);
      if (sentence == nullptr) continue;
      Release(*sentence);
      return true;
    }
    return CancelIn(waiting_, id) || CancelIn(failed_, id);
  }

  absl::Status status() const { return kernels_.status(); }

  int live_sentences() const {
    auto sentences = static_cast<int>(waiting_.size() + failed_.size());
    for (const auto& search : searches_) sentences += search->num_sentences();
    return sentences;
  }

  int live_rows() const {
    int rows = static_cast<int>(failed_.size());
    for (const auto& search : searches_) rows += search->num_rows();
    return rows;
  }

 private:
  static int NumTargetBlocks(const SessionLimits& limits, int max_positions,
                             bool commits_at_once) {
    const auto blocks = [](int rows, int positions) {
      return HypothesisCells::MaxBlocks(rows, positions);
    };
    const int most = blocks(limits.max_rows, max_positions);
    if (limits.max_target_tokens > 0) {
      const int wanted =
          (limits.max_target_tokens - 1) / BlockPool::kBlockCells + 1;
      return std::min(std::max(wanted, blocks(1, max_positions)), most);
    }
    if (!commits_at_once) return most;
    const int longest_beam =
        blocks(std::min(limits.max_rows, kLongestBeam), max_positions);
    return std::min(
        most, std::max(longest_beam, blocks(limits.max_rows, kPositionsOfRow)));
  }

  // In order, as long as the next one can come to its end.
  void StartWaiting() {
    while (!waiting_.empty()) {
      LiveSentence& next = *waiting_.front();
      if (reserved_blocks_ + next.target_blocks > num_target_blocks_) return;
      reserved_blocks_ += next.target_blocks;
      next.has_target_blocks = true;
      SearchFor(next).Add(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }

  // In the order in which they are asked whether they take a sentence.
  absl::Status MakeSearches() {
    PEREGRINE_ASSIGN_OR_RETURN(std::unique_ptr<DeviceSteps> device_steps,
                               DeviceSteps::Create(*resources_));
    auto forced_steps = std::make_unique<ForcedSteps>(*resources_);
    PEREGRINE_RETURN_IF_ERROR(forced_steps->Allocate());
    searches_.push_back(std::move(forced_steps));
    if (device_steps != nullptr) searches_.push_back(std::move(device_steps));
    auto host_steps = std::make_unique<HostSteps>(*resources_);
    PEREGRINE_RETURN_IF_ERROR(host_steps->Allocate());
    searches_.push_back(std::move(host_steps));
    return absl::OkStatus();
  }

  Search& SearchFor(const LiveSentence& sentence) {
    return **std::find_if(
        searches_.begin(), searches_.end(),
        [&](const auto& search) { return search->Takes(sentence); });
  }

  // Of those that no search has.
  template <class Sentences>
  bool CancelIn(Sentences& sentences, uint64_t id) {
    for (auto it = sentences.begin(); it != sentences.end(); ++it) {
      if ((*it)->id != id) continue;
      Release(**it);
      sentences.erase(it);
      return true;
    }
    return false;
  }

  static SentenceOutput Output(LiveSentence& sentence) {
    SentenceOutput output;
    output.id = sentence.id;
    output.status = sentence.status;
    if (output.status.ok()) TakeHypotheses(sentence, output);
    output.source_tokens = sentence.source_tokens;
    const auto all = LiveSentence::Clock::now() - sentence.encode_start;
    const auto encoding = std::min<LiveSentence::Clock::duration>(
        sentence.encoding->Elapsed(), all);
    output.encode_time = absl::FromChrono(encoding);
    output.decode_time = absl::FromChrono(all - encoding);
    return output;
  }

  static void TakeHypotheses(LiveSentence& sentence, SentenceOutput& output) {
    std::vector<std::vector<int>> nodes;
    if (sentence.forced != nullptr) {
      output.hypotheses = {sentence.forced->Take(sentence.search.options())};
      nodes.emplace_back(output.hypotheses[0].tokens.size());
      std::iota(nodes[0].begin(), nodes[0].end(), 0);
    } else {
      output.hypotheses = sentence.search.TakeHypotheses(&nodes);
    }
    for (size_t i = 0; sentence.aligner != nullptr && i < nodes.size(); ++i) {
      output.hypotheses[i].alignment = sentence.aligner->Alignment(nodes[i]);
    }
    if (!output.hypotheses.empty()) return;
    output.status = absl::InternalError(
        "no token has a probability at the first position: the output of the "
        "model is not finite, or its shortlist has no token that may stand "
        "there");
  }

  void Release(const LiveSentence& sentence) {
    source_.Release(sentence);
    reserved_rows_ -= sentence.beam_size;
    if (sentence.has_target_blocks) reserved_blocks_ -= sentence.target_blocks;
  }

  const model::Model& model_;
  kernels::Kernels& kernels_;
  const SessionLimits limits_;
  const int max_positions_;  // target positions, the last for eos alone
  int reserved_rows_ = 0;

  BlockPool target_blocks_;
  const int num_target_blocks_;
  int reserved_blocks_ = 0;  // what the sentences that live may come to take
  SourceSide source_;
  std::unique_ptr<model::Decoder> decoder_;
  model::DeviceMemory memory_;
  std::unique_ptr<const StepResources> resources_;
  std::vector<std::unique_ptr<Search>> searches_;
  std::vector<std::unique_ptr<LiveSentence>> joined_;
  std::deque<std::unique_ptr<LiveSentence>> waiting_;  // for target blocks
  std::vector<std::unique_ptr<LiveSentence>> failed_;  // before the first step
  std::vector<std::unique_ptr<LiveSentence>> finished_;
};

DecodingOptions ScoringOptions(const DecodingOptions& defaults,
                               size_t target_tokens, int max_rows) {
  DecodingOptions options = defaults;
  options.steering = {};
  options.num_hypotheses = 1;
  options.min_length = 0;
  options.use_shortlist = false;
  options.beam_size = std::min(
      max_rows, static_cast<int>(std::min(target_tokens + 2, kMaxForcedRows)));
  return options;
}

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
int64_t Session::TargetTokens(const DecodingOptions& options) {
  return int64_t{HypothesisCells::MaxBlocks(options.beam_size,
                                            options.max_length + 1)} *
         BlockPool::kBlockCells;
}
absl::Status Session::Validate(const SentenceInput& sentence) const {
  return impl_->Validate(sentence);
}
void Session::Admit(absl::Span<const SentenceInput> sentences) {
  impl_->Admit(sentences);
}
std::vector<SentenceOutput> Session::Step() { return impl_->Step(); }
std::vector<StableTokens> Session::TakeStable() { return impl_->TakeStable(); }
absl::Status Session::status() const { return impl_->status(); }
bool Session::Cancel(uint64_t id) { return impl_->Cancel(id); }
void Session::set_profile(model::StageProfile* profile) {
  impl_->set_profile(profile);
}
int Session::live_sentences() const { return impl_->live_sentences(); }
int Session::live_rows() const { return impl_->live_rows(); }

}  // namespace peregrine::decode
