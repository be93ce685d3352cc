#ifndef PEREGRINE_SERVER_TESTING_FAKE_BACKEND_H_
#define PEREGRINE_SERVER_TESTING_FAKE_BACKEND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/backend/model_backend.h"

namespace peregrine::server {

// For tests: a "model" whose tokens are bytes, whose sentences are lines, and
// which translates into capitals, one byte a step. Hypothesis n > 0 ends in
// n times '+' and scores -n. The character '~' is unknown to it, and '!' makes
// it report a repetition. With `languages` it puts the tokens of both, if
// chosen, before the translation.
class FakeBackend : public ModelBackend {
 public:
  struct Options {
    std::string name = "fake";
    std::string revision = "0123456789abcdef";
    bool has_tokenizers = true;
    int max_source_tokens = 100;
    int max_target_tokens = 200;
    std::vector<model::Language> languages;
    int64_t weights_bytes = 104;
    float score = 0;                        // of hypothesis 0
    absl::Status session_status;            // what MakeSession fails with
    std::function<void()> on_step = [] {};  // called by every step: may block
    // Of the device, asked after every step.
    std::function<absl::Status()> device_status = [] {
      return absl::OkStatus();
    };
  };

  FakeBackend() : FakeBackend(Options()) {}
  explicit FakeBackend(Options options);

  const ModelInfo& info() const override { return info_; }
  decode::DecodingOptions DefaultOptions(int source_tokens) const override;
  absl::StatusOr<std::unique_ptr<DecodeSession>> MakeSession(
      const decode::SessionLimits& limits) const override;
  bool has_tokenizers() const override { return options_.has_tokenizers; }
  std::unique_ptr<PlannedText> Plan(
      absl::string_view text,
      const document::DocumentOptions& options) const override;
  std::vector<int32_t> SourceIds(absl::Span<const absl::string_view> pieces,
                                 int& unknown) const override;
  std::vector<int32_t> TargetIds(absl::Span<const absl::string_view> pieces,
                                 int& unknown) const override;
  std::vector<int32_t> EncodeSource(absl::string_view text) const override {
    return {text.begin(), text.end()};
  }
  int32_t UnknownSource() const override { return '~'; }
  std::vector<int32_t> EncodeTarget(absl::string_view text) const override;
  absl::Status CheckTarget(
      const std::vector<int32_t>& target,
      const decode::DecodingOptions& options) const override;
  int32_t EndSymbol() const override { return '.'; }
  std::string TargetPiece(int32_t id) const override;

 private:
  Options options_;
  ModelInfo info_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_TESTING_FAKE_BACKEND_H_
