#include "server/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/status_macros.h"
#include "server/allocator.h"
#include "server/flags.h"
#include "server/logging.h"
#include "server/port_file.h"
#include "server/server.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

// SIGTERM and SIGINT wait for AwaitStopSignal, in all threads made from here
// on. A client or scraper that hangs up raises no signal.
sigset_t BlockStopSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// The next signal of these ends the process at once, as by default.
int AwaitStopSignal(const sigset_t& signals) {
  int number = 0;
  sigwait(&signals, &number);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  return number;
}

absl::StatusOr<std::unique_ptr<Server>> StartServer(const Config& config,
                                                    ModelLoader load_model) {
  Server::Environment environment;
  environment.load_model = std::move(load_model);
  environment.on_drain_request = [] { kill(getpid(), SIGTERM); };
  PEREGRINE_ASSIGN_OR_RETURN(auto server,
                             Server::Start(config, std::move(environment)));
  PEREGRINE_RETURN_IF_ERROR(
      WritePortFile(config.port_file, {{"grpc", server->grpc_port()},
                                       {"metrics", server->metrics_port()},
                                       {"admin", server->admin_port()}}));
  return server;
}

}  // namespace

int RunServer(std::vector<std::string> arguments,
              const std::function<ModelLoader(const Config&)>& make_loader) {
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
  InitLogging(config.log_level);
  if (config.service.log_texts) {
    spdlog::warn(
        "--unsafe-log-texts: this log holds the texts of all callers and their "
        "translations");
  }
  const sigset_t signals = BlockStopSignals();

  absl::StatusOr<std::unique_ptr<Server>> server =
      StartServer(config, make_loader(config));
  if (!server.ok()) {
    fprintf(stderr, "peregrine-server: %s\n",
            std::string(server.status().message()).c_str());
    return 1;
  }
  printf(
      "peregrine-server: serving grpc_port=%d metrics_port=%d admin_port=%d\n",
      (*server)->grpc_port(), (*server)->metrics_port(),
      (*server)->admin_port());
  fflush(stdout);

  const int number = AwaitStopSignal(signals);
  spdlog::info("signal {}: draining", number);
  (*server)->Drain(config.drain_timeout);
  server->reset();
  spdlog::info("drained");
  return 0;
}

}  // namespace peregrine::server
