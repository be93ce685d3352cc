#include "server/cache/sentence_key.h"

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace peregrine::server {
namespace {

// Each struct is taken apart by a binding that names all its fields. A field
// that is added does not compile here until someone has decided whether a
// translation depends on it.
class KeyWriter {
 public:
  template <typename... Values>
  void Write(const Values&... values) {
    (Add(values), ...);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  template <typename T>
  std::enable_if_t<std::is_arithmetic_v<T> || std::is_enum_v<T>> Add(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Add(absl::string_view text) {
    Add(text.size());
    bytes_.append(text.data(), text.size());
  }
  void Add(const std::vector<int32_t>& tokens) {
    Add(tokens.size());
    bytes_.append(reinterpret_cast<const char*>(tokens.data()),
                  tokens.size() * sizeof(int32_t));
  }
  void Add(const std::vector<std::vector<int32_t>>& phrases) {
    Add(phrases.size());
    for (const std::vector<int32_t>& phrase : phrases) Add(phrase);
  }
  void Add(const std::optional<decode::Sampling>& sampling) {
    Add(sampling.has_value());
    if (!sampling.has_value()) return;
    const auto& [top_k, top_p, temperature, seed] = *sampling;
    Write(top_k, top_p, temperature, seed);
  }
  void Add(const model::SearchRules& rules) {
    const auto& [stopping, length_limit, renormalize_min_length,
                 forced_first_token, penalize_log_probabilities,
                 start_is_generated, ends_behind_prefix_if_best, word_penalty] =
        rules;
    Write(stopping, length_limit, renormalize_min_length, forced_first_token,
          penalize_log_probabilities, start_is_generated,
          ends_behind_prefix_if_best, word_penalty);
  }
  void Add(const decode::Steering& steering) {
    // Most sentences demand nothing, whatever the order of phrases is.
    Add(steering.empty());
    if (steering.empty()) return;
    const auto& [prefix, completion, must_contain, in_order, must_not_contain,
                 allow_unknown, not_first, repetition_penalty,
                 no_repeat_ngram_size, min_probability, end_penalty,
                 coverage_penalty, sampling, alternatives, beam_groups,
                 diversity_penalty] = steering;
    Write(prefix, completion, must_contain, in_order, must_not_contain,
          allow_unknown, not_first, repetition_penalty, no_repeat_ngram_size,
          min_probability, end_penalty, coverage_penalty, sampling,
          alternatives, beam_groups, diversity_penalty);
  }
  void Add(const decode::DecodingOptions& options) {
    const auto& [beam_size, length_penalty, num_hypotheses, min_length,
                 max_length, patience, use_shortlist, align, stream, rules,
                 source_language, steering] = options;
    static_cast<void>(stream);  // when it is told, not what
    Write(beam_size, length_penalty, num_hypotheses, min_length, max_length,
          patience, use_shortlist, align, rules, source_language, steering);
  }

  std::string bytes_;
};

}  // namespace

std::string SentenceKey(absl::string_view model, uint64_t scope,
                        const Sentence& sentence) {
  const auto& [source, options, target, keep_source, deadline, flow, group,
               index, source_tokens, arrival] = sentence;
  // Who waits for it, and how long.
  static_cast<void>(deadline);
  static_cast<void>(flow);
  static_cast<void>(group);
  static_cast<void>(index);
  static_cast<void>(source_tokens);
  static_cast<void>(arrival);
  static_cast<void>(target);  // see HasKey
  static_cast<void>(keep_source);
  KeyWriter writer;
  writer.Write(model, scope, options, source);
  return writer.Take();
}

bool HasKey(const Sentence& sentence) { return !sentence.target.has_value(); }

}  // namespace peregrine::server
