#include "server/run.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/status_macros.h"
#include "server/backend/model_files.h"
#include "server/flags.h"
#include "server/process/allocator.h"
#include "server/process/log_writer.h"
#include "server/process/logging.h"
#include "server/process/memory_limit.h"
#include "server/process/port_file.h"
#include "server/process/stop_signals.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

// Of a call that is open, as measured.
constexpr int kCallBytes = 20 << 10;
// With its libraries and threads, before it has a model; as measured.
constexpr int64_t kProgramBytes = 32 << 20;
constexpr absl::Duration kLastLines = absl::Seconds(1);
// Beyond the time that calls have to finish: for what follows them.
constexpr absl::Duration kStopGrace = absl::Seconds(10);

absl::StatusOr<std::unique_ptr<Server>> StartServer(const Config& config,
                                                    ModelLoader load_model,
                                                    ModelDescriber describe,
                                                    StopSignals& signals) {
  Server::Environment environment;
  environment.load_model = std::move(load_model);
  environment.describe_model = std::move(describe);
  environment.on_drain_request = [&signals] {
    signals.RequestStop("the admin service");
  };
  PEREGRINE_ASSIGN_OR_RETURN(auto server,
                             Server::Start(config, std::move(environment)));
  signals.Serving();
  PEREGRINE_RETURN_IF_ERROR(
      WritePortFile(config.port_file, {{"grpc", server->grpc_port()},
                                       {"metrics", server->metrics_port()},
                                       {"admin", server->admin_port()}}));
  return server;
}

int64_t Mebibytes(int64_t bytes) { return bytes >> 20; }

// A limit that is too small is otherwise told by nothing but a kill.
// INVALID_ARGUMENT: it is --max-memory-mib; that of the machine may be less
// exact than our account, and is warned of.
absl::Status CheckMemory(const Config& config) {
  int64_t models = 0;
  for (const ModelSource& model : config.models) {
    models += SizeOfModelFiles(model.directory);
  }
  models = std::max(models, int64_t{config.model_memory_mib} << 20);
  const int64_t connections = config.max_connection_bytes;
  const int64_t calls = int64_t{kCallBytes} * config.service.max_open_calls;
  const int64_t needed = kProgramBytes + models + connections + calls;
  const std::string account = absl::StrCat(
      Mebibytes(kProgramBytes), " of the program, ", Mebibytes(models),
      " of models as they are on disk, ", Mebibytes(connections),
      " of connections (--max-connection-bytes) and ", Mebibytes(calls),
      " of calls (--max-open-calls), beside what workers compute in");
  if (config.max_memory_mib > 0 && config.max_memory_mib < Mebibytes(needed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max-memory-mib: found ", config.max_memory_mib,
                     ", needed at least ", Mebibytes(needed), ": ", account));
  }
  const int64_t limit = MemoryLimit();
  const int64_t asked = std::max(needed, int64_t{config.max_memory_mib} << 20);
  const std::string text =
      absl::StrCat("memory: ", Mebibytes(limit), " MiB are there, ",
                   Mebibytes(needed), " may be needed: ", account);
  if (asked > limit) {
    spdlog::warn("{}; too little{}", text,
                 asked > needed ? ": --max-memory-mib is more" : "");
  } else {
    spdlog::info(text);
  }
  return absl::OkStatus();
}

}  // namespace

int RunServer(std::vector<std::string> arguments,
              const std::function<ModelLoader(const Config&)>& make_loader,
              const ModelDescriber& describe_model) {
  ConfigureAllocator();
  // Debian's abseil, whose mutexes gRPC locks too, looks for possible deadlocks
  // at every lock. That is for tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const ParsedConfig parsed = ParseConfig(std::move(arguments));
  if (!parsed.config.has_value()) {
    fputs(parsed.output.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  const Config& config = *parsed.config;
  StopSignals signals;  // before any thread starts
  signals.SetStopTime(config.drain_timeout + kStopGrace);
  InitLogging(config.log_level);
  for (const std::string& name : config.unknown_variables) {
    spdlog::warn("the environment variable {} is no option", name);
  }
  if (config.service.log_texts) {
    spdlog::warn(
        "--unsafe-log-texts: this log holds the texts of all callers and their "
        "translations");
  }
  const absl::Status has_memory = CheckMemory(config);
  absl::StatusOr<std::unique_ptr<Server>> server =
      has_memory.ok()
          ? StartServer(config, make_loader(config), describe_model, signals)
          : has_memory;
  if (!server.ok()) {
    StderrLog().Write(
        absl::StrCat("peregrine-server: ", server.status().message(), "\n"));
    StderrLog().Flush(kLastLines);
    return 1;
  }
  printf(
      "peregrine-server: serving grpc_port=%d metrics_port=%d admin_port=%d\n",
      (*server)->grpc_port(), (*server)->metrics_port(),
      (*server)->admin_port());
  fflush(stdout);

  spdlog::info("{}: draining", signals.AwaitStop());
  (*server)->Drain(config.drain_timeout);
  server->reset();
  spdlog::info("drained");
  StderrLog().Flush(kLastLines);
  return 0;
}

}  // namespace peregrine::server
