#include "engine/text/sentencepiece.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/text/bpe.h"
#include "engine/text/charsmap.h"
#include "engine/text/normalizer.h"
#include "engine/text/piece_table.h"
#include "engine/text/segmenter.h"
#include "engine/text/sentencepiece_model.pb.h"
#include "engine/text/trie.h"
#include "engine/text/unigram.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

using Type = PieceTable::Type;

constexpr std::size_t kMaxFileBytes = std::size_t{32} << 20;
constexpr absl::string_view kDefaultUnknownSurface = " \xE2\x81\x87 ";

absl::Status InFile(absl::string_view file, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(file, ": ", status.message()));
}

absl::StatusOr<ModelFile> ParseFile(absl::string_view serialized) {
  if (serialized.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(serialized.size(), " bytes were found, expected at most ",
                     kMaxFileBytes));
  }
  ModelFile file;
  if (!file.ParseFromArray(serialized.data(),
                           static_cast<int>(serialized.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", serialized.size(),
                     " bytes were not found to be a Protobuf message, expected "
                     "a SentencePiece model"));
  }
  // The settings follow the pieces: a file cut off between fields lacks them.
  if (!file.has_training() || !file.has_normalization()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.pieces_size(), " pieces were found but no ",
        file.has_training() ? "normalizer" : "trainer",
        "_spec, expected both pieces and settings; the file may be cut off"));
  }
  return file;
}

ModelFile::Piece::Type TypeInFile(SentencePieceModel::ScoredPiece::Kind kind) {
  using Kind = SentencePieceModel::ScoredPiece::Kind;
  switch (kind) {
    case Kind::kUnknown:
      return ModelFile::Piece::UNKNOWN;
    case Kind::kControl:
      return ModelFile::Piece::CONTROL;
    case Kind::kUserDefined:
      return ModelFile::Piece::USER_DEFINED;
    case Kind::kByte:
      return ModelFile::Piece::BYTE;
    case Kind::kNormal:
      break;
  }
  return ModelFile::Piece::NORMAL;
}

// The pieces that text must keep as they are.
Trie UserDefinedTexts(const PieceTable& pieces) {
  std::vector<Trie::Entry> entries;
  for (std::int32_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].type == Type::kUserDefined) {
      entries.push_back({pieces[id].text, id, 0.0F});
    }
  }
  return Trie(std::move(entries));
}

absl::StatusOr<Normalizer> MakeNormalizer(const Normalization& rules,
                                          bool dummy_as_suffix,
                                          Trie protected_texts) {
  Charsmap charsmap;
  if (!rules.precompiled_charsmap().empty()) {
    absl::StatusOr<Charsmap> parsed =
        Charsmap::Parse(rules.precompiled_charsmap());
    if (!parsed.ok()) return InFile("precompiled_charsmap", parsed.status());
    charsmap = *std::move(parsed);
  }
  NormalizerOptions options;
  options.add_dummy_prefix = rules.add_dummy_prefix();
  options.dummy_as_suffix = dummy_as_suffix;
  options.remove_extra_whitespaces = rules.remove_extra_whitespaces();
  options.escape_whitespaces = rules.escape_whitespaces();
  return Normalizer(options, std::move(charsmap), std::move(protected_texts));
}

absl::StatusOr<std::unique_ptr<Segmenter>> MakeSegmenter(
    const Training& training, const PieceTable& pieces) {
  switch (training.model_type()) {
    case Training::UNIGRAM:
      return std::make_unique<UnigramSegmenter>(pieces);
    case Training::BPE:
      return std::make_unique<BpeSegmenter>(pieces);
    case Training::WORD:
    case Training::CHAR:
      break;
  }
  return absl::UnimplementedError(
      absl::StrCat("a model of type ",
                   training.model_type() == Training::WORD ? "WORD" : "CHAR",
                   " was found, expected UNIGRAM or BPE"));
}

