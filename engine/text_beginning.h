#ifndef PEREGRINE_ENGINE_TEXT_BEGINNING_H_
#define PEREGRINE_ENGINE_TEXT_BEGINNING_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/beginning.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"

namespace peregrine {

// How the translation of a text begins while its sentences are being decoded:
// TextPlan::Assemble will give a first hypothesis that begins so, byte for
// byte. Not thread-safe.
class TextBeginning {
 public:
  // Both must outlive it.
  TextBeginning(const TextPlan& plan, const TranslationModel& model);

  // How the first hypothesis of a sentence begins, see decode::StableTokens.
  void Extend(size_t sentence, absl::Span<const int32_t> tokens);
  // The first hypothesis of a sentence. Once for each.
  void Finish(size_t sentence, const decode::Hypothesis& hypothesis);

  // Never less than before. Ends between two characters.
  const std::string& text() const { return beginning_.text(); }

 private:
  const TextPlan& plan_;
  const TranslationModel& model_;
  document::Beginning beginning_;
};

// What of `decoded`, the text of some tokens, is there whatever tokens follow:
// white space at its end may go, and a character that is not complete may come
// to be.
absl::string_view StableText(absl::string_view decoded);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TEXT_BEGINNING_H_
