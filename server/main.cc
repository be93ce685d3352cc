// peregrine-server: flags -> config -> wiring.

#include "server/engine_backend.h"
#include "server/run.h"

namespace peregrine::server {
namespace {

ModelLoader EngineLoader(const Config& config) {
  return [device = config.device,
          precision = config.precision](const ModelSource& model) {
    return LoadEngineBackend(model.directory, model.name, device, precision);
  };
}

}  // namespace
}  // namespace peregrine::server

int main(int argc, char** argv) {
  return peregrine::server::RunServer(
      std::vector<std::string>(argv + 1, argv + argc),
      peregrine::server::EngineLoader);
}
