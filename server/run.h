#ifndef PEREGRINE_SERVER_RUN_H_
#define PEREGRINE_SERVER_RUN_H_

#include <functional>
#include <string>
#include <vector>

#include "server/models/model_manager.h"
#include "server/options/config.h"

namespace peregrine::server {

// The whole program but for what reads models: flags, start, signals, drain.
// `arguments` without the program's name. Returns the exit code. Call it from
// main, before any thread starts.
int RunServer(std::vector<std::string> arguments,
              const std::function<ModelLoader(const Config&)>& make_loader,
              const ModelDescriber& describe_model);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_RUN_H_
