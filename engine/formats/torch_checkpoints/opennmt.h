#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_OPENNMT_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_OPENNMT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/files/torch_file.h"

namespace peregrine::formats {

// A checkpoint of OpenNMT-py from version 3 on, whose vocabularies are lists
// inside: transformers with its own table of positions ("position_encoding").
absl::StatusOr<Checkpoint> OpenOpenNmt(std::unique_ptr<TorchFile> file,
                                       const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_OPENNMT_H_
