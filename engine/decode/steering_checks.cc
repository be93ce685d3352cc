#include "engine/decode/steering_checks.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"

namespace peregrine::decode {
namespace {

using Phrase = std::vector<int32_t>;

// A phrase that is forbidden may be written in several ways.
constexpr size_t kMaxSpellings = 16;

absl::Status Invalid(absl::string_view field, absl::string_view description) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", description));
}

// Written so that a NaN fails.
template <class T>
absl::Status CheckRange(absl::string_view field, T found, T min, T max) {
  if (found >= min && found <= max) return absl::OkStatus();
  return Invalid(field,
                 absl::StrCat("found ", found, ", allowed ", min, " to ", max));
}

class Checker {
 public:
  Checker(const DecodingOptions& options, const model::ModelConfig& model)
      : options_(options), steering_(options.steering), model_(model) {}

  absl::Status Check() const {
    PEREGRINE_RETURN_IF_ERROR(CheckSearches());
    PEREGRINE_RETURN_IF_ERROR(CheckNumbers());
    PEREGRINE_RETURN_IF_ERROR(CheckSampling());
    PEREGRINE_RETURN_IF_ERROR(CheckTokens("prefix", steering_.prefix));
    PEREGRINE_RETURN_IF_ERROR(CheckPhrases(
        "must_contain", steering_.must_contain, Steering::kMaxPhrases));
    PEREGRINE_RETURN_IF_ERROR(
        CheckPhrases("must_not_contain", steering_.must_not_contain,
                     kMaxSpellings * Steering::kMaxPhrases));
    PEREGRINE_RETURN_IF_ERROR(CheckTogether());
    return CheckLength();
  }

