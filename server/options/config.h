#ifndef PEREGRINE_SERVER_OPTIONS_CONFIG_H_
#define PEREGRINE_SERVER_OPTIONS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/options/device_workers.h"
#include "server/options/model_options.h"
#include "server/options/route_options.h"
#include "server/options/service_options.h"
#include "server/options/tls_options.h"

namespace peregrine::server {

// What the server is told to do. The comments of its flags, in
// declared_flags.cc, are
// what --help prints; each is also an environment variable (--max-batch-rows
// is PEREGRINE_MAX_BATCH_ROWS) and a line of the file given by --config. The
// command line outranks the file, and that the environment (CLI11's order; it
// suits images, which set defaults in the environment).
struct Config {
  std::vector<ModelSource> models;
  std::string models_directory;  // of models that are loaded on demand
  int model_memory_mib = 0;      // of the weights of all models; 0: any
  absl::Duration model_idle = absl::Minutes(15);
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
  RouteOptions routes;

  TlsOptions tls;
  std::string token_file;  // empty: calls need no token

  int max_connection_bytes = 256 << 20;
  int max_memory_mib = 0;  // of the process; 0: what its container may have
  int max_connections = 4096;
  int max_connections_per_address = 0;  // 0: no limit
  int max_concurrent_streams = 128;     // calls of one connection
  // As long as the clients of gRPC keep an idle connection.
  absl::Duration max_connection_idle = absl::Minutes(30);
  absl::Duration max_connection_age = absl::ZeroDuration();  // zero: any
  absl::Duration keepalive_time = absl::Seconds(30);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  absl::Duration min_ping_interval = absl::Seconds(2);

  absl::Duration drain_timeout = absl::Seconds(30);
  std::string log_level = "info";
  // Of the environment: they look like options, and are none.
  std::vector<std::string> unknown_variables;

  ModelOptions OptionsOf(absl::string_view model) const;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_CONFIG_H_
