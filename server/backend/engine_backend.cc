#include "server/backend/engine_backend.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "engine/decode/sentence_checks.h"
#include "engine/decode/session.h"
#include "engine/decode/steering_checks.h"
#include "engine/formats/recognise.h"
#include "engine/kernels/gpu_memory.h"
#include "engine/kernels/precision.h"
#include "engine/text/spellings.h"
#include "engine/text/tokenizer.h"
#include "engine/text_beginning.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"
#include "server/backend/model_files.h"
#include "server/backend/warm_up.h"

namespace peregrine::server {
namespace {

// Of a phrase that is not to be there.
constexpr size_t kMaxSpellings = 16;

class EngineSession : public DecodeSession {
 public:
  static absl::StatusOr<std::unique_ptr<DecodeSession>> Create(
      const TranslationModel& model, const decode::SessionLimits& limits) {
    auto session = absl::WrapUnique(new EngineSession);
    PEREGRINE_ASSIGN_OR_RETURN(session->kernels_,
                               kernels::MakeKernels(model.device()));
    PEREGRINE_ASSIGN_OR_RETURN(
        session->session_,
        decode::Session::Create(model.weights(), *session->kernels_, limits));
    return session;
  }

  decode::Room room() const override { return session_->room(); }
  int BlockedTokens(int source_length) const override {
    return session_->BlockedTokens(source_length);
  }
  absl::Status Validate(const decode::SentenceInput& sentence) const override {
    return session_->Validate(sentence);
  }
  void Admit(absl::Span<const decode::SentenceInput> sentences) override {
    session_->Admit(sentences);
  }
  std::vector<decode::SentenceOutput> Step() override {
    return session_->Step();
  }
  std::vector<decode::StableTokens> TakeStable() override {
    return session_->TakeStable();
  }
  bool Cancel(uint64_t id) override { return session_->Cancel(id); }
  int live_rows() const override { return session_->live_rows(); }
  absl::Status status() const override { return session_->status(); }

 private:
  EngineSession() = default;
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<decode::Session> session_;  // above it goes first
};

class EngineBegunText : public BegunText {
 public:
  EngineBegunText(const TextPlan& plan, const TranslationModel& model)
      : beginning_(plan, model) {}

  void Extend(size_t sentence, absl::Span<const int32_t> tokens) override {
    beginning_.Extend(sentence, tokens);
  }
  void Finish(size_t sentence, const decode::Hypothesis& hypothesis) override {
    beginning_.Finish(sentence, hypothesis);
  }
  const std::string& text() const override { return beginning_.text(); }

 private:
  TextBeginning beginning_;
};

class EnginePlan : public PlannedText {
 public:
  EnginePlan(const TranslationModel& model, TextPlan plan)
      : model_(model), plan_(std::move(plan)) {}

  const std::vector<std::vector<int32_t>>& sentences() const override {
    return plan_.sentences();
  }
  bool NeedsAlignment(size_t sentence) const override {
    return plan_.NeedsAlignment(sentence);
  }
  void DemandMarkers(size_t sentence,
                     decode::DecodingOptions* options) const override {
    plan_.DemandMarkers(model_, sentence, options);
  }
  TextPlan::Begun BeginWith(absl::string_view text,
                            const std::vector<int32_t>& /*encoded*/) override {
    return plan_.BeginWith(model_, text);
  }
  void BeginWith(const std::vector<int32_t>& tokens) override {
    plan_.BeginWith(model_, tokens);
  }
  absl::string_view SetAsideIn(size_t sentence,
                               absl::string_view phrase) const override {
    return plan_.SetAsideIn(sentence, phrase);
  }
  TextTranslation Assemble(
      absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
      bool with_words) const override {
    return plan_.Assemble(model_, hypotheses, with_words);
  }
  std::unique_ptr<BegunText> Begin() const override {
    return std::make_unique<EngineBegunText>(plan_, model_);
  }

