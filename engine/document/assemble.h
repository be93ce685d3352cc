#ifndef PEREGRINE_ENGINE_DOCUMENT_ASSEMBLE_H_
#define PEREGRINE_ENGINE_DOCUMENT_ASSEMBLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/segment.h"
#include "engine/document/units.h"

namespace peregrine::document {

// What the model made of Segment::shown.
struct SegmentTranslation {
  std::string text;
  TokenAlignment alignment;  // of `shown` and `text`; may be unknown
  // How much of `text` the caller has given, see GivenBeginning: nothing is put
  // or mended there. And which inserts it holds.
  size_t given_bytes = 0;
  std::vector<bool> holds = {};
};

// A protected span that did not come through as it should.
struct LostSpan {
  SpanKind kind = SpanKind::kUrl;
  std::string text;
  int found = 0;     // how often it stands in the translation
  int expected = 0;  // and in the source
};

// What stands in the translated document: text, still to be escaped where the
// format has entities, or markup as it is.
struct OutputPiece {
  std::string text;
  const std::vector<Part>* markup = nullptr;
};

// A unit (units.h) of the translation, and where it stands.
struct PlacedUnit {
  size_t piece = 0;
  ByteRange range;             // of its text
  size_t index = 0;            // among the units of the translation
  std::vector<float> weights;  // of the units of `shown`: add up to 1, or to 0
};

struct AssembledSegment {
  std::vector<OutputPiece> pieces;
  bool numbers_differ = false;
  std::vector<PlacedUnit> units;  // in order, if they were asked for
};

// Puts what was set aside back into a translation, and mends what had to be in
// it and is not. Total: any translation of any segment, whatever the alignment.
// Every insert comes out once; tags enclose one another as they did.
AssembledSegment Assemble(const Segment& segment,
                          const SegmentTranslation& translation,
                          absl::string_view target_language,
                          bool with_units = false);

// How the text of every translation that begins with that of `begun` begins.
// What is put back or mended may stand anywhere, with these exceptions: what
// stood at an end of the sentence stays there, and capitals are restored word
// by word.
std::string CertainBeginning(const Segment& segment,
                             const SegmentTranslation& begun,
                             absl::string_view target_language);

// Whether Assemble leaves every translation of the segment as it is.
bool KeepsItsText(const Segment& segment);

// Without what the model wrote for characters that it could not write: U+FFFD,
// and U+2047 as SentencePiece spells unknown tokens; unless `source` has it.
std::string DropUnknown(absl::string_view text, absl::string_view source);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_ASSEMBLE_H_