// What each piece reads as, laid end to end.
class Surfaces {
 public:
  Surfaces(const PieceTable& pieces, absl::string_view unk_surface) {
    for (const PieceTable::Piece& piece : pieces.pieces()) {
      begins_.push_back(text_.size());
      if (piece.type == Type::kUnknown) {
        text_.append(unk_surface.data(), unk_surface.size());
      } else if (piece.type != Type::kControl && piece.type != Type::kByte) {
        text_ += absl::StrReplaceAll(piece.text, {{kSpaceSymbol, " "}});
      }
    }
    begins_.push_back(text_.size());
  }

  absl::string_view operator[](std::int32_t id) const {
    return absl::string_view(text_).substr(begins_[id],
                                           begins_[id + 1] - begins_[id]);
  }

 private:
  std::string text_;
  std::vector<std::size_t> begins_;
};

// Turns segments into tokens: unknown characters become byte pieces or, without
// byte fallback, one unknown token a run. Calls emit(id, begin, end) for every
// token, with its place in the normalised text, and extend(end) where the last
// one grows.
template <typename Emit, typename Extend>
void ForEachToken(const PieceTable& pieces, absl::string_view normalized,
                  const std::vector<Segment>& segments, Emit emit,
                  Extend extend) {
  std::int32_t begin = 0;
  bool after_unknown = false;
  for (const Segment& segment : segments) {
    const bool unknown = segment.id == kUnknownSegment;
    if (!unknown) {
      emit(segment.id, begin, segment.end);
    } else if (pieces.has_byte_fallback()) {
      for (std::int32_t at = begin; at < segment.end; ++at) {
        const auto byte = static_cast<unsigned char>(normalized[at]);
        const bool last = at + 1 == segment.end;
        emit(pieces.byte_id(byte), begin, last ? segment.end : begin);
      }
    } else if (after_unknown) {
      extend(segment.end);
    } else {
      emit(pieces.unk_id(), begin, segment.end);
    }
    after_unknown = unknown;
    begin = segment.end;
  }
}

// Appends bytes that should be UTF-8, with U+FFFD for each that is not.
void AppendAsUtf8(absl::string_view bytes, std::string* text) {
  while (!bytes.empty()) {
    const int length = Utf8CharLength(bytes);
    if (length > 0) {
      text->append(bytes.data(), static_cast<std::size_t>(length));
    } else {
      text->append(kReplacementCharacter.data(), kReplacementCharacter.size());
    }
    bytes.remove_prefix(length > 0 ? static_cast<std::size_t>(length) : 1);
  }
}

}  // namespace

struct SentencePieceModel::Parts {
  PieceTable pieces;
  Normalizer normalizer;
  std::unique_ptr<Segmenter> segmenter;
  Surfaces surfaces;
  absl::optional<Normalizer> denormalizer;
  bool add_dummy_prefix;
  bool remove_extra_whitespaces;

  // Whether Decode drops a space symbol that starts the text, as Encode will
  // have added it or dropped any.
  bool drops_first_space() const {
    return add_dummy_prefix || remove_extra_whitespaces;
  }
};

SentencePieceModel::SentencePieceModel(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

SentencePieceModel::~SentencePieceModel() = default;

absl::StatusOr<std::unique_ptr<SentencePieceModel>> SentencePieceModel::Load(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string content,
      ReadFile(path, kMaxFileBytes, "a SentencePiece model"));
  return Parse(content, path);
}

absl::StatusOr<std::unique_ptr<SentencePieceModel>> SentencePieceModel::Parse(
    absl::string_view serialized, absl::string_view name) {
  const absl::StatusOr<ModelFile> file = ParseFile(serialized);
  if (!file.ok()) return InFile(name, file.status());
  return Make(*file, name);
}

