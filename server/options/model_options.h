#ifndef PEREGRINE_SERVER_OPTIONS_MODEL_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_MODEL_OPTIONS_H_

#include <functional>
#include <string>

#include "server/options/batching.h"
#include "server/options/request_limits.h"

namespace peregrine::server {

// How one model is served.
struct ModelOptions {
  BatcherOptions batcher;
  RequestLimits limits;
};

// Other limits than the common ones, for the model of this name.
struct ModelOverride {
  std::string model;
  std::function<void(ModelOptions&)> apply;
};

struct ModelSource {
  std::string name;  // empty: the one in its config.json
  std::string directory;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_MODEL_OPTIONS_H_
