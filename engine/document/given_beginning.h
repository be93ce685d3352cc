#ifndef PEREGRINE_ENGINE_DOCUMENT_GIVEN_BEGINNING_H_
#define PEREGRINE_ENGINE_DOCUMENT_GIVEN_BEGINNING_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/segment.h"

namespace peregrine::document {

// How a caller wants the translation of a segment to begin, and what the model
// is told of it: not what is set aside from the source as well.
struct GivenBeginning {
  // The translation begins so, byte for byte. It is what the caller gave; where
  // that ends inside something that is set aside, such as an address, all of
  // it.
  std::string text;
  // What of it the model has translated.
  std::string shown;
  // Where the bytes of `shown` stand in `text`, and its end.
  std::vector<size_t> places;
  // Which of Segment::inserts stand in `text`: they are not put elsewhere.
  std::vector<bool> holds;
};

// `language` is that of the translation.
GivenBeginning BeginWith(const Segment& segment, absl::string_view text,
                         absl::string_view language);

// The same where the model is told all of it.
GivenBeginning BeginWithShown(const Segment& segment, absl::string_view text);

// What of `phrase`, which a translation is to hold, is set aside from the
// segment and so not for the model to write; empty: nothing.
absl::string_view SetAsideIn(const Segment& segment, absl::string_view phrase);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_GIVEN_BEGINNING_H_