absl::StatusOr<std::unique_ptr<SentencePieceModel>>
SentencePieceModel::FromMerges(absl::Span<const std::string> pieces,
                               absl::string_view charsmap,
                               absl::string_view name) {
  ModelFile file;
  file.mutable_training()->set_model_type(Training::BPE);
  file.mutable_normalization()->set_precompiled_charsmap(std::string(charsmap));
  ModelFile::Piece* unknown = file.add_pieces();
  unknown->set_piece("<unk>");
  unknown->set_type(ModelFile::Piece::UNKNOWN);
  float score = 0;
  for (const std::string& text : pieces) {
    ModelFile::Piece* piece = file.add_pieces();
    piece->set_piece(text);
    piece->set_score(score--);
  }
  return Make(file, name);
}

absl::StatusOr<std::unique_ptr<SentencePieceModel>>
SentencePieceModel::FromScores(absl::Span<const ScoredPiece> pieces,
                               bool byte_fallback, absl::string_view charsmap,
                               absl::string_view name) {
  ModelFile file;
  file.mutable_training()->set_model_type(Training::UNIGRAM);
  file.mutable_training()->set_byte_fallback(byte_fallback);
  file.mutable_normalization()->set_precompiled_charsmap(std::string(charsmap));
  for (const ScoredPiece& one : pieces) {
    ModelFile::Piece* piece = file.add_pieces();
    piece->set_piece(one.text);
    piece->set_score(one.score);
    piece->set_type(TypeInFile(one.kind));
  }
  return Make(file, name);
}

absl::StatusOr<std::unique_ptr<SentencePieceModel>> SentencePieceModel::Make(
    const ModelFile& file, absl::string_view name) {
  absl::StatusOr<PieceTable> pieces = PieceTable::Create(file);
  if (!pieces.ok()) return InFile(name, pieces.status());
  absl::StatusOr<std::unique_ptr<Segmenter>> segmenter =
      MakeSegmenter(file.training(), *pieces);
  if (!segmenter.ok()) return InFile(name, segmenter.status());
  absl::StatusOr<Normalizer> normalizer = MakeNormalizer(
      file.normalization(), file.training().treat_whitespace_as_suffix(),
      UserDefinedTexts(*pieces));
  if (!normalizer.ok()) return InFile(name, normalizer.status());

  absl::optional<Normalizer> denormalizer;
  if (!file.denormalization().precompiled_charsmap().empty()) {
    absl::StatusOr<Normalizer> made = MakeNormalizer(
        file.denormalization(), /*dummy_as_suffix=*/false, Trie());
    if (!made.ok()) return InFile(name, made.status());
    denormalizer = *std::move(made);
  }

  const absl::string_view unk_surface = file.training().has_unk_surface()
                                            ? file.training().unk_surface()
                                            : kDefaultUnknownSurface;
  if (FindInvalidUtf8(unk_surface).has_value()) {
    return InFile(name, absl::InvalidArgumentError(
                            "unk_surface was found not to be UTF-8"));
  }
  Surfaces surfaces(*pieces, unk_surface);
  return absl::WrapUnique(new SentencePieceModel(absl::WrapUnique(new Parts{
      *std::move(pieces), *std::move(normalizer), *std::move(segmenter),
      std::move(surfaces), std::move(denormalizer),
      file.normalization().add_dummy_prefix(),
      file.normalization().remove_extra_whitespaces()})));
}

std::vector<std::int32_t> SentencePieceModel::Encode(
    absl::string_view text) const {
  const std::string normalized = parts_->normalizer.Normalize(text);
  const std::vector<Segment> segments = parts_->segmenter->Split(normalized);
  std::vector<std::int32_t> ids;
  ids.reserve(segments.size());
  ForEachToken(
      parts_->pieces, normalized, segments,
      [&](std::int32_t id, std::int32_t, std::int32_t) { ids.push_back(id); },
      [](std::int32_t) {});
  return ids;
}

std::vector<Piece> SentencePieceModel::EncodeWithOffsets(
    absl::string_view text) const {
  std::vector<std::int32_t> origins;
  const std::string normalized = parts_->normalizer.Normalize(text, &origins);
  const std::vector<Segment> segments = parts_->segmenter->Split(normalized);
  std::vector<Piece> pieces;
  pieces.reserve(segments.size());
  ForEachToken(
      parts_->pieces, normalized, segments,
      [&](std::int32_t id, std::int32_t begin, std::int32_t end) {
        pieces.push_back({id, origins[begin], origins[end]});
      },
      [&](std::int32_t end) { pieces.back().end = origins[end]; });
  return pieces;
}

