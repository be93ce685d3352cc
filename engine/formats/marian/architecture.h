#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_ARCHITECTURE_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_ARCHITECTURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/json_object.h"
#include "engine/formats/files/marian_file.h"
#include "engine/model/config.h"

namespace peregrine::formats {

// What a model of Marian was trained as, and where that is written.
struct MarianSettings {
  Json values;
  std::string path;
};

// What of an architecture decides on names and values of tensors and has no
// place in ArchitectureConfig.
struct MarianNaming {
  bool sigmoid_gelu = false;        // computed as a swish
  std::vector<int> decoder_layers;  // which of Marian's, from 1, each one is
  // What Marian aligns by, and what guided alignment has trained.
  model::AlignmentConfig alignment;
};

// The architecture that the settings and the shapes of some tensors say. The
// target's vocabulary has one token more than Marian's, the last, from whose
// embedding of zeros the decoder starts. UNIMPLEMENTED: a setting that we lack;
// INVALID_ARGUMENT: one that is wrong, or a table that is missing.
absl::Status ReadMarianArchitecture(const MarianSettings& settings,
                                    const MarianFile& file,
                                    model::ArchitectureConfig& architecture,
                                    MarianNaming& naming);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_ARCHITECTURE_H_
