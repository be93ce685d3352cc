// Any text of any format is parsed, and put together again under any
// translation: every protected span and every tag is in the result, and what
// was given stands at its beginning. The first byte chooses the format, and
// whether spans are shown as markers; the second the translation.

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/document/document.h"
#include "engine/document/document_fixture.h"
#include "engine/document/given_beginning.h"
#include "engine/text/utf8.h"

namespace document = peregrine::document;

namespace {

// Up to a character.
std::string Begin(absl::string_view text, size_t bytes) {
  return std::string(peregrine::text::Utf8Prefix(text, bytes));
}

std::string TextOf(const document::AssembledSegment& assembled) {
  std::string text;
  for (const document::OutputPiece& piece : assembled.pieces) {
    text += piece.text;
  }
  return text;
}

bool HasTags(const document::AssembledSegment& assembled) {
  for (const document::OutputPiece& piece : assembled.pieces) {
    if (piece.markup != nullptr) return true;
  }
  return false;
}

// A translation that begins with some of the source, and goes on with all of
// it, keeps that byte for byte where there are no tags, and tells nothing that
// it does not keep.
void CheckGiven(const document::Segment& segment, size_t bytes) {
  const document::GivenBeginning given =
      document::BeginWith(segment, Begin(segment.original, bytes), "de");
  document::SegmentTranslation translation;
  translation.text = given.text + " " + segment.shown;
  translation.given_bytes = given.text.size();
  translation.holds = given.holds;
  const document::AssembledSegment assembled =
      document::Assemble(segment, translation, "de");
  const std::string text = TextOf(assembled);
  PEREGRINE_CHECK(HasTags(assembled) || absl::StartsWith(text, given.text))
      << absl::CEscape(given.text) << " | " << absl::CEscape(text);
  const size_t step = 7 + translation.text.size() / 8;
  for (size_t more = 0; more < translation.text.size(); more += step) {
    document::SegmentTranslation begun = translation;
    begun.text = Begin(translation.text, given.text.size() + more);
    const std::string certain =
        document::CertainBeginning(segment, begun, "de");
    PEREGRINE_CHECK(absl::StartsWith(text, certain))
        << absl::CEscape(certain) << " | " << absl::CEscape(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 2,
                               size - 2);
  // The server takes nothing else.
  if (peregrine::text::FindInvalidUtf8(text)) return 0;
  document::DocumentOptions options;
  options.format = static_cast<document::Format>(data[0] % 3);
  options.hard_wrapped = (data[0] & 4) != 0;
  options.single_sentence = (data[0] & 8) != 0;
  options.translate_attributes = (data[0] & 16) != 0;
  if ((data[0] & 32) != 0) options.markers = {"<m0>", "<m1>"};
  const bool is_echo = data[1] % 2 == 0;
  options.restore_capitals = !is_echo;
  const document::AssembledDocument out = document::TranslateDocument(
      text, options, [&](const document::Segment& segment) {
        if (options.markers.empty()) CheckGiven(segment, data[1]);
        document::SegmentTranslation translation = document::Echo(segment);
        if (!is_echo) {
          size_t length = data[1] % (translation.text.size() + 1);
          while (length > 0 && length < translation.text.size() &&
                 (translation.text[length] & 0xC0) == 0x80) {
            --length;  // not inside a character
          }
          translation.text.resize(length);
        }
        return translation;
      });
  for (const document::LostSpan& lost : out.lost) {
    PEREGRINE_CHECK(lost.found >= lost.expected) << lost.text;
  }
  PEREGRINE_CHECK(!peregrine::text::FindInvalidUtf8(out.text))
      << absl::CEscape(out.text);
  // What is said again as it is comes back byte for byte.
  if (is_echo && options.format == document::Format::kPlain &&
      !options.hard_wrapped) {
    PEREGRINE_CHECK(out.text == text)
        << absl::CEscape(out.text) << " of " << absl::CEscape(text);
  }
  return 0;
}
