#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/formats/hugging_face/weight_files.h"
#include "engine/model/config.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// Which tensors of a file are the tables of encoder and decoder and the output.
struct EmbeddingNames {
  std::string encoder;
  std::string decoder;
  std::string output;
};

// What a kind of model calls them, and the one that stands for several.
struct EmbeddingTables {
  std::string shared;
  std::string encoder;
  std::string decoder;
  std::string output;
};

// Of MarianMT, M2M100 and all others that come from BART.
EmbeddingTables BartTables();

// Tables that config.json ties may be stored under several names, and differ.
// transformers 5 then takes each as it is stored, transformers 4 takes
// model.shared for all: the version that config.json says wrote the model
// decides, and `architecture` becomes what is to be computed.
// INVALID_ARGUMENT: they differ and nothing says which counts; names both.
absl::StatusOr<EmbeddingNames> SettleEmbeddings(
    const WeightFiles& weights, const HuggingFaceDirectory& directory,
    const EmbeddingTables& tables, model::ArchitectureConfig& architecture);

// The tensors of an encoder-decoder model under the names that transformers
// gives them in MarianMT, M2M100 and all others that come from its BART. Where
// the architecture has an output bias, it is the file's (zero where that has
// none), and with renormalised generation minus infinity for what is
// suppressed.
std::unique_ptr<model::TensorSource> RenameHuggingFaceTensors(
    std::unique_ptr<WeightFiles> file, const EmbeddingNames& embeddings,
    const model::ArchitectureConfig& architecture,
    const HuggingFaceDirectory::Generation& generation);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TENSORS_H_
