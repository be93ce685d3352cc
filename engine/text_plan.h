#ifndef PEREGRINE_ENGINE_TEXT_PLAN_H_
#define PEREGRINE_ENGINE_TEXT_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/document/document.h"
#include "engine/document/given_beginning.h"
#include "engine/translation_model.h"

namespace peregrine {

struct TextHypothesis {
  std::string text;
  float score = 0.0f;
  std::vector<document::TranslatedWord> words;  // if they were asked for
};

// A translated text, and what to know before trusting it.
struct TextTranslation {
  std::vector<TextHypothesis> hypotheses;  // best first, never empty
  bool truncated = false;   // a sentence ended at its maximum length
  bool repetition = false;  // the best hypothesis looks like a decoding loop
  bool unknown_source = false;  // characters outside the vocabulary
  bool source_split = false;    // a sentence was too long and was cut
  // Of the best hypothesis.
  bool numbers_differ = false;  // it has numbers that the source has not
  bool source_copied = false;   // a sentence of it is that of the source
  bool empty = false;           // nothing came of a sentence with letters
  std::vector<document::LostSpan> lost;  // protected spans
  std::vector<document::SentenceRanges> sentences;
  // Side by side with these: see Confidence. None where it is not known.
  std::vector<std::optional<float>> confidences;
  // In the source, in bytes, if they were asked for.
  std::vector<document::ByteRange> source_words;
};

// How one text becomes sentences that the model can take, and how their
// translations become one text again: a document (document::Document) in the
// tokens of one model. Needs a model with tokenizers.
class TextPlan {
 public:
  // `text` must be valid UTF-8. Sentences are found by the rules of
  // options.source_language, see TranslationModel::splitter. A text without
  // letters gives a plan without sentences.
  static TextPlan Make(const TranslationModel& model, absl::string_view text,
                       const document::DocumentOptions& options);
  // Of plain text.
  static TextPlan Make(const TranslationModel& model, absl::string_view text,
                       bool single_sentence,
                       absl::string_view source_language = "");

  // Token ids of each sentence, none empty, none longer than
  // model.max_source_tokens().
  const std::vector<std::vector<int32_t>>& sentences() const {
    return sentences_;
  }
  // Has the translation of the only sentence, which is shown no markers
  // (DocumentOptions::marks_spans), begin with `text`, or with what
  // `tokens` of the target vocabulary say: byte for byte, whatever is set aside
  // or mended in it. Returns what the model's translation begins with;
  // DecodingOptions::steering has to demand it.
  struct Begun {
    std::vector<int32_t> tokens;  // of all of it, as Encode cuts it
    // The same with its last word in any pieces, where it may go on; equal to
    // `tokens` where it cannot. See decode::Steering.
    std::vector<int32_t> prefix;
    std::vector<std::vector<int32_t>> completion;
  };
  Begun BeginWith(const TranslationModel& model, absl::string_view text);
  void BeginWith(const TranslationModel& model,
                 const std::vector<int32_t>& tokens);

  // What of a phrase, which the translation of a sentence is to hold, the model
  // cannot write, since it is set aside or a marker; empty: nothing.
  absl::string_view SetAsideIn(size_t sentence, absl::string_view phrase) const;

  // Has the search hold the markers that a sentence is shown, each once. Where
  // the options demand what does not go with that, it demands nothing: what is
  // missing is put where its neighbours went.
  void DemandMarkers(const TranslationModel& model, size_t sentence,
                     decode::DecodingOptions* options) const;

  // Whether something has to be put at its place in a sentence's translation:
  // alignments say where.
  bool NeedsAlignment(size_t sentence) const;

  // Takes the hypotheses of each sentence, in order (each at least one).
  // Hypothesis n of the text is made of the n-th best of each sentence, or the
  // last where it has fewer; scores are summed.
  TextTranslation Assemble(
      const TranslationModel& model,
      absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
      bool with_words = false) const;

 private:
  friend class TextBeginning;

  // How the caller has the only sentence begin.
  struct Given {
    document::GivenBeginning beginning;
    std::string decoded;  // what its tokens say
  };

  // A translation as text, and where bytes of what the tokens say are in it.
  struct Spelled {
    std::string text;
    std::string decoded;       // without what stands for unknown tokens
    size_t given_decoded = 0;  // bytes of it that say what was given
    size_t given_text = 0;     // bytes of `text` that was given
    size_t dropped = 0;        // bytes behind the former that are not in `text`
  };

  explicit TextPlan(document::Document document)
      : document_(std::move(document)) {}
  const Given* GivenOf(size_t sentence) const {
    return sentence == 0 ? given_.get() : nullptr;
  }
  Spelled Spell(size_t sentence, absl::string_view decoded) const;
  std::string DropUnwanted(absl::string_view text,
                           absl::string_view source) const;
  static void MoveRanges(const Given& given, const Spelled& spelled,
                         std::vector<document::ByteRange>* ranges);
  document::SegmentTranslation Translated(const TranslationModel& model,
                                          size_t sentence,
                                          const decode::Hypothesis& hypothesis,
                                          bool with_words = false) const;
  void TakeBest(document::AssembledDocument assembled,
                TextTranslation* translation) const;
  void Measure(const TranslationModel& model,
               absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
               TextTranslation* translation) const;
  void Check(absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
             absl::Span<const document::SegmentTranslation> best,
             TextTranslation* translation) const;

  document::Document document_;
  std::vector<std::vector<int32_t>> sentences_;
  // The segment of the document that a sentence is: some have no tokens.
  std::vector<size_t> segments_;
  // Of each sentence, in the target vocabulary.
  std::vector<std::vector<int32_t>> markers_;
  std::vector<std::string> all_markers_;  // of the model
  std::string code_;                      // see Tokenizer::LanguageCode
  std::unique_ptr<const Given> given_;
  size_t begin_ = 0;  // of the document, in the text: behind the code
};

// Whether `tokens` repeat a short phrase as a model does when it is caught in a
// loop: the same 1 to 8 tokens at least four times in a row, and over at least
// eight tokens; and, where `source` repeats something as well, over more than
// twice as many tokens as that.
bool LooksLikeLoop(absl::Span<const int32_t> tokens,
                   absl::Span<const int32_t> source = {});

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TEXT_PLAN_H_
