#include "engine/text/vocabulary_tokenizer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace peregrine::text {
namespace {

constexpr absl::string_view kCodeBegin = ">>";
constexpr absl::string_view kCodeEnd = "<<";
constexpr absl::string_view kSpace = "\xE2\x96\x81";
constexpr absl::string_view kNoBreakSpace = "\xC2\xA0";

}  // namespace

std::vector<int32_t> VocabularyTokenizer::Encode(absl::string_view text) const {
  std::vector<int32_t> ids;
  const absl::string_view code = LanguageCode(text);
  if (!code.empty()) {
    ids.push_back(*vocabulary_->id(code));
    text.remove_prefix(code.size());
  }
  if (added_.words.empty()) {
    EncodeSegment(text, ids);
    return ids;
  }
  const absl::optional<int32_t> space = vocabulary_->id(kSpace);
  added_.words.Split(
      text,
      [&](absl::string_view segment, bool is_last) {
        EncodeSegment(segment, ids);
        const bool ends_in_space =
            absl::ascii_isspace(static_cast<unsigned char>(segment.back())) ||
            absl::EndsWith(segment, kNoBreakSpace);
        if (added_.space_is_piece && !is_last && ends_in_space &&
            space.has_value()) {
          ids.push_back(*space);
        }
      },
      [&](int32_t id) { ids.push_back(id); });
  return ids;
}

void VocabularyTokenizer::EncodeSegment(absl::string_view text,
                                        std::vector<int32_t>& ids) const {
  const std::vector<std::string> pieces =
      splitter_ != nullptr
          ? splitter_->EncodeAsPieces(text)
          : std::vector<std::string>(absl::StrSplit(
                text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()));
  for (const std::string& piece : pieces) {
    ids.push_back(vocabulary_->id(piece).value_or(vocabulary_->unk_id()));
  }
}

std::string VocabularyTokenizer::Decode(absl::Span<const int32_t> ids) const {
  std::vector<absl::string_view> pieces;
  pieces.reserve(ids.size());
  for (int32_t id : ids) {
    if (id < 0 || id >= vocabulary_->size()) id = vocabulary_->unk_id();
    if (!vocabulary_->silent(id)) pieces.push_back(vocabulary_->piece(id));
  }
  const std::string text = splitter_ != nullptr
                               ? splitter_->DecodePieces(pieces)
                               : absl::StrJoin(pieces, " ");
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::string_view VocabularyTokenizer::LanguageCode(
    absl::string_view text) const {
  if (!absl::StartsWith(text, kCodeBegin)) return "";
  const size_t end = text.find(kCodeEnd);
  if (end == absl::string_view::npos) return "";
  const absl::string_view code = text.substr(0, end + kCodeEnd.size());
  return vocabulary_->id(code).has_value() ? code : "";
}

}  // namespace peregrine::text
