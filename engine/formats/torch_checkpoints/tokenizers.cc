#include "engine/formats/torch_checkpoints/tokenizers.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/subword_nmt.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

constexpr const char* kSplitters[] = {"sentencepiece.bpe.model",
                                      "sentencepiece.model", "spm.model",
                                      "spiece.model"};
constexpr const char* kCodes[] = {"bpe.codes", "bpecodes", "codes", "code",
                                  "bpe.code"};
constexpr size_t kMaxCodesBytes = size_t{64} << 20;

using TokenizerPtr = std::shared_ptr<const text::Tokenizer>;

// The first of `names` that stands in the directory; "" where none does.
template <size_t kCount>
std::string FindFile(const std::string& directory,
                     const char* const (&names)[kCount]) {
  for (const char* name : names) {
    std::string path = absl::StrCat(directory, "/", name);
    if (FileExists(path)) return path;
  }
  return "";
}

bool HasMarks(const std::vector<std::string>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [](const auto& piece) {
    return absl::EndsWith(piece, "@@");
  });
}

}  // namespace

absl::Status MakeTokenizers(const std::string& directory,
                            std::vector<std::string> source,
                            std::vector<std::string> target,
                            Checkpoint& checkpoint) {
  const model::TokenConfig& tokens = checkpoint.config.tokens;
  const std::string model = FindFile(directory, kSplitters);
  const std::string codes_path = FindFile(directory, kCodes);
  std::shared_ptr<const text::SentencePieceModel> splitter;
  std::shared_ptr<const text::SubwordNmtCodes> codes;
  const bool has_pieces = HasSentencePieces(source);
  if (!model.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(splitter, text::SentencePieceModel::Load(model));
  } else if (!codes_path.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(
        const std::string content,
        ReadFile(codes_path, kMaxCodesBytes, "BPE codes"));
    PEREGRINE_ASSIGN_OR_RETURN(
        codes, text::SubwordNmtCodes::Parse(content, codes_path));
  }
  if (has_pieces && splitter == nullptr) {
    checkpoint.text_refusal =
        "its pieces are SentencePiece's, and no sentencepiece.bpe.model stands "
        "in its directory";
  } else if (splitter == nullptr && codes == nullptr && HasMarks(source)) {
    checkpoint.text_refusal =
        "its pieces are subword-nmt's, and no bpe.codes stands in its "
        "directory";
  }
  const auto make = [&](std::vector<std::string> pieces) -> TokenizerPtr {
    auto vocabulary = std::make_shared<const text::Vocabulary>(
        std::move(pieces), tokens.unk,
        absl::flat_hash_set<int32_t>{tokens.pad, tokens.bos, tokens.eos});
    if (splitter != nullptr) {
      return std::make_shared<text::VocabularyTokenizer>(std::move(vocabulary),
                                                         splitter);
    }
    return std::make_shared<text::SubwordNmtTokenizer>(std::move(vocabulary),
                                                       codes);
  };
  checkpoint.source_tokenizer = make(std::move(source));
  checkpoint.target_tokenizer = make(std::move(target));
  return absl::OkStatus();
}

}  // namespace peregrine::formats
