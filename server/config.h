#ifndef PEREGRINE_SERVER_CONFIG_H_
#define PEREGRINE_SERVER_CONFIG_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/device_workers.h"
#include "server/models/served_model.h"
#include "server/security/tls.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// Other limits than the common ones, for the model of this name.
struct ModelOverride {
  std::string model;
  std::function<void(ModelOptions&)> apply;
};

struct ModelSource {
  std::string name;  // empty: the one in its config.json
  std::string directory;
};

// What the server is told to do. The comments of its flags, in config.cc, are
// what --help prints; each is also an environment variable (--max-batch-rows
// is PEREGRINE_MAX_BATCH_ROWS) and a line of the file given by --config. The
// command line outranks the file, and that the environment (CLI11's order; it
// suits images, which set defaults in the environment).
struct Config {
  std::vector<ModelSource> models;
  // All said, whatever the flags left open.
  std::vector<DeviceWorkers> devices;

  // Without flags nothing authenticates or encrypts, so that being reachable
  // from other machines is to be a decision: the container image makes it.
  std::string listen = "127.0.0.1:50051";
  std::string metrics_listen = "127.0.0.1:9090";  // "off": none
  // "off": models can't be changed while the server runs.
  std::string admin_listen = "off";
  std::string port_file;

  // Of each model, but for the overrides.
  ModelOptions model_options;
  std::vector<ModelOverride> model_overrides;
  ServiceOptions service;

  TlsOptions tls;
  std::string token_file;  // empty: calls need no token

  int max_message_bytes = 4 << 20;
  int max_connection_bytes = 256 << 20;
  int max_connections = 4096;
  int max_connections_per_address = 0;  // 0: no limit
  int max_concurrent_streams = 1024;  // calls of one connection
  // As long as the clients of gRPC keep an idle connection.
  absl::Duration max_connection_idle = absl::Minutes(30);
  absl::Duration max_connection_age = absl::ZeroDuration();  // zero: any
  absl::Duration keepalive_time = absl::Minutes(2);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration min_ping_interval = absl::Seconds(10);

  absl::Duration drain_timeout = absl::Seconds(30);
  std::string log_level = "info";

  ModelOptions OptionsOf(absl::string_view model) const;
};

struct ParsedConfig {
  absl::optional<Config> config;
  // Without a config: what to print (to stdout for exit code 0, as of --help,
  // and to stderr otherwise).
  int exit_code = 0;
  std::string output;
};

// `arguments` without the program's name. Reads the environment and the config
// file.
ParsedConfig ParseConfig(std::vector<std::string> arguments);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONFIG_H_
