#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TOKENIZERS_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TOKENIZERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// Gives the checkpoint tokenizers for vocabularies without files of their own:
// text is cut by the SentencePiece model or the codes of subword-nmt that stand
// in the directory, else at spaces, and refused where the pieces want more.
// Needs `checkpoint.config.tokens`.
absl::Status MakeTokenizers(const std::string& directory,
                            std::vector<std::string> source,
                            std::vector<std::string> target,
                            Checkpoint& checkpoint);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TOKENIZERS_H_
