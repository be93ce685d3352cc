#include "engine/decode/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/decode/beam_search.h"
#include "engine/decode/cell_pool.h"
#include "engine/decode/hypothesis_cells.h"
#include "engine/model/decoder.h"
#include "engine/model/device_memory.h"
#include "engine/model/encoder.h"

namespace peregrine::decode {
namespace {

using Clock = std::chrono::steady_clock;

// More go through the encoder in turns. On a CPU nothing is gained by more, nor
// on a device that wants larger chunks by more than one of them.
constexpr int kMaxEncoderTokens = 1024;

constexpr int kGreedyCandidates = 2;  // what a beam of one asks for

struct LiveSentence {
  LiveSentence(const SentenceInput& input, const model::TokenConfig& tokens)
      : id(input.id),
        beam_size(input.options.beam_size),
        search(input.options, tokens.decoder_start, tokens.eos),
        cells(input.options.beam_size, input.options.max_length + 1) {}

  const uint64_t id;
  const int beam_size;
  BeamSearch search;
  HypothesisCells cells;
  // What it may be made of; null: the whole vocabulary.
  std::unique_ptr<kernels::OutputSelection> selection;
  int queued_steps = 0;   // given to the device ahead; as many as done, or more
  int source_begin = 0;   // cells
  int source_length = 0;  // with prefix and suffix
  int source_tokens = 0;  // without
  Clock::duration encode_time{};
  Clock::time_point decode_start;
};

absl::Status OutOfRange(absl::string_view field, int found, int min, int max) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": found ", found, ", allowed ", min, " to ", max));
}

}  // namespace

class Session::Impl {
 public:
  Impl(const model::Model& model, kernels::Kernels& kernels,
       const SessionLimits& limits)
      : model_(model),
        kernels_(kernels),
        limits_(limits),
        step_owner_(kernels.NewStepOwner()),
        max_positions_(model.max_target_length() + 1),
        target_blocks_(
            HypothesisCells::MaxBlocks(limits.max_rows, max_positions_)),
        source_runs_(SourceCells(), limits.max_rows),
        memory_(kernels) {}

