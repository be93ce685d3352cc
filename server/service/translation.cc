#include "server/service/translation.h"

#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

template <typename T>
void Override(const absl::optional<T>& upper, absl::optional<T>& value) {
  if (upper.has_value()) value = upper;
}

template <typename T>
void Override(const std::vector<T>& upper, std::vector<T>& value) {
  if (!upper.empty()) value = upper;
}

}  // namespace

bool RequestOptions::demands_something() const {
  return is_independent() || repetition_penalty.has_value() ||
         patience.has_value() || no_repeat_ngram_size.has_value() ||
         allow_unknown.has_value() || min_probability.has_value() ||
         beam_groups.has_value() || diversity_penalty.has_value() ||
         word_reward.has_value() || coverage_penalty.has_value() ||
         target_prefix.has_value() || !must_contain.empty() ||
         !must_not_contain.empty();
}

RequestOptions RequestOptions::OverriddenBy(const RequestOptions& upper) const {
  RequestOptions options = *this;
  Override(upper.beam_size, options.beam_size);
  Override(upper.length_penalty, options.length_penalty);
  Override(upper.num_hypotheses, options.num_hypotheses);
  Override(upper.min_length, options.min_length);
  Override(upper.max_length, options.max_length);
  Override(upper.use_shortlist, options.use_shortlist);
  Override(upper.patience, options.patience);
  Override(upper.stopping, options.stopping);
  Override(upper.repetition_penalty, options.repetition_penalty);
  Override(upper.no_repeat_ngram_size, options.no_repeat_ngram_size);
  Override(upper.allow_unknown, options.allow_unknown);
  Override(upper.min_probability, options.min_probability);
  Override(upper.word_reward, options.word_reward);
  Override(upper.coverage_penalty, options.coverage_penalty);
  Override(upper.sampling, options.sampling);
  Override(upper.return_alternatives, options.return_alternatives);
  Override(upper.target_prefix, options.target_prefix);
  Override(upper.must_contain, options.must_contain);
  Override(upper.must_contain_in_order, options.must_contain_in_order);
  Override(upper.must_not_contain, options.must_not_contain);
  Override(upper.beam_groups, options.beam_groups);
  Override(upper.diversity_penalty, options.diversity_penalty);
  Override(upper.return_token_scores, options.return_token_scores);
  Override(upper.return_alignments, options.return_alignments);
  return options;
}

std::string FieldNames::path(int index) const {
  return is_list ? absl::StrCat(texts, "[", index, "]") : texts;
}

std::string FieldNames::text_path(int index) const {
  return absl::StrCat(path(index), text);
}

std::string FieldNames::options_path(int index) const {
  return common_options != nullptr ? common_options
                                   : absl::StrCat(path(index), options);
}

}  // namespace peregrine::server
