#include "engine/text/piece_table.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/text/sentencepiece_model.pb.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

PieceTable::Type FromFile(ModelFile::Piece::Type type) {
  switch (type) {
    case ModelFile::Piece::UNKNOWN:
      return PieceTable::Type::kUnknown;
    case ModelFile::Piece::CONTROL:
      return PieceTable::Type::kControl;
    case ModelFile::Piece::USER_DEFINED:
      return PieceTable::Type::kUserDefined;
    case ModelFile::Piece::UNUSED:
      return PieceTable::Type::kUnused;
    case ModelFile::Piece::BYTE:
      return PieceTable::Type::kByte;
    case ModelFile::Piece::NORMAL:
      break;
  }
  return PieceTable::Type::kNormal;
}

bool IsOrdinary(PieceTable::Type type) {
  return type == PieceTable::Type::kNormal ||
         type == PieceTable::Type::kUserDefined ||
         type == PieceTable::Type::kUnused;
}

}  // namespace

absl::optional<std::uint8_t> ParseBytePiece(absl::string_view text) {
  constexpr absl::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !absl::ConsumePrefix(&text, "<0x") ||
      !absl::ConsumeSuffix(&text, ">")) {
    return absl::nullopt;
  }
  const std::size_t high = kDigits.find(text[0]);
  const std::size_t low = kDigits.find(text[1]);
  if (high >= kDigits.size() || low >= kDigits.size()) return absl::nullopt;
  return static_cast<std::uint8_t>(high << 4 | low);
}

absl::StatusOr<PieceTable> PieceTable::Create(const ModelFile& file) {
  if (file.pieces().empty()) {
    return absl::InvalidArgumentError("0 pieces were found, expected some");
  }
  PieceTable table;
  table.has_byte_fallback_ = file.training().byte_fallback();
  table.byte_ids_.fill(-1);
  table.pieces_.reserve(file.pieces_size());
  for (const ModelFile::Piece& piece : file.pieces()) {
    absl::Status status =
        table.Add(piece.piece(), piece.score(), FromFile(piece.type()));
    if (!status.ok()) return status;
  }
  for (std::int32_t id = 0; id < table.size(); ++id) {
    if (absl::Status status = table.Index(id); !status.ok()) return status;
  }
  if (table.unk_id_ < 0) {
    return absl::InvalidArgumentError(
        "no piece of type UNKNOWN was found, expected one");
  }
  if (absl::Status status = table.CheckBytes(); !status.ok()) return status;
  return table;
}

absl::Status PieceTable::Add(const std::string& text, float score, Type type) {
  const std::string name = absl::StrCat("piece ", pieces_.size());
  if (text.empty() || text.size() > kMaxPieceBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " has ", text.size(), " bytes, expected 1 to ", kMaxPieceBytes));
  }
  if (const absl::optional<std::size_t> bad = FindInvalidUtf8(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is not UTF-8 at byte ", *bad));
  }
  if (!std::isfinite(score)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " has the score ", score, ", expected a finite number"));
  }
  if (absl::StrContains(text, '\0')) {
    // Some converters write a NUL beside the byte piece that stands for it.
    if (text.size() > 1 || !has_byte_fallback_) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " was found to contain a NUL, expected none"));
    }
    type = Type::kUnused;
  }
  pieces_.push_back({text, score, type, 0});
  return absl::OkStatus();
}

absl::Status PieceTable::Index(std::int32_t id) {
  Piece& piece = pieces_[id];
  auto& ids = IsOrdinary(piece.type) ? ordinary_ids_ : reserved_ids_;
  const auto [other, inserted] = ids.emplace(piece.text, id);
  if (!inserted) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pieces ", other->second, " and ", id, " were both found to be \"",
        piece.text, "\", expected them to differ"));
  }
  if (piece.type == Type::kUnknown) {
    if (unk_id_ >= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("pieces ", unk_id_, " and ", id,
                       " were both found to be of type UNKNOWN, expected one"));
    }
    unk_id_ = id;
  }
  if (piece.type == Type::kByte) {
    const absl::optional<std::uint8_t> byte = ParseBytePiece(piece.text);
    if (!byte.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("piece ", id, ", of type BYTE, was found to be \"",
                       piece.text, "\", expected \"<0x00>\" to \"<0xFF>\""));
    }
    piece.byte = *byte;
    byte_ids_[*byte] = id;
  }
  return absl::OkStatus();
}

absl::Status PieceTable::CheckBytes() const {
  int found = 0;
  for (const std::int32_t id : byte_ids_) found += id >= 0 ? 1 : 0;
  const int expected = has_byte_fallback_ ? 256 : 0;
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      found, " pieces of type BYTE were found, expected ", expected,
      has_byte_fallback_ ? " with" : " without", " byte_fallback"));
}

absl::optional<std::int32_t> PieceTable::Find(absl::string_view text) const {
  if (const auto it = reserved_ids_.find(text); it != reserved_ids_.end()) {
    return it->second;
  }
  if (const auto it = ordinary_ids_.find(text); it != ordinary_ids_.end()) {
    return it->second;
  }
  return absl::nullopt;
}

}  // namespace peregrine::text
