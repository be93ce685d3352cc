#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_DIRECTORY_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/json_object.h"
#include "engine/formats/hugging_face/weight_files.h"
#include "engine/model/config.h"

namespace peregrine::formats {

// What the encoder-decoder models of Hugging Face have in common: the fields of
// config.json, generation_config.json and the files of weights. A field that is
// null counts as absent, as it does there; fields without a meaning for
// inference are passed over.
class HuggingFaceDirectory {
 public:
  // `config` is the content of the directory's config.json.
  static absl::StatusOr<HuggingFaceDirectory> Open(const std::string& directory,
                                                   Json config);

  std::string Path(absl::string_view file) const;
  bool Has(absl::string_view file) const;

  const Json& config() const { return config_; }
  JsonObjectReader ConfigReader() const;

  // UNIMPLEMENTED: the weights are quantised by a library of its own.
  absl::Status RefuseQuantization() const;

  // Layers, widths, vocabulary sizes, activation and position limit; what only
  // the model's class says (norms, positions) is the caller's. UNIMPLEMENTED: a
  // setting that would change what is computed and that we lack.
  absl::StatusOr<model::ArchitectureConfig> ReadArchitecture(
      model::NormPlacement norm, bool embedding_norm = false) const;

  // Generation settings as `generate` would use them: beam, lengths, stopping,
  // forced and forbidden tokens. UNIMPLEMENTED: one that changes translations
  // and that we lack.
  struct Generation {
    model::DecodingConfig decoding;
    // Probability is shared out among the tokens that are not suppressed.
    bool renormalize = false;
  };
  absl::StatusOr<Generation> ReadGeneration(
      const model::ArchitectureConfig& architecture,
      const model::TokenConfig& tokens) const;

  // pad, eos and decoder_start; bos is pad where there is none, unk is left to
  // the tokenizer's files. The suffix of sources is eos.
  absl::StatusOr<model::TokenConfig> ReadTokens(
      const model::ArchitectureConfig& architecture) const;

  // tokenizer_config.json; an empty object where there is none.
  absl::StatusOr<Json> ReadTokenizerConfig() const;

  // model.safetensors or pytorch_model.bin, or the files that their indices
  // name.
  absl::StatusOr<std::unique_ptr<WeightFiles>> OpenWeights() const;

 private:
  HuggingFaceDirectory() = default;
  JsonObjectReader GenerationReader() const;

  std::string directory_;
  Json config_;
  Json generation_;  // generation_config.json, or config.json
  std::string generation_file_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_DIRECTORY_H_
