#ifndef PEREGRINE_SERVER_ENGINE_BACKEND_H_
#define PEREGRINE_SERVER_ENGINE_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/kernels/device.h"
#include "server/model_backend.h"

namespace peregrine::server {

// Loads a model directory with the engine. `name` replaces the name in its
// config.json unless empty.
absl::StatusOr<std::unique_ptr<const ModelBackend>> LoadEngineBackend(
    const std::string& directory, const std::string& name,
    kernels::Device device, kernels::Precision precision);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_ENGINE_BACKEND_H_
