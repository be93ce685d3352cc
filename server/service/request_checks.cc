#include "server/service/request_checks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxAppended = 64;

std::string Path(const std::string& path, const char* field) {
  return absl::StrCat(path, ".", field);
}

}  // namespace

void Violations::Add(std::string field, std::string description) {
  violations_.push_back({std::move(field), std::move(description)});
}

void Violations::AddRange(std::string field, int64_t found, int64_t low,
                          int64_t high) {
  Add(std::move(field),
      absl::StrCat("found ", found, ", allowed ", low, " to ", high));
}

void Violations::Append(const Violations& other) {
  for (const FieldViolation& violation : other.violations_) {
    if (violations_.size() >= kMaxAppended) return;
    // Options of the request are at fault for each text that takes them.
    const bool known =
        std::any_of(violations_.begin(), violations_.end(),
                    [&](const auto& v) { return v.field == violation.field; });
    if (!known) violations_.push_back(violation);
  }
}

absl::Status Violations::status() const {
  return violations_.empty() ? absl::OkStatus()
                             : InvalidFieldsError(violations_);
}

void CheckOptions(const OptionsLayer& layer, const RequestLimits& limits,
                  const ModelInfo& model, Violations& violations) {
  const RequestOptions& options = layer.options;
  const auto check = [&](const absl::optional<int>& found, const char* field,
                         int low, int high) {
    if (found.has_value() && (*found < low || *found > high)) {
      violations.AddRange(Path(layer.path, field), *found, low, high);
    }
  };
  check(options.beam_size, "beam_size", 1, limits.max_beam_size);
  check(options.num_hypotheses, "num_hypotheses", 1, limits.max_beam_size);
  check(options.min_length, "min_length", 0, model.max_target_tokens);
  check(options.max_length, "max_length", 1,
        std::numeric_limits<int32_t>::max());
  const float penalty = options.length_penalty.value_or(0.0f);
  // Written so that a NaN fails.
  if (!(penalty >= -kMaxLengthPenalty && penalty <= kMaxLengthPenalty)) {
    violations.Add(Path(layer.path, "length_penalty"),
                   absl::StrCat("found ", penalty, ", allowed ",
                                -kMaxLengthPenalty, " to ", kMaxLengthPenalty));
  }
}

void CheckCombination(const OptionsLayer& upper, const OptionsLayer& lower,
                      int default_beam_size, Violations& violations) {
  const RequestOptions options = lower.options.OverriddenBy(upper.options);
  const int beam_size = options.beam_size.value_or(default_beam_size);
  const int num_hypotheses = options.num_hypotheses.value_or(1);
  if (num_hypotheses > beam_size) {
    const bool is_upper = upper.options.num_hypotheses.has_value();
    violations.Add(Path(is_upper ? upper.path : lower.path, "num_hypotheses"),
                   absl::StrCat("found ", num_hypotheses, ", allowed 1 to ",
                                beam_size, " (beam_size)"));
  }
  const int min_length = options.min_length.value_or(0);
  if (options.max_length.has_value() && min_length > *options.max_length) {
    const bool is_upper = upper.options.min_length.has_value();
    violations.Add(Path(is_upper ? upper.path : lower.path, "min_length"),
                   absl::StrCat("found ", min_length, ", allowed 0 to ",
                                *options.max_length, " (max_length)"));
  }
}

RequestLanguages CheckLanguages(const std::string& source,
                                const std::string& target,
                                const ModelInfo& model,
                                Violations& violations) {
  const auto choose = [&](const char* field, const std::string& own,
                          const std::string& name) {
    auto language = model::ChooseLanguage(model.languages, own, name);
    if (language.ok()) return *std::move(language);
    violations.Add(field, std::string(language.status().message()));
    return model::Language();
  };
  return {choose("source_language", model.source_language, source),
          choose("target_language", model.target_language, target)};
}

decode::DecodingOptions ResolveOptions(const RequestOptions& options,
                                       decode::DecodingOptions defaults,
                                       const ModelInfo& model) {
  decode::DecodingOptions result = std::move(defaults);
  result.beam_size = options.beam_size.value_or(result.beam_size);
  result.length_penalty =
      options.length_penalty.value_or(result.length_penalty);
  result.num_hypotheses =
      options.num_hypotheses.value_or(result.num_hypotheses);
  result.min_length = options.min_length.value_or(result.min_length);
  result.max_length = options.max_length.value_or(result.max_length);
  result.use_shortlist = options.use_shortlist.value_or(result.use_shortlist);
  result.max_length = std::max(result.max_length, result.min_length);
  result.max_length = std::min(result.max_length, model.max_target_tokens);
  return result;
}

}  // namespace peregrine::server