  absl::Status Allocate() {
    const int rows = limits_.max_rows;
    PEREGRINE_ASSIGN_OR_RETURN(
        encoder_, model::Encoder::Create(
                      model_, kernels_,
                      std::min(SourceCells(),
                               std::max(kMaxEncoderTokens,
                                        kernels_.encoder_chunk_tokens()))));
    PEREGRINE_ASSIGN_OR_RETURN(
        decoder_, model::Decoder::Create(
                      model_, kernels_,
                      {rows, target_blocks_.num_free() * BlockPool::kBlockCells,
                       SourceCells()}));
    PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(
        rows, model_.config().architecture.target_vocab_size, &logits_));
    PEREGRINE_RETURN_IF_ERROR(
        source_cells_.Reserve(encoder_->max_tokens(), memory_));
    for (model::UploadedInts* ints : {&tokens_, &positions_, &lengths_,
                                      &source_begins_, &source_lengths_}) {
      PEREGRINE_RETURN_IF_ERROR(ints->Reserve(rows, memory_));
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        queue_, kernels_.NewOutputQueue(rows, kGreedyCandidates));
    if (queue_ != nullptr) {
      PEREGRINE_RETURN_IF_ERROR(followed_.Reserve(rows, memory_));
      under_way_.reserve(rows);
      ahead_.reserve(rows);
    }
    PEREGRINE_RETURN_IF_ERROR(
        cells_.Reserve(static_cast<size_t>(rows) * max_positions_, memory_));
    live_.reserve(rows);
    constraints_.reserve(rows);
    top_log_probs_.reserve(static_cast<size_t>(rows) * 2 * rows);
    top_tokens_.reserve(static_cast<size_t>(rows) * 2 * rows);
    return absl::OkStatus();
  }

  Room room() const {
    return {
        limits_.max_rows - reserved_rows_,
        std::min(SourceCells() - reserved_source_, source_runs_.largest_run())};
  }

  int BlockedTokens(int source_length) const {
    return RunPool::Rounded(source_length + added_length());
  }

  absl::Status Validate(const SentenceInput& sentence) const {
    const DecodingOptions& options = sentence.options;
    const int source_length = static_cast<int>(sentence.source.size());
    const int max_source = model_.max_source_length() - added_length();
    const int vocab_size = model_.config().architecture.source_vocab_size;
    const int target_vocab_size =
        model_.config().architecture.target_vocab_size;
    const int min_source = added_length() > 0 ? 0 : 1;  // the encoder needs one
    if (source_length < min_source || source_length > max_source) {
      return OutOfRange("number of source tokens", source_length, min_source,
                        max_source);
    }
    for (int32_t token : sentence.source) {
      if (token < 0 || token >= vocab_size) {
        return OutOfRange("source token", token, 0, vocab_size - 1);
      }
    }
    if (options.source_language < -1 || options.source_language >= vocab_size) {
      return OutOfRange("source language token", options.source_language, 0,
                        vocab_size - 1);
    }
    if (options.rules.forced_first_token < -1 ||
        options.rules.forced_first_token >= target_vocab_size) {
      return OutOfRange("forced first token", options.rules.forced_first_token,
                        0, target_vocab_size - 1);
    }
    if (options.beam_size < 1 || options.beam_size > limits_.max_rows) {
      return OutOfRange("beam_size", options.beam_size, 1, limits_.max_rows);
    }
    if (options.num_hypotheses < 1 ||
        options.num_hypotheses > options.beam_size) {
      return OutOfRange("num_hypotheses", options.num_hypotheses, 1,
                        options.beam_size);
    }
    if (options.max_length < 0 ||
        options.max_length > model_.max_target_length()) {
      return OutOfRange("max_length", options.max_length, 0,
                        model_.max_target_length());
    }
    if (options.min_length < 0 || options.min_length > options.max_length) {
      return OutOfRange("min_length", options.min_length, 0,
                        options.max_length);
    }
    if (!(options.length_penalty >= -5.0f && options.length_penalty <= 5.0f)) {
      return absl::InvalidArgumentError(absl::StrCat("length_penalty: found ",
                                                     options.length_penalty,
                                                     ", allowed -5 to 5"));
    }
    return absl::OkStatus();
  }

  void Admit(absl::Span<const SentenceInput> sentences) {
    size_t begin = 0;
    while (begin < sentences.size()) {
      size_t end = begin;
      int num_tokens = 0;
      while (end < sentences.size()) {
        const int length =
            static_cast<int>(sentences[end].source.size()) + added_length();
        if (end > begin && num_tokens + length > encoder_->max_tokens()) break;
        num_tokens += length;
        ++end;
      }
      EncodeBatch(sentences.subspan(begin, end - begin));
      begin = end;
    }
  }

  std::vector<SentenceOutput> Step() {
    std::vector<SentenceOutput> outputs;
    if (live_.empty()) return outputs;
    if (AllHaveLeft(under_way_)) DropUnderWay();
    if (RunsAhead()) {
      StepAhead();
      Collect(outputs);
      return outputs;
    }
    if (!under_way_.empty()) {  // a beam has joined: the host catches up first
      Collect(outputs);
      return outputs;
    }
    const model::DecoderInput input = PrepareStep();
    RunDecoder(input);
    const int num_rows = static_cast<int>(constraints_.size());
    const kernels::TopK top = PrepareTopK(num_rows);
    ScoreOutputs(decoder_->Output(num_rows), top);
    Advance(top, outputs);
    return outputs;
  }

  void set_profile(model::StageProfile* profile) {
    profile_ = profile;
    decoder_->set_profile(profile);
  }

  bool Cancel(uint64_t id) {
    for (size_t i = 0; i < live_.size(); ++i) {
      if (live_[i]->id == id) {
        Remove(i);
        return true;
      }
    }
    return false;
  }

  absl::Status status() const { return kernels_.status(); }

  int live_sentences() const { return static_cast<int>(live_.size()); }

  int live_rows() const {
    int rows = 0;
    for (const auto& sentence : live_) {
      rows += static_cast<int>(sentence->search.live().size());
    }
    return rows;
  }

 private:
  // Of the model's prefix and suffix.
  int added_length() const { return model_.config().tokens.num_added(); }

  // The longest source must always fit.
  int SourceCells() const {
    return std::max(RunPool::Rounded(limits_.max_source_tokens),
                    RunPool::Rounded(model_.max_source_length()));
  }

  void EncodeBatch(absl::Span<const SentenceInput> sentences) {
    const model::StageTimer timer(profile_, model::Stage::kEncode, kernels_);
    const Clock::time_point start = Clock::now();
    const model::TokenConfig& tokens = model_.config().tokens;
    batch_tokens_.clear();
    batch_lengths_.clear();
    source_cells_.host.clear();
    const size_t first = live_.size();
    for (const SentenceInput& input : sentences) {
      PEREGRINE_CHECK(Validate(input).ok()) << Validate(input);
      auto sentence = std::make_unique<LiveSentence>(input, tokens);
      sentence->source_tokens = static_cast<int>(input.source.size());
      sentence->source_length = sentence->source_tokens + added_length();
      sentence->source_begin = source_runs_.Take(sentence->source_length);
      reserved_source_ += RunPool::Rounded(sentence->source_length);
      reserved_rows_ += sentence->beam_size;
      PEREGRINE_CHECK(sentence->source_begin >= 0 &&
                      reserved_rows_ <= limits_.max_rows)
          << "no room for sentence " << input.id;
      for (int i = 0; i < sentence->source_length; ++i) {
        source_cells_.host.push_back(sentence->source_begin + i);
      }
      AppendAdded(tokens.source_prefix, input.options);
      batch_tokens_.insert(batch_tokens_.end(), input.source.begin(),
                           input.source.end());
      AppendAdded(tokens.source_suffix, input.options);
      batch_lengths_.push_back(sentence->source_length);
      SelectOutputs(input, *sentence);
      live_.push_back(std::move(sentence));
    }
    const kernels::Matrix encoded =
        encoder_->Encode(batch_tokens_, batch_lengths_);
    decoder_->StoreSource(encoded, source_cells_.Upload(kernels_));
    const Clock::time_point end = Clock::now();
    for (size_t i = first; i < live_.size(); ++i) {
      live_[i]->encode_time = end - start;
      live_[i]->decode_start = end;
    }
  }

  // Of the source's own tokens: what a model adds to them says nothing.
  void SelectOutputs(const SentenceInput& input, LiveSentence& sentence) {
    if (model_.shortlist() == nullptr || !input.options.use_shortlist) return;
    const int32_t eos = model_.config().tokens.eos;
    const int32_t forced = input.options.rules.forced_first_token;
    model_.shortlist()->TargetsOf(
        input.source, {eos, forced >= 0 ? forced : eos}, shortlist_);
    auto selection =
        kernels_.SelectOutputs(*model_.weights().output, shortlist_);
    PEREGRINE_CHECK(selection.ok()) << selection.status();
    sentence.selection = *std::move(selection);
  }

  // The model's prefix or suffix, in the language of the sentence.
  void AppendAdded(const std::vector<int32_t>& added,
                   const DecodingOptions& options) {
    const int32_t language = model_.config().tokens.source_language;
    for (int32_t token : added) {
      const bool chosen = token == language && options.source_language >= 0;
      batch_tokens_.push_back(chosen ? options.source_language : token);
    }
  }

  // The arrays of the next step: a row for every live hypothesis, then those of
  // padding.
  model::DecoderInput PrepareStep() {
    const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
    ClearStep();
    int stride = 0;
    for (const auto& sentence : live_)
      stride = std::max(stride, sentence->search.step() + 1);
    const kernels::StepShape shape = PaddedShape({live_rows(), stride});
    for (const auto& sentence : live_) {
      const int step = sentence->search.step();
      const std::vector<BeamSearch::Live>& live = sentence->search.live();
      sentence->cells.Extend(live, step, target_blocks_);
      for (size_t j = 0; j < live.size(); ++j) {
        AppendRow(*sentence, j, step, live[j].last_token, shape);
      }
    }
    return UploadStep(shape);
  }

  void ClearStep() {
    for (model::UploadedInts* ints : {&tokens_, &positions_, &lengths_, &cells_,
                                      &source_begins_, &source_lengths_}) {
      ints->host.clear();
    }
    constraints_.clear();
  }

  // Hypothesis j of `sentence`, whose cells have been extended to `step`.
  void AppendRow(const LiveSentence& sentence, size_t j, int step,
                 int32_t token, kernels::StepShape shape) {
    const int first_position = model_.config().architecture.position_offset;
    tokens_.host.push_back(token);
    positions_.host.push_back(first_position + step);
    lengths_.host.push_back(step + 1);
    source_begins_.host.push_back(sentence.source_begin);
    source_lengths_.host.push_back(sentence.source_length);
    const int32_t* cells = sentence.cells.row(j);
    cells_.host.insert(cells_.host.end(), cells, cells + step + 1);
    cells_.host.resize(tokens_.host.size() * shape.cells_stride);
    constraints_.push_back(sentence.search.ConstraintAt(step));
  }

  // Adds the rows of padding.
  model::DecoderInput UploadStep(kernels::StepShape shape) {
    const int num_rows = shape.rows;
    const int stride = shape.cells_stride;
    for (model::UploadedInts* ints : {&tokens_, &positions_, &lengths_,
                                      &source_begins_, &source_lengths_}) {
      ints->host.resize(num_rows);
    }
    cells_.host.resize(static_cast<size_t>(num_rows) * stride);
    model::DecoderInput input;
    next_tokens_ = tokens_.Upload(kernels_);
    input.tokens = next_tokens_;
    input.positions = positions_.Upload(kernels_);
    input.target = {num_rows, lengths_.Upload(kernels_),
                    cells_.Upload(kernels_), stride};
    input.source = {num_rows, source_begins_.Upload(kernels_),
                    source_lengths_.Upload(kernels_)};
    return input;
  }

  void RunDecoder(const model::DecoderInput& input) {
    if (profile_ != nullptr) {  // a step that is repeated has no stages
      decoder_->Step(input);
      return;
    }
    kernels_.RunStep(step_owner_,
                     {input.target.num_rows, input.target.cells_stride},
                     [&] { decoder_->Step(input); });
  }

  // The rows of each sentence that has a selection alone, the others in runs.
  void ScoreOutputs(kernels::Matrix hidden, const kernels::TopK& top) {
    const model::StageTimer timer(profile_, model::Stage::kOutput, kernels_);
    int begin = 0;
    int end = 0;
    for (const auto& sentence : live_) {
      const int rows = static_cast<int>(sentence->search.live().size());
      if (sentence->selection != nullptr) {
        ScoreRows(begin, end - begin, nullptr, hidden, top);
        ScoreRows(end, rows, sentence->selection.get(), hidden, top);
        begin = end + rows;
      }
      end += rows;
    }
    ScoreRows(begin, end - begin, nullptr, hidden, top);
  }

  void ScoreRows(int begin, int count,
                 const kernels::OutputSelection* selection,
                 kernels::Matrix hidden, kernels::TopK top) {
    if (count == 0) return;
    const kernels::LinearWeight& output = *model_.weights().output;
    const std::vector<int32_t>& suppressed =
        model_.config().decoding.suppressed_tokens;
    const auto constraints =
        absl::MakeConstSpan(constraints_).subspan(begin, count);
    top.log_probs += static_cast<size_t>(begin) * top.k;
    top.tokens += static_cast<size_t>(begin) * top.k;
    if (selection == nullptr) {
      kernels_.OutputTopK(output, hidden.Rows(begin, count), suppressed,
                          constraints, logits_.Rows(0, count), top);
    } else {
      kernels_.SelectedTopK(output, *selection, hidden.Rows(begin, count),
                            suppressed, constraints, logits_.Rows(0, count),
                            top);
    }
  }

  // Every search by one token; those that finish leave.
  void Advance(const kernels::TopK& top, std::vector<SentenceOutput>& outputs) {
    const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
    size_t row = 0;
    for (const auto& sentence : live_) {
      const size_t rows = sentence->search.live().size();
      sentence->search.Advance(top.k, top.log_probs + row * top.k,
                               top.tokens + row * top.k);
      row += rows;
    }
    TakeFinished(outputs);
  }

  void TakeFinished(std::vector<SentenceOutput>& outputs) {
    for (size_t i = 0; i < live_.size();) {
      if (live_[i]->search.finished()) {
        outputs.push_back(Output(*live_[i]));
        Remove(i);
      } else {
        ++i;
      }
    }
  }

  // ---- Steps ahead of the host. In greedy search the next token is the best
  // one, which the device knows itself: so it gets a step while the one before
  // is under way, and the host reads the results of that meanwhile. A sentence
  // that turns out to have ended was in one step too many, which is forgotten.

  // The sentences of a step by row; null for those that have left since.
  using Rows = std::vector<LiveSentence*>;

  bool RunsAhead() const {
    if (queue_ == nullptr || profile_ != nullptr) return false;
    return std::all_of(live_.begin(), live_.end(), [](const auto& sentence) {
      return sentence->beam_size == 1 && sentence->selection == nullptr;
    });
  }

  static bool AllHaveLeft(const Rows& rows) {
    return std::all_of(rows.begin(), rows.end(),
                       [](const LiveSentence* one) { return one == nullptr; });
  }

  // Gives the device the step after the one under way.
  void StepAhead() {
    if (under_way_.empty()) QueueStep({}, under_way_);
    QueueStep(under_way_, ahead_);
  }

  // A step for all live sentences that may need one. `before`: the rows of the
  // step given last, from which those of their sentences follow.
  void QueueStep(const Rows& before, Rows& rows) {
    followed_.host.clear();
    int stride = 0;
    for (const auto& sentence : live_) {
      const int step =
          std::max(sentence->queued_steps, sentence->search.step());
      sentence->queued_steps = step;
      if (step > sentence->search.step() && sentence->search.IsLast(step - 1)) {
        continue;  // ends with the step under way
      }
      rows.push_back(sentence.get());
      stride = std::max(stride, step + 1);
    }
    if (rows.empty()) return;
    const kernels::StepShape shape =
        PaddedShape({static_cast<int>(rows.size()), stride});
    ClearStep();
    for (LiveSentence* sentence : rows) {
      const int step = sentence->queued_steps++;
      const std::vector<BeamSearch::Live>& live = sentence->search.live();
      sentence->cells.Extend(live, step, target_blocks_);
      AppendRow(*sentence, 0, step, live[0].last_token, shape);
      const auto found = std::find(before.begin(), before.end(), sentence);
      followed_.host.push_back(found == before.end()
                                   ? -1
                                   : static_cast<int>(found - before.begin()));
    }
    const model::DecoderInput input = UploadStep(shape);
    if (!before.empty()) {
      queue_->FollowBest(followed_.Upload(kernels_),
                         static_cast<int>(rows.size()), next_tokens_);
    }
    RunDecoder(input);
    const int num_rows = static_cast<int>(rows.size());
    queue_->Start(*model_.weights().output, decoder_->Output(num_rows),
                  model_.config().decoding.suppressed_tokens, constraints_,
                  logits_.Rows(0, num_rows));
  }

  // The results of the step under way; the one ahead is the next.
  void Collect(std::vector<SentenceOutput>& outputs) {
    const kernels::TopK top = AwaitUnderWay();
    for (size_t row = 0; row < under_way_.size(); ++row) {
      if (under_way_[row] == nullptr) continue;
      under_way_[row]->search.Advance(top.k, top.log_probs + row * top.k,
                                      top.tokens + row * top.k);
    }
    TakeFinished(outputs);
    under_way_.swap(ahead_);
    ahead_.clear();
  }

  void DropUnderWay() {
    if (!under_way_.empty()) AwaitUnderWay();
    under_way_.clear();
  }

  kernels::TopK AwaitUnderWay() {
    const size_t count = under_way_.size() * kGreedyCandidates;
    top_log_probs_.resize(count);
    top_tokens_.resize(count);
    const kernels::TopK top = {kGreedyCandidates, top_log_probs_.data(),
                               top_tokens_.data()};
    queue_->Await(top);
    return top;
  }

  // What the device wants a step to be padded to, as far as memory goes.
  kernels::StepShape PaddedShape(kernels::StepShape shape) const {
    kernels::StepShape padded = kernels_.PaddedStep(shape);
    padded.rows = std::min(padded.rows, limits_.max_rows);
    padded.cells_stride = std::min(padded.cells_stride, max_positions_);
    return padded;
  }

  kernels::TopK PrepareTopK(int num_rows) {
    int k = 0;
    for (const auto& sentence : live_)
      k = std::max(k, sentence->search.num_candidates());
    top_log_probs_.resize(static_cast<size_t>(num_rows) * k);
    top_tokens_.resize(static_cast<size_t>(num_rows) * k);
    return {k, top_log_probs_.data(), top_tokens_.data()};
  }

  static SentenceOutput Output(LiveSentence& sentence) {
    SentenceOutput output;
    output.id = sentence.id;
    output.hypotheses = sentence.search.TakeHypotheses();
    output.source_tokens = sentence.source_tokens;
    output.encode_time = absl::FromChrono(sentence.encode_time);
    output.decode_time = absl::FromChrono(Clock::now() - sentence.decode_start);
    return output;
  }

  void Remove(size_t i) {
    LiveSentence& sentence = *live_[i];
    for (Rows* rows : {&under_way_, &ahead_}) {
      std::replace(rows->begin(), rows->end(), &sentence,
                   static_cast<LiveSentence*>(nullptr));
    }
    sentence.cells.Release(target_blocks_);
    source_runs_.Give(sentence.source_begin, sentence.source_length);
    reserved_source_ -= RunPool::Rounded(sentence.source_length);
    reserved_rows_ -= sentence.beam_size;
    std::swap(live_[i], live_.back());
    live_.pop_back();
  }

  const model::Model& model_;
  kernels::Kernels& kernels_;
  const SessionLimits limits_;
  const int64_t step_owner_;
  const int max_positions_;  // target positions, the last for eos alone

  BlockPool target_blocks_;
  RunPool source_runs_;
  int reserved_rows_ = 0;
  int reserved_source_ = 0;
  std::vector<std::unique_ptr<LiveSentence>> live_;

  model::StageProfile* profile_ = nullptr;
  std::unique_ptr<model::Encoder> encoder_;
  std::unique_ptr<model::Decoder> decoder_;
  model::DeviceMemory memory_;

  // The batch being admitted.
  std::vector<int32_t> batch_tokens_;
  std::vector<int> batch_lengths_;
  model::UploadedInts source_cells_;  // [tokens]
  std::vector<int32_t> shortlist_;

  // The step: see model::DecoderInput.
  model::UploadedInts tokens_;
  model::UploadedInts positions_;
  model::UploadedInts lengths_;
  model::UploadedInts cells_;  // [rows, stride]
  model::UploadedInts source_begins_;
  model::UploadedInts source_lengths_;
  std::vector<kernels::TokenConstraint> constraints_;
  int32_t* next_tokens_ = nullptr;  // those of tokens_ on the device

  // Steps ahead; null and empty where the device works as it is called.
  std::unique_ptr<kernels::OutputQueue> queue_;
  Rows under_way_;                // of the oldest that is not collected
  Rows ahead_;                    // of the one after it, in StepAhead
  model::UploadedInts followed_;  // rows of the step before, by row
  kernels::Matrix logits_;        // [max_rows, vocab_size]
  std::vector<float> top_log_probs_;
  std::vector<int32_t> top_tokens_;
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
