#include "engine/formats/marian/vocabulary.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/subword_nmt.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

constexpr size_t kMaxCodesBytes = 16 << 20;

// The id of a symbol; where it has none, that of `old_id`, if that one has no
// spelling or the one that Nematus used.
absl::StatusOr<int32_t> RequiredId(const std::vector<std::string>& pieces,
                                   const std::string& path, const char* piece,
                                   const char* old_piece, int32_t old_id) {
  const size_t old_place = static_cast<size_t>(old_id);
  if (old_place < pieces.size() &&
      (pieces[old_place].empty() || pieces[old_place] == old_piece)) {
    return old_id;
  }
  const auto found = std::find(pieces.begin(), pieces.end(), piece);
  if (found == pieces.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found no piece \"", piece, "\", expected one"));
  }
  return static_cast<int32_t>(found - pieces.begin());
}

absl::StatusOr<std::shared_ptr<const text::Tokenizer>> MakeTokenizer(
    std::shared_ptr<const text::Vocabulary> vocabulary,
    const MarianSplitters& splitters) {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<const text::SentencePieceModel> splitter;
  if (FileExists(splitters.sentencepiece_path)) {
    PEREGRINE_ASSIGN_OR_RETURN(
        splitter, text::SentencePieceModel::Load(splitters.sentencepiece_path));
  } else if (FileExists(splitters.bpe_path)) {
    PEREGRINE_ASSIGN_OR_RETURN(const std::string text,
                               ReadFile(splitters.bpe_path, kMaxCodesBytes,
                                        "BPE codes of subword-nmt"));
    PEREGRINE_ASSIGN_OR_RETURN(
        std::shared_ptr<const text::SubwordNmtCodes> codes,
        text::SubwordNmtCodes::Parse(text, splitters.bpe_path));
    tokenizer = std::make_shared<text::SubwordNmtTokenizer>(
        std::move(vocabulary), std::move(codes));
    return tokenizer;
  }
  tokenizer = std::make_shared<text::VocabularyTokenizer>(std::move(vocabulary),
                                                          std::move(splitter));
  return tokenizer;
}

// Of pieces to ids, as Marian takes them to be by the ending.
bool IsMap(const std::string& path) {
  return absl::EndsWith(path, ".yml") || absl::EndsWith(path, ".yaml") ||
         absl::EndsWith(path, ".json");
}

absl::StatusOr<MarianVocabulary> LoadWordList(const std::string& path,
                                              const MarianSplitters& splitters,
                                              int num_rows) {
  std::vector<std::string> pieces;
  if (!IsMap(path)) {
    PEREGRINE_ASSIGN_OR_RETURN(pieces, ReadVocabularyList(path));
    if (pieces.size() > static_cast<size_t>(num_rows)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": found ", pieces.size(), " pieces, expected at most the ",
          num_rows, " rows of the embedding"));
    }
    pieces.resize(num_rows);
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(pieces, ReadVocabularyMap(path, num_rows));
  }
  MarianVocabulary side;
  PEREGRINE_ASSIGN_OR_RETURN(side.eos,
                             RequiredId(pieces, path, "</s>", "eos", 0));
  PEREGRINE_ASSIGN_OR_RETURN(const int32_t unk,
                             RequiredId(pieces, path, "<unk>", "UNK", 1));
  if (HasSentencePieces(pieces) && !FileExists(splitters.sentencepiece_path)) {
    side.text_refusal =
        absl::StrCat("the pieces of ", path, " are SentencePiece's, and ",
                     splitters.sentencepiece_path, " is not there");
  }
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(pieces), unk, absl::flat_hash_set<int32_t>{side.eos});
  PEREGRINE_ASSIGN_OR_RETURN(side.tokenizer,
                             MakeTokenizer(std::move(vocabulary), splitters));
  return side;
}

absl::StatusOr<MarianVocabulary> LoadSentencePiece(const std::string& path,
                                                   int num_rows) {
  MarianVocabulary side;
  PEREGRINE_ASSIGN_OR_RETURN(side.tokenizer,
                             text::SentencePieceModel::Load(path));
  if (side.tokenizer->vocab_size() > num_rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found ", side.tokenizer->vocab_size(),
        " pieces, expected at most the ", num_rows, " rows of the embedding"));
  }
  const auto eos = side.tokenizer->id("</s>");
  if (!eos.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found no piece \"</s>\", expected one"));
  }
  side.eos = *eos;
  return side;
}

}  // namespace

int NumPieces(const text::Tokenizer& vocabulary) {
  int size = vocabulary.vocab_size();
  while (size > 0 && vocabulary.piece(size - 1).empty()) --size;
  return size;
}

absl::StatusOr<MarianVocabulary> LoadMarianVocabulary(
    const std::string& path, const MarianSplitters& splitters, int num_rows) {
  if (absl::EndsWith(path, ".fsv")) {
    return absl::UnimplementedError(absl::StrCat(
        path, ": found a factored vocabulary, expected .spm, .yml or .txt"));
  }
  if (absl::EndsWith(path, ".gz")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": found a compressed file, expected a vocabulary: "
                     "run gunzip on it"));
  }
  if (absl::EndsWith(path, ".spm")) return LoadSentencePiece(path, num_rows);
  return LoadWordList(path, splitters, num_rows);
}

}  // namespace peregrine::formats
