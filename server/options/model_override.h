#ifndef PEREGRINE_SERVER_OPTIONS_MODEL_OVERRIDE_H_
#define PEREGRINE_SERVER_OPTIONS_MODEL_OVERRIDE_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/options/model_options.h"

namespace peregrine::server {

// Reads MODEL.OPTION=NUMBER, e.g. "en-de.max-queue-sentences=100".
// INVALID_ARGUMENT: not of this form, no such option, or out of its range.
absl::StatusOr<ModelOverride> ParseModelOverride(const std::string& setting);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_MODEL_OVERRIDE_H_