 private:
  absl::Status CheckNumbers() const {
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("patience", options_.patience, 0.1f, 10.0f));
    PEREGRINE_RETURN_IF_ERROR(CheckRange(
        "repetition_penalty", steering_.repetition_penalty, 0.01f, 100.0f));
    PEREGRINE_RETURN_IF_ERROR(CheckRange(
        "no_repeat_ngram_size", steering_.no_repeat_ngram_size, 0, 1000));
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("min_probability", steering_.min_probability, 0.0f, 1.0f));
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("end_penalty", steering_.end_penalty, -100.0f, 100.0f));
    PEREGRINE_RETURN_IF_ERROR(CheckRange(
        "coverage_penalty", steering_.coverage_penalty, -100.0f, 100.0f));
    PEREGRINE_RETURN_IF_ERROR(CheckRange(
        "diversity_penalty", steering_.diversity_penalty, -100.0f, 100.0f));
    return CheckGroups();
  }

  absl::Status CheckGroups() const {
    const int groups = steering_.beam_groups;
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("beam_groups", groups, 1, options_.beam_size));
    if (options_.beam_size % groups != 0) {
      return Invalid("beam_groups",
                     absl::StrCat("found ", groups, ", expected a divisor of ",
                                  options_.beam_size, " (beam_size)"));
    }
    if (groups == 1 && steering_.diversity_penalty != 0.0f) {
      return Invalid("diversity_penalty",
                     "found without beam_groups of 2 or more");
    }
    return absl::OkStatus();
  }

  absl::Status CheckSampling() const {
    if (!steering_.sampling.has_value()) return absl::OkStatus();
    const Sampling& sampling = *steering_.sampling;
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("sampling.top_k", sampling.top_k, 0, 1 << 30));
    PEREGRINE_RETURN_IF_ERROR(
        CheckRange("sampling.top_p", sampling.top_p, 1e-6f, 1.0f));
    return CheckRange("sampling.temperature", sampling.temperature, 0.01f,
                      100.0f);
  }

  absl::Status CheckTokens(absl::string_view field,
                           const Phrase& phrase) const {
    const int last = model_.architecture.target_vocab_size - 1;
    for (int32_t token : phrase) {
      PEREGRINE_RETURN_IF_ERROR(
          CheckRange(absl::StrCat(field, ": token"), token, 0, last));
      if (token == model_.tokens.eos) {
        return Invalid(field, "found the end symbol among the tokens");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckPhrases(absl::string_view field,
                            const std::vector<Phrase>& phrases,
                            size_t max_phrases) const {
    if (phrases.size() > max_phrases) {
      return Invalid(field,
                     absl::StrCat("found ", phrases.size(),
                                  " phrases, allowed at most ", max_phrases));
    }
    for (size_t i = 0; i < phrases.size(); ++i) {
      const std::string name = absl::StrCat(field, "[", i, "]");
      if (phrases[i].empty()) {
        return Invalid(name, "found no token, expected at least 1");
      }
      PEREGRINE_RETURN_IF_ERROR(CheckTokens(name, phrases[i]));
    }
    return absl::OkStatus();
  }

  // That these ways to search go together.
  absl::Status CheckSearches() const {
    const bool has_phrases = !steering_.must_contain.empty();
    if (steering_.beam_groups > 1 &&
        (has_phrases || steering_.sampling.has_value() ||
         steering_.alternatives)) {
      return Invalid("beam_groups",
                     absl::StrCat("found together with ",
                                  has_phrases              ? "must_contain"
                                  : steering_.alternatives ? "alternatives"
                                                           : "sampling"));
    }
    if (steering_.sampling.has_value() && has_phrases) {
      return Invalid("must_contain", "found together with sampling");
    }
    if (steering_.sampling.has_value() && steering_.alternatives) {
      return Invalid("alternatives", "found together with sampling");
    }
    if (steering_.alternatives && has_phrases) {
      return Invalid("must_contain", "found together with alternatives");
    }
    return absl::OkStatus();
  }

  absl::Status CheckTogether() const {
    for (size_t i = 0; i < steering_.must_contain.size(); ++i) {
      PEREGRINE_RETURN_IF_ERROR(CheckAllowed(
          absl::StrCat("must_contain[", i, "]"), steering_.must_contain[i]));
    }
    PEREGRINE_RETURN_IF_ERROR(CheckAllowed("prefix", steering_.prefix));
    return CheckRepetition();
  }

  // That no phrase needs an n-gram that is there already.
  absl::Status CheckRepetition() const {
    const auto size = static_cast<size_t>(steering_.no_repeat_ngram_size);
    if (size == 0) return absl::OkStatus();
    std::set<Phrase> seen;
    for (size_t i = 0; i < steering_.must_contain.size(); ++i) {
      const Phrase& phrase = steering_.must_contain[i];
      for (size_t end = size; end <= phrase.size(); ++end) {
        const auto last = phrase.begin() + end;
        if (seen.insert(Phrase(last - size, last)).second) continue;
        return Invalid(
            absl::StrCat("must_contain[", i, "]"),
            absl::StrCat("found a sequence of ", size,
                         " tokens twice, which no_repeat_ngram_size forbids"));
      }
    }
    return absl::OkStatus();
  }

  // Against what is forbidden.
  absl::Status CheckAllowed(absl::string_view field,
                            const Phrase& phrase) const {
    const bool has_unknown = std::find(phrase.begin(), phrase.end(),
                                       model_.tokens.unk) != phrase.end();
    if (has_unknown && !steering_.allow_unknown) {
      return Invalid(field, "found the unknown token, which is not allowed");
    }
    for (size_t i = 0; i < steering_.must_not_contain.size(); ++i) {
      const Phrase& forbidden = steering_.must_not_contain[i];
      if (std::search(phrase.begin(), phrase.end(), forbidden.begin(),
                      forbidden.end()) != phrase.end()) {
        return Invalid(field,
                       absl::StrCat("contains must_not_contain[", i, "]"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckLength() const {
    size_t tokens = options_.rules.forced_first_token >= 0 ? 1 : 0;
    tokens += steering_.prefix.size();
    const auto max_length = static_cast<size_t>(options_.max_length);
    if (!steering_.prefix.empty() && tokens > max_length) {
      return Invalid("prefix",
                     absl::StrCat("found ", tokens, " tokens, allowed at most ",
                                  max_length, " (max_length)"));
    }
    for (const Phrase& phrase : steering_.must_contain) {
      tokens += phrase.size();
    }
    if (!steering_.must_contain.empty() && tokens > max_length) {
      return Invalid("must_contain",
                     absl::StrCat("found ", tokens,
                                  " tokens, prefix included, allowed at most ",
                                  max_length, " (max_length)"));
    }
    return absl::OkStatus();
  }

  const DecodingOptions& options_;
  const Steering& steering_;
  const model::ModelConfig& model_;
};

}  // namespace

absl::Status CheckSteering(const DecodingOptions& options,
                           const model::ModelConfig& model) {
  return Checker(options, model).Check();
}

}  // namespace peregrine::decode
