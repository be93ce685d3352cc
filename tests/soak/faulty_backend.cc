#include "tests/soak/faulty_backend.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {
namespace {

constexpr absl::Duration kStall = absl::Milliseconds(100);

int NumberOf(const char* variable) {
  const char* text = std::getenv(variable);
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : 0;
}

// Each thread has numbers of its own, the same in each run of one seed.
bool OneIn(int n) {
  static std::atomic<int> num_threads{0};
  static thread_local std::mt19937 random(
      static_cast<unsigned>(NumberOf("PEREGRINE_FAULT_SEED")) * 1000 +
      static_cast<unsigned>(num_threads++));
  return n > 0 && random() % n == 0;
}

// Memory that nothing points to any more, touched, so that it is resident.
void Leak(int bytes) {
  if (bytes <= 0) return;
  static std::atomic<char> last{0};
  char* block = static_cast<char*>(std::malloc(bytes));
  std::memset(block, 1, bytes);
  last = block[bytes - 1];
}

class FaultySession : public DecodeSession {
 public:
  FaultySession(std::unique_ptr<DecodeSession> session, const Faults& faults)
      : session_(std::move(session)), faults_(faults) {}

  decode::Room room() const override { return session_->room(); }
  int BlockedTokens(int source_length) const override {
    return session_->BlockedTokens(source_length);
  }
  absl::Status Validate(const decode::SentenceInput& sentence) const override {
    if (OneIn(faults_.refuse_sentence)) {
      return absl::InternalError("injected: the device refused a sentence");
    }
    return session_->Validate(sentence);
  }
  void Admit(absl::Span<const decode::SentenceInput> sentences) override {
    session_->Admit(sentences);
  }
  std::vector<decode::SentenceOutput> Step() override {
    if (OneIn(faults_.stall_step)) absl::SleepFor(kStall);
    std::vector<decode::SentenceOutput> finished = session_->Step();
    if (OneIn(faults_.lose_device)) {
      status_ = absl::UnavailableError("injected: the device is lost");
    }
    for (size_t i = 0; i < finished.size(); ++i) Leak(faults_.leaked_bytes);
    return finished;
  }
  bool Cancel(uint64_t id) override { return session_->Cancel(id); }
  int live_rows() const override { return session_->live_rows(); }
  absl::Status status() const override {
    return status_.ok() ? session_->status() : status_;
  }

 private:
  const std::unique_ptr<DecodeSession> session_;
  const Faults faults_;
  absl::Status status_;
};

class FaultyBackend : public ModelBackend {
 public:
  FaultyBackend(std::unique_ptr<const ModelBackend> model, const Faults& faults)
      : model_(std::move(model)), faults_(faults) {}

  const ModelInfo& info() const override { return model_->info(); }
  decode::DecodingOptions DefaultOptions(int source_tokens) const override {
    return model_->DefaultOptions(source_tokens);
  }
  absl::StatusOr<std::unique_ptr<DecodeSession>> MakeSession(
      const decode::SessionLimits& limits) const override {
    if (OneIn(faults_.refuse_session)) {
      return absl::ResourceExhaustedError("injected: no memory for a session");
    }
    PEREGRINE_ASSIGN_OR_RETURN(auto session, model_->MakeSession(limits));
    return std::make_unique<FaultySession>(std::move(session), faults_);
  }
  bool has_tokenizers() const override { return model_->has_tokenizers(); }
  std::unique_ptr<PlannedText> Plan(
      absl::string_view text,
      const document::DocumentOptions& options) const override {
    return model_->Plan(text, options);
  }
  std::vector<int32_t> SourceIds(absl::Span<const absl::string_view> pieces,
                                 int& unknown) const override {
    return model_->SourceIds(pieces, unknown);
  }
  std::string TargetPiece(int32_t id) const override {
    return model_->TargetPiece(id);
  }

 private:
  const std::unique_ptr<const ModelBackend> model_;
  const Faults faults_;
};

}  // namespace

Faults FaultsOfEnvironment() {
  return {NumberOf("PEREGRINE_FAULT_REFUSE_SENTENCE"),
          NumberOf("PEREGRINE_FAULT_STALL_STEP"),
          NumberOf("PEREGRINE_FAULT_REFUSE_SESSION"),
          NumberOf("PEREGRINE_FAULT_LOSE_DEVICE"),
          NumberOf("PEREGRINE_FAULT_LEAKED_BYTES"),
          NumberOf("PEREGRINE_FAULT_LOAD_MILLISECONDS")};
}

std::unique_ptr<const ModelBackend> WithFaults(
    std::unique_ptr<const ModelBackend> model, const Faults& faults) {
  return std::make_unique<FaultyBackend>(std::move(model), faults);
}

}  // namespace peregrine::server
