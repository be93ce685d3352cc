#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_ARCHITECTURE_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_ARCHITECTURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/model/config.h"

namespace peregrine::formats {

// What the variables of a model.bin say that it is.
struct CTranslate2Architecture {
  model::ArchitectureConfig config;
  std::string source_embedding;  // the name of the table
  // The decoder starts from an embedding of zeros, as Marian's do. The target's
  // vocabulary, and the source's where they share a table, then has one token
  // more than the file: the last.
  bool zero_start = false;
  bool sigmoid_gelu = false;  // x · sigmoid(1.702 x), computed as a swish
  // Of a converted T5: what scores are multiplied by in the place of
  // 1 / sqrt(head_dim), and the output.
  bool is_t5 = false;
  float queries_scale = 1.0f;
  float output_scale = 1.0f;

  // Rows that the tables have more than those of the file.
  int extra_rows() const { return zero_start ? 1 : 0; }
};

// UNIMPLEMENTED: what we lack; INVALID_ARGUMENT: what is wrong or missing.
absl::StatusOr<CTranslate2Architecture> ReadCTranslate2Architecture(
    CTranslate2File& file);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_ARCHITECTURE_H_
