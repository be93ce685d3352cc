#ifndef PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_H_
#define PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/assemble.h"
#include "engine/document/find_spans.h"
#include "engine/document/glossary.h"
#include "engine/document/hard_wrap.h"
#include "engine/document/numbers.h"
#include "engine/document/segment.h"
#include "engine/document/span.h"
#include "engine/text/sentence_splitter.h"

// What a text is made of, and how its translation is put together again. Knows
// tokenizers only by VocabularyView, and neither models nor gRPC.
namespace peregrine::document {

enum class Format { kPlain, kHtml, kXml };

// What a document asks of a model's source vocabulary.
class VocabularyView {
 public:
  virtual ~VocabularyView() = default;
  // Whether the model can read `sentence` in one.
  virtual bool Fits(absl::string_view sentence) const = 0;
  // How many pieces a word is spelled in; 0: not known.
  virtual size_t NumPieces(absl::string_view /*word*/) const { return 0; }
  // Whether it has the character itself, and does not spell it by others.
  virtual bool Keeps(absl::string_view /*character*/) const { return true; }
  // Whether the model reads each of `markers`, once, in `sentence`.
  virtual bool ReadsMarkers(absl::string_view /*sentence*/,
                            absl::Span<const std::string> /*markers*/) const {
    return true;
  }
  // The characters of `text` that the vocabulary does not have, in order; those
  // that it spells byte by byte are among them.
  virtual std::vector<ByteRange> Unknown(absl::string_view text) const = 0;
};

// Which elements of XML end sentences, by their names with prefix. What is in
// neither list does unless text stands beside it, or never.
struct XmlElements {
  std::vector<std::string> blocks;   // these do, wherever they stand
  std::vector<std::string> inlines;  // these do not
  bool by_content = true;            // false: what is in neither list does not
};

struct DocumentOptions {
  Format format = Format::kPlain;
  // The text is one sentence; line breaks are white space like any other.
  bool single_sentence = false;
  // Lines were broken to a width: a single line break is a space, a blank line
  // ends a paragraph. Plain text only.
  bool hard_wrapped = false;
  // Of HTML: alt, title, placeholder, label and aria-label, and the content of
  // description and keywords.
  bool translate_attributes = false;
  XmlElements xml_elements;
  bool restore_capitals = true;
  NumberFormat number_format = NumberFormat::kEither;
  SpanKinds kinds = SpanKinds::All();
  std::vector<std::shared_ptr<const SpanPatterns>> patterns;
  std::vector<ByteRange> ranges;  // named by the caller, bytes of the text
  // Of a term that several have, the first counts.
  std::vector<std::shared_ptr<const Glossary>> glossaries;
  // What the model was trained to copy. It is shown these in place of protected
  // spans, the first of a sentence, where `marks_spans`; all others are set
  // aside, and so are these where they stand in the text itself.
  std::vector<std::string> markers;
  bool marks_spans = true;
  std::string source_language;  // BCP 47, or ""
  std::string target_language;
};

// A sentence of the document: bytes of the source, and of the translation.
struct SentenceRanges {
  ByteRange source;
  ByteRange target;
};

// A word of the translation: a unit (units.h) that a model wrote.
struct TranslatedWord {
  ByteRange target;
  size_t first_source = 0;     // the first word of its sentence
  std::vector<float> weights;  // of these: add up to 1, or to 0 if not known
};

struct AssembledDocument {
  std::string text;
  bool has_words = false;  // whether these were asked for
  std::vector<ByteRange> source_words;
  std::vector<size_t> first_words;  // of each segment, among these
  std::vector<TranslatedWord> words;
  std::vector<SentenceRanges> sentences;  // those that were translated
  std::vector<LostSpan> lost;
  bool numbers_differ = false;
};

// A document and the sentences that are to be translated.
class Document {
 public:
  // `text` is valid UTF-8. Any markup is taken, well-formed or not.
  static Document Parse(absl::string_view text, const DocumentOptions& options,
                        const text::SentenceSplitter& splitter,
                        const VocabularyView& vocabulary);

  const std::vector<Segment>& segments() const { return segments_; }
  bool has_unknown() const { return has_unknown_; }
  // A sentence did not fit and was cut.
  bool was_cut() const { return was_cut_; }

  // Takes a translation of each segment, in order.
  AssembledDocument Assemble(absl::Span<const SegmentTranslation> translations,
                             bool with_words = false) const;

 private:
  // Where units of the pieces of a segment stand, which begin at `begins`.
  void AddWords(const Part& part, AssembledSegment assembled,
                const std::vector<size_t>& begins,
                AssembledDocument* out) const;

  friend class Beginning;
  friend class DocumentBuilder;
  Document() = default;
  std::string AssembleParts(absl::Span<const Part> parts,
                            absl::Span<const SegmentTranslation> translations,
                            size_t offset, AssembledDocument* out) const;
  void FindSourceWords(AssembledDocument* out) const;

  Format format_ = Format::kPlain;
  std::string target_language_;
  std::vector<Part> parts_;
  std::vector<Segment> segments_;
  std::vector<Paragraph> paragraphs_;  // of hard-wrapped text, in order
  bool has_unknown_ = false;
  bool was_cut_ = false;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_H_
