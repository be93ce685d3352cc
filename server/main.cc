// peregrine-server: flags -> config -> wiring.

#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "server/backend/engine_backend.h"
#include "server/options/device_workers.h"
#include "server/run.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

// What was found, whether it is used or not: the first thing to look at when a
// GPU is missing, or a CPU is slow.
void LogDevices(const Config& config) {
  if (const auto isa = kernels::ChooseIsa(); isa.ok()) {
    spdlog::info("found a CPU with {}", std::string(kernels::IsaName(*isa)));
  }
  const auto gpus = kernels::DescribeGpus();
  if (!gpus.ok())
    spdlog::info("no GPU: {}", std::string(gpus.status().message()));
  if (gpus.ok()) {
    for (const std::string& gpu : *gpus) spdlog::info("found {}", gpu);
  }
  for (const DeviceWorkers& workers : config.devices) {
    spdlog::info(
        "computing on {} in {}, {} workers of each model, "
        "products by {}",
        DeviceNames({workers}),
        std::string(kernels::PrecisionName(workers.precision)),
        workers.num_workers, kernels::DescribeProducts(workers.device));
  }
}

ModelLoader EngineLoader(const Config& config) {
  LogDevices(config);
  return [devices = config.devices](const ModelSource& model) {
    return LoadEngineBackend(model.directory, model.name, devices);
  };
}

}  // namespace
}  // namespace peregrine::server

int main(int argc, char** argv) {
  return peregrine::server::RunServer(
      std::vector<std::string>(argv + 1, argv + argc),
      peregrine::server::EngineLoader, peregrine::server::DescribeEngineModel);
}
