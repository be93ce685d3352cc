#ifndef PEREGRINE_ENGINE_DOCUMENT_SEGMENT_H_
#define PEREGRINE_ENGINE_DOCUMENT_SEGMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/capitals.h"
#include "engine/document/span.h"

namespace peregrine::document {

// A stretch of a document that is no text to translate, or a place of it where
// the translation of a segment goes.
struct Part {
  std::string literal;        // as it stands in the document
  int segment = -1;           // or the index of a segment
  bool in_attribute = false;  // the segment is the value of one
};

// What stands on one side of something that is set aside.
struct Beside {
  enum class Neighbour {
    kNone,   // the sentence begins or ends
    kWord,   // a letter of a script with spaces between words, or a digit
    kOther,  // Han, punctuation, something else that is set aside
  };
  std::string space;  // white space, as it is
  Neighbour neighbour = Neighbour::kNone;
};

// Which neighbour a character is.
Beside::Neighbour NeighbourOf(int32_t code_point);
// Which one the start of `word` is. "$5" is a word, too.
Beside::Neighbour NeighbourAtStartOf(absl::string_view word);

// What of a sentence the model does not see, and where it stood.
struct Insert {
  enum class Kind {
    kSpan,    // a protected span of the text
    kSpace,   // white space other than one space between two words
    kOpen,    // a tag that its pair ends
    kClose,   //
    kOpaque,  // markup around nothing that is translated
  };
  Kind kind = Kind::kSpan;
  std::string text;          // kSpan, kSpace
  std::vector<Part> markup;  // the others
  size_t at = 0;             // the byte of `shown` that it stands in front of
  // Of kSpan and kOpaque: what stood on either side.
  Beside before;
  Beside after;
  bool follows_cut = false;  // nothing but white space and tags between
  int pair = -1;             // the same of a kOpen and its kClose
  SpanKind span = SpanKind::kUrl;
};

// What the model sees, and what must be in its translation all the same.
struct Kept {
  ByteRange shown;
  SpanKind kind = SpanKind::kNumber;
  std::string source;               // as it stands in the source
  std::vector<std::string> wanted;  // any of these; the first if none is there
  std::string stand_in;     // shown instead of `source`: a number, or a marker
                            // of the model; or ""
  bool is_exact = false;    // of a number: separators count, too
  bool may_repeat = false;  // a term or a name, which may be said again

  bool is_marked() const {
    return kind != SpanKind::kNumber && !stand_in.empty();
  }
};

// A run of bytes of `shown`, and the bytes of the document that it is: as many,
// but where the last character of the run stands there as an entity, and of
// what has a stand-in.
struct ShownRun {
  ByteRange shown;
  ByteRange source;
  bool is_literal() const { return shown.size() == source.size(); }
};

// One sentence for the model.
struct Segment {
  std::string shown;            // what it is given: has a letter
  std::vector<ShownRun> runs;   // all of it but for spaces that were put in
  std::string original;         // as it stands in the source, without markup
  std::vector<Insert> inserts;  // in the order of the source
  std::vector<Kept> kept;
  Capitals capitals = Capitals::kAsTheyAre;
  bool checks_numbers = true;  // numbers are protected
  std::string source_language;
  ByteRange source;  // in the document
};

// Where bytes of `segment.shown` stand in the document; of a part of a marker,
// all that it stands for.
ByteRange SourceOf(const Segment& segment, const ByteRange& part);

// Tags of a stretch of text that are set aside.
struct Mark {
  Insert::Kind kind = Insert::Kind::kOpaque;  // kOpen, kClose or kOpaque
  std::vector<Part> markup;
  size_t at = 0;  // the byte of the text that it stands in front of
  int pair = -1;
};

// A sentence of a block with what is set aside from it. `text` is the block's,
// `range` the sentence's, `cut` the spans in it that the model must not see, in
// order; marks are in order. Of cut numbers it sees a stand-in, and of as many
// of the others as there are markers one of these: they are kept.
struct SentenceParts {
  absl::string_view text;
  ByteRange range;
  absl::Span<const Span> cut;
  absl::Span<const Mark> marks;
  Capitals capitals = Capitals::kAsTheyAre;
  absl::string_view language;  // of the source
  CountPieces count_pieces;    // to find names
  // What spans of kTerm become, by where they begin; null: there are none.
  const absl::flat_hash_map<size_t, std::string>* targets = nullptr;
  absl::Span<const std::string> markers;
};
Segment MakeSegment(const SentenceParts& parts);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_SEGMENT_H_
