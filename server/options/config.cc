#include "server/options/config.h"

namespace peregrine::server {

ModelOptions Config::OptionsOf(absl::string_view model) const {
  ModelOptions options = model_options;
  for (const ModelOverride& override : model_overrides) {
    if (override.model == model) override.apply(options);
  }
  return options;
}

}  // namespace peregrine::server
