#include "server/service/request_checks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/languages/language_tag.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxAppended = 64;
constexpr size_t kMaxPhraseBytes = 16 << 10;

std::string Path(const std::string& path, const char* field) {
  return path.empty() ? field : absl::StrCat(path, ".", field);
}

void CheckPhrase(const RequestPhrase& phrase, const std::string& path,
                 Violations& violations) {
  if (!phrase.text.empty() && !phrase.tokens.empty()) {
    violations.Add(path, "found text and tokens, allowed one of them");
  }
  if (phrase.text.size() > kMaxPhraseBytes ||
      phrase.tokens.size() > kMaxPhraseBytes) {
    violations.Add(
        path, absl::StrCat("found ", phrase.text.size(), " bytes and ",
                           phrase.tokens.size(), " tokens, allowed at most ",
                           kMaxPhraseBytes));
  }
}

void CheckPhrases(const std::vector<RequestPhrase>& phrases,
                  const std::string& path, Violations& violations) {
  if (phrases.size() > decode::Steering::kMaxPhrases) {
    violations.Add(path, absl::StrCat("found ", phrases.size(),
                                      " phrases, allowed at most ",
                                      decode::Steering::kMaxPhrases));
    return;
  }
  for (size_t i = 0; i < phrases.size(); ++i) {
    const std::string element = absl::StrCat(path, "[", i, "]");
    if (phrases[i].text.empty() && phrases[i].tokens.empty()) {
      violations.Add(element, "found nothing, expected text or tokens");
    }
    CheckPhrase(phrases[i], element, violations);
  }
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
  const auto stopping = options.stopping.value_or(model::Stopping::kNever);
  if (stopping < model::Stopping::kFirstFinished ||
      stopping > model::Stopping::kNever) {
    violations.Add(Path(layer.path, "stopping"),
                   absl::StrCat("found ", static_cast<int>(stopping) + 1,
                                ", allowed are STOPPING_FIRST_FINISHED, "
                                "STOPPING_BEST_FINISHED, STOPPING_HEURISTIC, "
                                "STOPPING_NEVER"));
  }
  check(options.min_length, "min_length", 0, model.max_target_tokens);
  check(options.max_length, "max_length", 1,
        std::numeric_limits<int32_t>::max());
  CheckPhrase(options.target_prefix.value_or(RequestPhrase()),
              Path(layer.path, "target_prefix"), violations);
  CheckPhrases(options.must_contain, Path(layer.path, "must_contain"),
               violations);
  CheckPhrases(options.must_not_contain, Path(layer.path, "must_not_contain"),
               violations);
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
  if (options.is_independent()) {
    if (options.beam_size.has_value()) {
      const bool is_upper = upper.options.beam_size.has_value();
      violations.Add(
          Path(is_upper ? upper.path : lower.path, "beam_size"),
          absl::StrCat(
              "found ", beam_size, " together with ",
              options.sampling.has_value() ? "sampling" : "return_alternatives",
              ", allowed none: num_hypotheses says how "
              "many there are"));
    }
  } else if (num_hypotheses > beam_size) {
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

absl::Status CheckDisplayLanguage(const char* field, const std::string& name) {
  if (name.empty() || ParseLanguageTag(name).has_value()) {
    return absl::OkStatus();
  }
  return InvalidFieldsError(
      {{field, absl::StrCat("found ", Quoted(name),
                            ", expected a tag of a language (BCP 47)")}});
}

RequestLanguages CheckLanguages(const std::string& source,
                                const std::string& target,
                                const ModelInfo& model, Violations& violations,
                                const LanguageFields& fields) {
  const auto choose = [&](const char* field, const std::string& own,
                          const std::string& name) {
    auto language = model::ChooseLanguage(model.languages, own, name);
    if (language.ok()) return *std::move(language);
    violations.Add(field, std::string(language.status().message()));
    return model::Language();
  };
  return {choose(fields.source, model.source_language, source),
          choose(fields.target, model.target_language, target)};
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
  result.patience = options.patience.value_or(result.patience);
  result.rules.stopping = options.stopping.value_or(result.rules.stopping);
  result.align = options.return_alignments.value_or(false);
  if (options.is_independent()) result.beam_size = result.num_hypotheses;
  decode::Steering& steering = result.steering;
  steering.repetition_penalty =
      options.repetition_penalty.value_or(steering.repetition_penalty);
  steering.no_repeat_ngram_size =
      options.no_repeat_ngram_size.value_or(steering.no_repeat_ngram_size);
  steering.allow_unknown =
      options.allow_unknown.value_or(steering.allow_unknown);
  steering.min_probability =
      options.min_probability.value_or(steering.min_probability);
  steering.end_penalty = options.word_reward.value_or(steering.end_penalty);
  steering.coverage_penalty =
      options.coverage_penalty.value_or(steering.coverage_penalty);
  steering.beam_groups = options.beam_groups.value_or(steering.beam_groups);
  steering.diversity_penalty =
      options.diversity_penalty.value_or(steering.diversity_penalty);
  if (options.sampling.has_value()) steering.sampling = *options.sampling;
  steering.alternatives = options.return_alternatives.value_or(false);
  steering.in_order = options.must_contain_in_order.value_or(false);
  result.max_length = std::max(result.max_length, result.min_length);
  result.max_length = std::min(result.max_length, model.max_target_tokens);
  return result;
}

}  // namespace peregrine::server
