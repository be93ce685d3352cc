#ifndef PEREGRINE_SERVER_BACKEND_ENGINE_BACKEND_H_
#define PEREGRINE_SERVER_BACKEND_ENGINE_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/backend/model_backend.h"
#include "server/options/device_workers.h"
#include "server/options/model_options.h"

namespace peregrine::server {

// Loads a model directory with the engine, once for each device. `name`
// replaces the name in its config.json unless empty. Of the sessions that are
// made the first are on the first device, as many as it has workers, and so on.
absl::StatusOr<std::unique_ptr<const ModelBackend>> LoadEngineBackend(
    const std::string& directory, const std::string& name,
    absl::Span<const DeviceWorkers> devices);

// What a model directory says of itself, read without its weights: name,
// languages and architecture. Errors are those of formats::OpenCheckpoint.
absl::StatusOr<ModelInfo> DescribeEngineModel(const ModelSource& source);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_BACKEND_ENGINE_BACKEND_H_
