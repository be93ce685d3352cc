#include "engine/document/find_emoji.h"

#include <re2/re2.h>
#include <unicode/uchar.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

bool IsKeycap(absl::string_view text) {
  // A digit, # or *, perhaps U+FE0F, and U+20E3.
  if (text.empty() ||
      !(absl::ascii_isdigit(text[0]) || text[0] == '#' || text[0] == '*')) {
    return false;
  }
  text.remove_prefix(1);
  absl::ConsumePrefix(&text, "\xEF\xB8\x8F");
  return absl::StartsWith(text, "\xE2\x83\xA3");
}

bool ContinuesEmoji(int32_t c) {
  return text::IsEmoji(c) || c == 0x20E3 || (c >= 0xE0020 && c <= 0xE007F) ||
         (c >= 0xFE00 && c <= 0xFE0F);
}

void FindPictures(absl::string_view text, std::vector<Span>* spans) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool keycap = byte < 0x80 && IsKeycap(text.substr(at));
    if (byte < 0xC2 && !keycap) {
      ++at;
      continue;
    }
    Character c = FirstCharacter(text.substr(at));
    const bool variant =  // "©️": an ordinary sign shown as a picture
        absl::StartsWith(text.substr(at + c.size), "\xEF\xB8\x8F") &&
        c.code_point >= 0 && u_hasBinaryProperty(c.code_point, UCHAR_EMOJI);
    const bool starts = text::IsEmoji(c.code_point) && c.code_point != 0x200D &&
                        c.code_point != 0xFE0F;
    if (!keycap && !variant && !starts) {
      at += c.size;
      continue;
    }
    const size_t begin = at;
    at += c.size;
    while (at < text.size()) {
      c = FirstCharacter(text.substr(at));
      if (!ContinuesEmoji(c.code_point) && !IsKeycap(text.substr(at))) break;
      at += c.size;
    }
    spans->push_back({{begin, at}, SpanKind::kEmoji});
  }
}

// ":-)", ";)", ":D", "<3": between white space, or at the end of a sentence.
void FindFaces(absl::string_view text, std::vector<Span>* spans) {
  static const RE2* const pattern = new RE2(
      "(?:^|\\s)((?:[:;=]['’]?[-o^]?[()\\[\\]DPpO|/"
      "\\\\*3]|[xX8]-[D()]|[xX]D|<3|"
      "\\^_?\\^|-_-|[oO]_[oO]|¯\\\\_\\(ツ\\)_/¯)+)(?:[\\s.,!?]|$)");
  const re2::StringPiece input(text.data(), text.size());
  re2::StringPiece groups[2];
  for (size_t at = 0; at < text.size();) {
    if (!pattern->Match(input, at, text.size(), RE2::UNANCHORED, groups, 2)) {
      return;
    }
    const auto begin = static_cast<size_t>(groups[1].data() - text.data());
    at = begin + groups[1].size();
    spans->push_back({{begin, at}, SpanKind::kEmoji});
  }
}

}  // namespace

void FindEmoji(absl::string_view text, std::vector<Span>* spans) {
  FindPictures(text, spans);
  if (text.find_first_of(":;=<^_)(") != absl::string_view::npos) {
    FindFaces(text, spans);
  }
}

}  // namespace peregrine::document
