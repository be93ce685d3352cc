#ifndef PEREGRINE_ENGINE_TEXT_SENTENCEPIECE_H_
#define PEREGRINE_ENGINE_TEXT_SENTENCEPIECE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "engine/text/tokenizer.h"

namespace peregrine::text {

class ModelFile;

// One token and the bytes [begin, end) of the original text that it stands
// for. Ranges do not overlap and are in order; what normalisation dropped
// (repeated spaces, say) is in none of them, and a token that stands for no
// text (an added leading space; all but the last byte token of a character)
// has an empty range.
struct Piece {
  int32_t id;
  int begin;
  int end;
};

// A SentencePiece vocabulary (`.spm`, `.model`) of type unigram or BPE, giving
// the ids and texts of the reference library. docs/decisions/0002 says why the
// reader is our own. Immutable and thread-safe.
class SentencePieceModel final : public Tokenizer {
 public:
  // Errors name the file, what was found and what was expected. NOT_FOUND: no
  // such file. INVALID_ARGUMENT: damaged or not such a file. UNIMPLEMENTED: a
  // model of type word or char. Time and memory are linear in the file's size,
  // which may not exceed 32 MiB.
  static absl::StatusOr<std::unique_ptr<SentencePieceModel>> Load(
      const std::string& path);

  // The same from memory; `name` stands for the file in errors.
  static absl::StatusOr<std::unique_ptr<SentencePieceModel>> Parse(
      absl::string_view serialized, absl::string_view name);

  // A BPE model that came in other clothes: its pieces, the first to be merged
  // first, then those that no merge makes; and its compiled rules of
  // normalisation, where it has any. Ids are those of the list, after the one
  // of unknown characters.
  static absl::StatusOr<std::unique_ptr<SentencePieceModel>> FromMerges(
      absl::Span<const std::string> pieces, absl::string_view charsmap,
      absl::string_view name);

  // A unigram model that came in other clothes: its pieces by id, exactly one
  // of which is unknown.
  struct ScoredPiece {
    enum class Kind { kNormal, kUnknown, kControl, kUserDefined, kByte };
    std::string text;
    float score = 0;
    Kind kind = Kind::kNormal;
  };
  static absl::StatusOr<std::unique_ptr<SentencePieceModel>> FromScores(
      absl::Span<const ScoredPiece> pieces, bool byte_fallback,
      absl::string_view charsmap, absl::string_view name);

  ~SentencePieceModel() override;

  std::vector<int32_t> Encode(absl::string_view text) const override;
  std::vector<Piece> EncodeWithOffsets(absl::string_view text) const;
  std::string Decode(absl::Span<const int32_t> ids) const override;

  // For vocabularies with ids of their own: tokens as they are spelt, where one
  // for unknown characters is spelt as they are, after normalisation; and text
  // from spellings, where one that is no piece of this model stands for itself.
  std::vector<std::string> EncodeAsPieces(absl::string_view text) const;
  std::string DecodePieces(absl::Span<const absl::string_view> pieces) const;

  int vocab_size() const override;
  int32_t unk_id() const override;

  absl::string_view piece(int32_t id) const override;
  absl::optional<int32_t> id(absl::string_view piece) const override;

 private:
  struct Parts;
  class TextBuilder;
  static absl::StatusOr<std::unique_ptr<SentencePieceModel>> Make(
      const ModelFile& file, absl::string_view name);
  explicit SentencePieceModel(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SENTENCEPIECE_H_
