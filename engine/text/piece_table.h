#ifndef PEREGRINE_ENGINE_TEXT_PIECE_TABLE_H_
#define PEREGRINE_ENGINE_TEXT_PIECE_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine::text {

class ModelFile;

// "<0x4A>" is byte 0x4A; two upper-case hexadecimal digits.
absl::optional<std::uint8_t> ParseBytePiece(absl::string_view text);

// The pieces of a SentencePiece model, checked. Immutable after Create;
// thread-safe.
class PieceTable {
 public:
  enum class Type : std::uint8_t {
    kNormal,
    kUnknown,
    kControl,
    kUserDefined,
    kUnused,
    kByte,
  };
  struct Piece {
    std::string text;
    float score;
    Type type;
    std::uint8_t byte;  // of a kByte
  };

  // A longer piece is an error, as in the reference: the time to encode grows
  // with the longest one.
  static constexpr std::size_t kMaxPieceBytes = 7999;

  // INVALID_ARGUMENT says what was found and what was expected.
  static absl::StatusOr<PieceTable> Create(const ModelFile& file);

  int size() const { return static_cast<int>(pieces_.size()); }
  const Piece& operator[](std::int32_t id) const { return pieces_[id]; }
  const std::vector<Piece>& pieces() const { return pieces_; }

  absl::optional<std::int32_t> Find(absl::string_view text) const;
  std::int32_t unk_id() const { return unk_id_; }
  bool has_byte_fallback() const { return has_byte_fallback_; }
  std::int32_t byte_id(unsigned char byte) const { return byte_ids_[byte]; }

 private:
  PieceTable() = default;
  absl::Status Add(const std::string& text, float score, Type type);
  absl::Status CheckBytes() const;
  absl::Status Index(std::int32_t id);

  std::vector<Piece> pieces_;
  // Views of pieces_. Those with a meaning of their own (unknown, control,
  // byte) may be spelt like an ordinary piece and then come first.
  absl::flat_hash_map<absl::string_view, std::int32_t> ordinary_ids_;
  absl::flat_hash_map<absl::string_view, std::int32_t> reserved_ids_;
  std::array<std::int32_t, 256> byte_ids_ = {};
  std::int32_t unk_id_ = -1;
  bool has_byte_fallback_ = false;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_PIECE_TABLE_H_
