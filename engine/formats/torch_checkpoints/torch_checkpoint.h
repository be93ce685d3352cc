#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TORCH_CHECKPOINT_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TORCH_CHECKPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// The checkpoint that is meant by a path: a file of torch.save that ends in
// .pt, or in a directory checkpoint_best.pt or the only such file. None: there
// is no such file. INVALID_ARGUMENT: there are several; names them.
absl::StatusOr<absl::optional<std::string>> FindTorchCheckpoint(
    const std::string& path);

// A checkpoint of fairseq or of OpenNMT-py. Nothing in its pickle is called:
// names of more than tensors, settings and the counts of training are refused
// by name.
absl::StatusOr<Checkpoint> OpenTorchCheckpoint(const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TORCH_CHECKPOINT_H_