 private:
  const TranslationModel& model_;
  TextPlan plan_;
};

class EngineBackend : public ModelBackend {
 public:
  // `models` are the same on each of `devices`.
  EngineBackend(std::vector<std::unique_ptr<const TranslationModel>> models,
                absl::Span<const DeviceWorkers> devices,
                const std::string& name, const std::string& revision,
                absl::Duration load_time)
      : models_(std::move(models)),
        model_(*models_[0]),
        source_pieces_(model_.source_tokenizer()),
        target_pieces_(model_.target_tokenizer()) {
    const model::ModelConfig& config = model_.config();
    const model::Weights& weights = model_.weights().weights();
    std::vector<std::string> precisions;
    std::vector<std::string> products;
    for (size_t i = 0; i < devices.size(); ++i) {
      worker_models_.insert(worker_models_.end(), devices[i].num_workers,
                            models_[i].get());
      precisions.emplace_back(kernels::PrecisionName(devices[i].precision));
      products.push_back(kernels::DescribeProducts(devices[i].device));
      info_.weights_bytes +=
          static_cast<int64_t>(models_[i]->weights().weights().bytes);
    }
    precisions.erase(std::unique(precisions.begin(), precisions.end()),
                     precisions.end());
    products.erase(std::unique(products.begin(), products.end()),
                   products.end());
    info_.name = name.empty() ? config.name : name;
    info_.source_language = config.source_language;
    info_.target_language = config.target_language;
    info_.languages = config.languages;
    info_.architecture = model::DescribeArchitecture(config.architecture);
    info_.parameters = weights.num_parameters;
    info_.source_vocab_size = config.architecture.source_vocab_size;
    info_.target_vocab_size = config.architecture.target_vocab_size;
    info_.max_source_tokens = model_.max_source_tokens();
    info_.max_target_tokens = model_.max_target_tokens();
    info_.revision = revision;
    info_.load_time = load_time;
    info_.device = DeviceNames(devices);
    info_.precision = absl::StrJoin(precisions, "+");
    info_.products = absl::StrJoin(products, "; ");
  }

  const ModelInfo& info() const override { return info_; }
  std::vector<DeviceMemory> device_memory() const override {
    std::vector<DeviceMemory> devices;
    for (const kernels::GpuMemory& gpu : kernels::MemoryOfGpus()) {
      devices.push_back({gpu.device, static_cast<int64_t>(gpu.used_bytes),
                         static_cast<int64_t>(gpu.free_bytes)});
    }
    return devices;
  }
  decode::DecodingOptions DefaultOptions(int source_tokens) const override {
    return model_.DefaultOptions(source_tokens);
  }
  absl::StatusOr<std::unique_ptr<DecodeSession>> MakeSession(
      const decode::SessionLimits& limits) const override {
    const size_t worker = num_sessions_++ % worker_models_.size();
    PEREGRINE_ASSIGN_OR_RETURN(
        auto session, EngineSession::Create(*worker_models_[worker], limits));
    PEREGRINE_RETURN_IF_ERROR(WarmUp(*this, *session));
    return session;
  }

  bool has_tokenizers() const override {
    return source_pieces_ != nullptr && target_pieces_ != nullptr;
  }
  bool takes_text() const override { return model_.takes_text(); }
  std::string text_refusal() const override { return model_.text_refusal(); }
  std::unique_ptr<PlannedText> Plan(
      absl::string_view text,
      const document::DocumentOptions& options) const override {
    return std::make_unique<EnginePlan>(model_,
                                        TextPlan::Make(model_, text, options));
  }
  std::vector<int32_t> SourceIds(absl::Span<const absl::string_view> pieces,
                                 int& unknown) const override {
    const std::vector<int32_t> ids = Ids(*source_pieces_, pieces, unknown);
    const auto own = model_.config().tokens.WithoutAdded(ids);
    return std::vector<int32_t>(own.begin(), own.end());
  }
  std::vector<int32_t> TargetIds(absl::Span<const absl::string_view> pieces,
                                 int& unknown) const override {
    return Ids(*target_pieces_, pieces, unknown);
  }
  std::string TargetPiece(int32_t id) const override {
    return Piece(*target_pieces_, id);
  }
  std::string SourcePiece(int32_t id) const override {
    return Piece(*source_pieces_, id);
  }
  std::vector<int32_t> EncodeTarget(absl::string_view text) const override {
    return target_pieces_->Encode(text);
  }
  std::vector<std::vector<int32_t>> SpellTarget(
      absl::string_view text) const override {
    return text::Spellings(*target_pieces_, text, kMaxSpellings);
  }
  std::vector<int32_t> EncodeSource(absl::string_view text) const override {
    text = absl::StripAsciiWhitespace(text);
    const absl::string_view code = source_pieces_->LanguageCode(text);
    text.remove_prefix(code.size());
    return source_pieces_->Encode(
        absl::StrCat(code, absl::StripLeadingAsciiWhitespace(text)));
  }
  AlignedWords AlignWords(absl::string_view source,
                          absl::Span<const int32_t> tokens,
                          absl::string_view target,
                          const decode::Hypothesis& hypothesis) const override {
    return peregrine::AlignWords(model_, source, tokens, target, hypothesis);
  }
  int32_t UnknownSource() const override { return source_pieces_->unk_id(); }
  absl::Status CheckTarget(
      const std::vector<int32_t>& target,
      const decode::DecodingOptions& options) const override {
    return decode::CheckTarget(model_.weights(), target, options);
  }
  int32_t EndSymbol() const override { return model_.config().tokens.eos; }
  absl::Status CheckSteering(
      const decode::DecodingOptions& options) const override {
    return decode::CheckSteering(options, model_.config());
  }

