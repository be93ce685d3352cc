#ifndef PEREGRINE_ENGINE_DOCUMENT_BEGINNING_H_
#define PEREGRINE_ENGINE_DOCUMENT_BEGINNING_H_

#include <cstddef>
#include <string>
#include <vector>

#include "engine/document/document.h"

namespace peregrine::document {

// How the translation of a document begins, while its segments are still being
// translated: whatever becomes of the rest, Document::Assemble will give a text
// that begins so, byte for byte. Segments may be finished in any order. Each
// part of the document is put together once. Not thread-safe.
class Beginning {
 public:
  // `document` must outlive it.
  explicit Beginning(const Document& document);

  // The translation of a segment, as Assemble will be given it. Once for each.
  void Finish(size_t segment, SegmentTranslation translation);

  // How the translation of a segment that is not finished begins; never less
  // than before. Of one in which something is put back or mended as much shows
  // as is certain, see CertainBeginning.
  void Extend(size_t segment, const SegmentTranslation& begun);

  // Never less than before.
  const std::string& text() const { return text_; }

 private:
  bool IsFinished(const Part& part) const;
  size_t Advance();
  void Update();

  const Document& document_;
  std::vector<SegmentTranslation> translations_;
  std::vector<bool> is_finished_;
  std::vector<std::string> extended_;
  size_t next_part_ = 0;       // those before are in text_
  size_t next_paragraph_ = 0;  // likewise, of hard-wrapped text
  size_t whole_bytes_ = 0;     // of text_, from whole parts
  std::string text_;
  AssembledDocument details_;  // that nobody asks for
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_BEGINNING_H_
