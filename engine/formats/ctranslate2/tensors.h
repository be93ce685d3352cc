#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TENSORS_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TENSORS_H_

#include <memory>

#include "engine/formats/ctranslate2/architecture.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// The variables of a model.bin under our names. Biases that the file lacks are
// zeros.
std::unique_ptr<model::TensorSource> RenameCTranslate2Tensors(
    std::unique_ptr<CTranslate2File> file,
    const CTranslate2Architecture& architecture);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TENSORS_H_
