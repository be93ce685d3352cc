#ifndef PEREGRINE_ENGINE_TEXT_PLAN_H_
#define PEREGRINE_ENGINE_TEXT_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/translation_model.h"

namespace peregrine {

struct TextHypothesis {
  std::string text;
  float score = 0.0f;
};

// A translated text, and what to know before trusting it.
struct TextTranslation {
  std::vector<TextHypothesis> hypotheses;  // best first, never empty
  bool truncated = false;   // a sentence ended at its maximum length
  bool repetition = false;  // the best hypothesis looks like a decoding loop
  bool unknown_source = false;  // characters outside the vocabulary
  bool source_split = false;    // a sentence was too long and was cut
};

// How one text becomes sentences that the model can take, and how their
// translations become one text again. White space between sentences, and in
// front and behind, is kept as it was. Needs a model with tokenizers.
class TextPlan {
 public:
  // `text` must be valid UTF-8. With `single_sentence` no boundaries are looked
  // for; others are those of `source_language`, see TranslationModel::splitter.
  // Text of nothing but white space gives a plan without sentences.
  static TextPlan Make(const TranslationModel& model, absl::string_view text,
                       bool single_sentence,
                       absl::string_view source_language = "");

  // Token ids of each sentence, none empty, none longer than
  // model.max_source_tokens().
  const std::vector<std::vector<int32_t>>& sentences() const {
    return sentences_;
  }

  // Takes the hypotheses of each sentence, in order (each at least one).
  // Hypothesis n of the text is made of the n-th best of each sentence, or the
  // last where it has fewer; scores are summed.
  TextTranslation Assemble(
      const TranslationModel& model,
      absl::Span<const std::vector<decode::Hypothesis>> hypotheses) const;

 private:
  std::vector<std::vector<int32_t>> sentences_;
  // separators_[i] stands before sentence i, the last one behind the last.
  std::vector<std::string> separators_;
  bool unknown_source_ = false;
  bool source_split_ = false;
};

// Whether `tokens` repeat a short phrase as a model does when it is caught in a
// loop: the same 1 to 8 tokens at least four times in a row, and over at least
// eight tokens.
bool LooksLikeLoop(absl::Span<const int32_t> tokens);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TEXT_PLAN_H_
