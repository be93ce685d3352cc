#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_FAIRSEQ_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_FAIRSEQ_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/files/torch_file.h"

namespace peregrine::formats {

// A checkpoint of fairseq: its model `transformer` under any of its
// architectures, as it was written since 0.6, and single-head and no-FFN
// decoders of the paper's repository, which are seen from the tensors. The
// vocabularies are dict.LANGUAGE.txt beside it; without them tokens are ids.
absl::StatusOr<Checkpoint> OpenFairseq(std::unique_ptr<TorchFile> file,
                                       const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_FAIRSEQ_H_
