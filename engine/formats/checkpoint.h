#ifndef PEREGRINE_ENGINE_FORMATS_CHECKPOINT_H_
#define PEREGRINE_ENGINE_FORMATS_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/model/config.h"
#include "engine/model/shortlist.h"
#include "engine/model/tensor_source.h"
#include "engine/text/tokenizer.h"

namespace peregrine::formats {

// A model directory of any format, opened: everything in it but the weights is
// read and checked, and these are named as docs/model-format.md names them.
struct Checkpoint {
  std::string format;  // for people: "Hugging Face MarianMT"
  model::ModelConfig config;
  std::unique_ptr<model::TensorSource> tensors;
  std::unique_ptr<const model::Shortlist> shortlist;  // null: none
  // Null: tokens in, tokens out only.
  std::shared_ptr<const text::Tokenizer> source_tokenizer;
  std::shared_ptr<const text::Tokenizer> target_tokenizer;
  // Pieces of both that stand for what must survive: see engine/markers.h.
  std::vector<std::string> markers;
  // Why text is refused, though the tokenizers know how tokens are spelt; "":
  // it is not.
  std::string text_refusal;
};

// The one check that every checkpoint passes: sizes below the limits of
// limits.h that fit each other, and tokens that are of the vocabularies.
// INVALID_ARGUMENT names `path`, the value and what was expected.
absl::Status CheckConfig(const model::ModelConfig& config,
                         const std::string& path);

// The name of a model whose files give it none.
std::string NameOfDirectory(const std::string& directory);

// A BCP 47 tag for how a model calls a language ("de", "zh_cn", "deu_Latn"), or
// "und" (undetermined) where that is no tag.
std::string LanguageTag(absl::string_view name);

// Whether the pieces of a vocabulary are SentencePiece's: words begin with the
// mark "▁". Cut at spaces, text would have none of them.
bool HasSentencePieces(const std::vector<std::string>& pieces);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CHECKPOINT_H_
