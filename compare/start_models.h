#ifndef PEREGRINE_COMPARE_START_MODELS_H_
#define PEREGRINE_COMPARE_START_MODELS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compare/model_process.h"
#include "compare/options.h"
#include "compare/result.h"

namespace peregrine::compare {

// A model and the process that holds it.
struct RunningModel {
  Contestant contestant;
  std::unique_ptr<ModelProcess> process;
};

// What "[NAME=]DIR" says, unless all of it is a directory. The name is empty
// where it says none.
struct NamedDirectory {
  std::string name;
  std::string path;
};
NamedDirectory ParseNamedDirectory(const std::string& text);

// Every model on every device in every precision, each loaded in a process of
// its own, then the peers. A peer that cannot run is left out, with a note.
// Errors name the model or option, what was found and what was expected.
absl::StatusOr<std::vector<RunningModel>> StartModels(
    const ComparisonOptions& options, const Progress& progress,
    std::vector<std::string>* notes);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_START_MODELS_H_
