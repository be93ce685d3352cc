#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_

#include <memory>

#include "engine/formats/hugging_face/directory.h"
#include "engine/model/config.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// The tensors of an encoder-decoder model under the names that transformers
// gives them in MarianMT, M2M100 and all others that come from its BART. Where
// the architecture has an output bias, it is the file's (zero where that has
// none), and with renormalised generation minus infinity for what is
// suppressed.
std::unique_ptr<model::TensorSource> RenameHuggingFaceTensors(
    std::unique_ptr<model::TensorSource> file,
    const model::ArchitectureConfig& architecture,
    const HuggingFaceDirectory::Generation& generation);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_
