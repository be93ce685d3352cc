#include "engine/text_beginning.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/strip.h"
#include "engine/document/assemble.h"
#include "engine/text/characters.h"

namespace peregrine {

absl::string_view StableText(absl::string_view decoded) {
  // What stands for bytes of a character whose last ones are still to come.
  while (absl::ConsumeSuffix(&decoded, "\xEF\xBF\xBD")) {
  }
  return text::TrimRight(decoded);
}

TextBeginning::TextBeginning(const TextPlan& plan,
                             const TranslationModel& model)
    : plan_(plan), model_(model), beginning_(plan.document_) {
  const std::vector<document::Segment>& segments = plan.document_.segments();
  // What has no tokens stays as it is.
  for (size_t segment = 0, sentence = 0; segment < segments.size(); ++segment) {
    if (sentence < plan.segments_.size() &&
        plan.segments_[sentence] == segment) {
      ++sentence;
    } else {
      beginning_.Finish(segment, {segments[segment].shown, {}});
    }
  }
}

void TextBeginning::Extend(size_t sentence, absl::Span<const int32_t> tokens) {
  const size_t segment = plan_.segments_[sentence];
  const std::string decoded = model_.target_tokenizer()->Decode(tokens);
  const TextPlan::Spelled spelled = plan_.Spell(sentence, StableText(decoded));
  document::SegmentTranslation begun;
  begun.text = std::string(text::TrimRight(spelled.text));
  begun.given_bytes = std::min(spelled.given_text, begun.text.size());
  if (const TextPlan::Given* const given = plan_.GivenOf(sentence)) {
    begun.holds = given->beginning.holds;
  }
  beginning_.Extend(segment, begun);
}

void TextBeginning::Finish(size_t sentence,
                           const decode::Hypothesis& hypothesis) {
  beginning_.Finish(plan_.segments_[sentence],
                    plan_.Translated(model_, sentence, hypothesis));
}

}  // namespace peregrine
