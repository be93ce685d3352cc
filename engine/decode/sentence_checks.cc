#include "engine/decode/sentence_checks.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "engine/decode/forced_target.h"
#include "engine/decode/steering_checks.h"

namespace peregrine::decode {
namespace {

absl::Status CheckRange(absl::string_view field, int found, int min, int max) {
  if (found >= min && found <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": found ", found, ", allowed ", min, " to ", max));
}

}  // namespace

absl::Status CheckTarget(const model::Model& model,
                         const std::vector<int32_t>& target,
                         const DecodingOptions& options) {
  const model::TokenConfig& tokens = model.config().tokens;
  const int last = model.config().architecture.target_vocab_size - 1;
  const std::vector<int32_t> forced = ForcedTokens(target, options, tokens);
  PEREGRINE_RETURN_IF_ERROR(CheckRange("number of target tokens",
                                       static_cast<int>(forced.size()) - 1, 0,
                                       model.max_target_length()));
  for (int32_t token : target) {
    PEREGRINE_RETURN_IF_ERROR(CheckRange("target token", token, 0, last));
    if (token != tokens.eos) continue;
    return absl::InvalidArgumentError(
        "target tokens: found the end symbol among them");
  }
  return absl::OkStatus();
}

namespace {

absl::Status CheckTokens(const model::Model& model,
                         const SentenceInput& sentence) {
  const model::ArchitectureConfig& architecture = model.config().architecture;
  const int last_source = architecture.source_vocab_size - 1;
  const int added = model.config().tokens.num_added();
  PEREGRINE_RETURN_IF_ERROR(CheckRange(
      "number of source tokens", static_cast<int>(sentence.source.size()),
      added > 0 ? 0 : 1,  // the encoder needs one
      model.max_source_length() - added));
  for (int32_t token : sentence.source) {
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("source token", token, 0, last_source));
  }
  if (sentence.target.has_value()) {
    PEREGRINE_RETURN_IF_ERROR(
        CheckTarget(model, *sentence.target, sentence.options));
  }
  const DecodingOptions& options = sentence.options;
  if (options.source_language != -1) {
    PEREGRINE_RETURN_IF_ERROR(CheckRange(
        "source language token", options.source_language, 0, last_source));
  }
  if (options.rules.forced_first_token == -1) return absl::OkStatus();
  return CheckRange("forced first token", options.rules.forced_first_token, 0,
                    architecture.target_vocab_size - 1);
}

}  // namespace

absl::Status CheckSentence(const model::Model& model, int max_rows,
                           const SentenceInput& sentence) {
  PEREGRINE_RETURN_IF_ERROR(CheckTokens(model, sentence));
  const DecodingOptions& options = sentence.options;
  PEREGRINE_RETURN_IF_ERROR(
      CheckRange("beam_size", options.beam_size, 1, max_rows));
  PEREGRINE_RETURN_IF_ERROR(CheckRange("num_hypotheses", options.num_hypotheses,
                                       1, options.beam_size));
  PEREGRINE_RETURN_IF_ERROR(CheckRange("max_length", options.max_length, 0,
                                       model.max_target_length()));
  PEREGRINE_RETURN_IF_ERROR(
      CheckRange("min_length", options.min_length, 0, options.max_length));
  if (!(options.length_penalty >= -5.0f && options.length_penalty <= 5.0f)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "length_penalty: found ", options.length_penalty, ", allowed -5 to 5"));
  }
  return CheckSteering(options, model.config());
}

}  // namespace peregrine::decode