std::vector<std::string> SentencePieceModel::EncodeAsPieces(
    absl::string_view text) const {
  const std::string normalized = parts_->normalizer.Normalize(text);
  const std::vector<Segment> segments = parts_->segmenter->Split(normalized);
  std::vector<std::string> pieces;
  pieces.reserve(segments.size());
  std::int32_t last_end = 0;
  ForEachToken(
      parts_->pieces, normalized, segments,
      [&](std::int32_t id, std::int32_t begin, std::int32_t end) {
        pieces.push_back(id == parts_->pieces.unk_id()
                             ? normalized.substr(begin, end - begin)
                             : parts_->pieces[id].text);
        last_end = end;
      },
      [&](std::int32_t end) {
        pieces.back().append(normalized, last_end, end - last_end);
        last_end = end;
      });
  return pieces;
}

// Puts the text of tokens together.
class SentencePieceModel::TextBuilder {
 public:
  explicit TextBuilder(const Parts& parts)
      : parts_(parts), at_start_(parts.drops_first_space()) {}

  void AddId(std::int32_t id) {
    const PieceTable& pieces = parts_.pieces;
    if (id < 0 || id >= pieces.size()) id = pieces.unk_id();
    const PieceTable::Piece& piece = pieces[id];
    if (piece.type == Type::kByte) {
      bytes_.push_back(static_cast<char>(piece.byte));
      return;
    }
    const bool is_text =
        piece.type != Type::kControl && piece.type != Type::kUnknown;
    AddSurface(parts_.surfaces[id],
               is_text && absl::StartsWith(piece.text, kSpaceSymbol));
  }

  void AddUnknown(absl::string_view spelling) {
    AddSurface(absl::StrReplaceAll(spelling, {{kSpaceSymbol, " "}}),
               absl::StartsWith(spelling, kSpaceSymbol));
  }

  std::string Finish() {
    FlushBytes();
    return parts_.denormalizer.has_value()
               ? parts_.denormalizer->Normalize(text_)
               : std::move(text_);
  }

 private:
  void FlushBytes() {
    AppendAsUtf8(bytes_, &text_);
    bytes_.clear();
  }

  void AddSurface(absl::string_view surface, bool starts_with_space) {
    FlushBytes();
    at_start_ = at_start_ && text_.empty();
    if (at_start_ && starts_with_space) {
      surface.remove_prefix(1);
      // Where repeated spaces are not text, those that follow go as well.
      at_start_ = parts_.remove_extra_whitespaces;
    }
    text_.append(surface.data(), surface.size());
  }

  const Parts& parts_;
  std::string text_;
  std::string bytes_;  // of byte tokens, until a whole character is there
  bool at_start_;
};

std::string SentencePieceModel::Decode(
    absl::Span<const std::int32_t> ids) const {
  TextBuilder text(*parts_);
  for (std::int32_t id : ids) text.AddId(id);
  return text.Finish();
}

std::string SentencePieceModel::DecodePieces(
    absl::Span<const absl::string_view> pieces) const {
  TextBuilder text(*parts_);
  for (absl::string_view piece : pieces) {
    if (const auto id = parts_->pieces.Find(piece)) {
      text.AddId(*id);
    } else {
      text.AddUnknown(piece);
    }
  }
  return text.Finish();
}

int SentencePieceModel::vocab_size() const { return parts_->pieces.size(); }

std::int32_t SentencePieceModel::unk_id() const {
  return parts_->pieces.unk_id();
}

absl::string_view SentencePieceModel::piece(std::int32_t id) const {
  return parts_->pieces[id].text;
}

absl::optional<std::int32_t> SentencePieceModel::id(
    absl::string_view piece) const {
  return parts_->pieces.Find(piece);
}

}  // namespace peregrine::text