 private:
  static std::vector<int32_t> Ids(const text::Tokenizer& tokenizer,
                                  absl::Span<const absl::string_view> pieces,
                                  int& unknown) {
    std::vector<int32_t> ids;
    ids.reserve(pieces.size());
    for (absl::string_view piece : pieces) {
      const absl::optional<int32_t> id = tokenizer.id(piece);
      unknown += !id.has_value();
      ids.push_back(id.value_or(tokenizer.unk_id()));
    }
    return ids;
  }
  static std::string Piece(const text::Tokenizer& tokenizer, int32_t id) {
    // A model may have more rows than its vocabulary has pieces.
    if (id < 0 || id >= tokenizer.vocab_size()) id = tokenizer.unk_id();
    return std::string(tokenizer.piece(id));
  }

  const std::vector<std::unique_ptr<const TranslationModel>> models_;
  const TranslationModel& model_;  // one of them, for all but computing
  std::vector<const TranslationModel*> worker_models_;  // of each worker
  mutable std::atomic<size_t> num_sessions_{0};
  const text::Tokenizer* source_pieces_;  // null: tokens in, tokens out only
  const text::Tokenizer* target_pieces_;
  ModelInfo info_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const ModelBackend>> LoadEngineBackend(
    const std::string& directory, const std::string& name,
    absl::Span<const DeviceWorkers> devices) {
  const absl::Time start = absl::Now();
  if (absl::Status files = CheckModelFiles(directory);
      absl::IsInvalidArgument(files)) {
    return files;  // of others the engine has more to say
  }
  // Beside the loading, which reads the same files.
  auto digest = std::async(
      std::launch::async, [&directory] { return DigestModelFiles(directory); });
  std::vector<std::unique_ptr<const TranslationModel>> models;
  for (const DeviceWorkers& workers : devices) {
    PEREGRINE_ASSIGN_OR_RETURN(
        models.emplace_back(),
        TranslationModel::Load(directory, workers.device, workers.precision));
  }
  PEREGRINE_ASSIGN_OR_RETURN(const ModelFiles files, digest.get());
  return std::make_unique<EngineBackend>(std::move(models), devices, name,
                                         files.revision, absl::Now() - start);
}

absl::StatusOr<ModelInfo> DescribeEngineModel(const ModelSource& source) {
  PEREGRINE_ASSIGN_OR_RETURN(const formats::Checkpoint checkpoint,
                             formats::OpenCheckpoint(source.directory));
  const model::ModelConfig& config = checkpoint.config;
  ModelInfo info;
  info.name = source.name.empty() ? config.name : source.name;
  info.source_language = config.source_language;
  info.target_language = config.target_language;
  info.languages = config.languages;
  info.architecture = model::DescribeArchitecture(config.architecture);
  info.source_vocab_size = config.architecture.source_vocab_size;
  info.target_vocab_size = config.architecture.target_vocab_size;
  return info;
}

}  // namespace peregrine::server
