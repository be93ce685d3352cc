#ifndef PEREGRINE_COMPARE_PEERS_H_
#define PEREGRINE_COMPARE_PEERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "compare/options.h"
#include "compare/start_models.h"

namespace peregrine::compare {

// Adds CTranslate2 and Hugging Face transformers, where
// options.peer_python has them, with those shapes and precisions that they can
// run. FAILED_PRECONDITION: none can run any.
absl::Status StartPeers(const ComparisonOptions& options,
                        const Progress& progress,
                        std::vector<RunningModel>* running,
                        std::vector<std::string>* notes);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_PEERS_H_
