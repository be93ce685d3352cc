// peregrine-server with faults in its engine; see faulty_backend.h for the
// environment variables that choose them.

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/backend/engine_backend.h"
#include "server/run.h"
#include "tests/soak/faulty_backend.h"

namespace peregrine::server {
namespace {

ModelLoader FaultyLoader(const Config& config) {
  return [devices = config.devices,
          faults = FaultsOfEnvironment()](const ModelSource& source)
             -> absl::StatusOr<std::unique_ptr<const ModelBackend>> {
    absl::SleepFor(absl::Milliseconds(faults.load_milliseconds));
    PEREGRINE_ASSIGN_OR_RETURN(
        auto model, LoadEngineBackend(source.directory, source.name, devices));
    return WithFaults(std::move(model), faults);
  };
}

}  // namespace
}  // namespace peregrine::server

int main(int argc, char** argv) {
  return peregrine::server::RunServer(
      std::vector<std::string>(argv + 1, argv + argc),
      peregrine::server::FaultyLoader, peregrine::server::DescribeEngineModel);
}
