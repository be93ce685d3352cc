#include "client/command/health_command.h"

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "client/command/command_flags.h"
#include "client/command/http_get.h"
#include "client/rpc_status.h"
#include "client/translation_client.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/client_context.h"

namespace peregrine::client {
namespace {

using grpc::health::v1::HealthCheckResponse;

struct HealthFlags {
  ServerFlags server;
  std::string service;
  std::string pages;
  absl::Duration deadline = absl::Seconds(5);
};

// By the page for probes, which knows neither TLS nor tokens.
int AskPages(const HealthFlags& flags, const Console& console) {
  const absl::StatusOr<HttpAnswer> answer =
      HttpGet(flags.pages, "/readyz", absl::Now() + flags.deadline);
  if (!answer.ok()) {
    return Fail(console, flags.pages, answer.status());
  }
  *console.out << answer->body << std::endl;
  return answer->code == 200 ? kExitOk : kExitFailed;
}

int RunHealth(const HealthFlags& flags, const Console& console) {
  if (!flags.pages.empty()) return AskPages(flags, console);
  ClientOptions options = CommandOptions(flags.server);
  options.max_attempts = 1;
  const auto stub = grpc::health::v1::Health::NewStub(
      OpenChannel(flags.server.address, options));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + flags.deadline));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(flags.service);
  HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) {
    return Fail(console, flags.server.address, FromGrpcStatus(status));
  }
  *console.out << HealthCheckResponse::ServingStatus_Name(response.status())
               << std::endl;
  return response.status() == HealthCheckResponse::SERVING ? kExitOk
                                                           : kExitFailed;
}

}  // namespace

void AddHealthCommand(const Console& console, CLI::App* app, int* exit_code) {
  CLI::App* command =
      app->add_subcommand("health", "Tells whether a server is serving.");
  command->footer("Exit code: 0 it is serving, 1 it is not, 2 wrong usage.");
  const auto flags = std::make_shared<HealthFlags>();
  AddServerFlags(&flags->server, command);
  CLI::Option* service =
      command->add_option("--service", flags->service,
                          "A gRPC service; by default the server as a whole.");
  command
      ->add_option("--metrics-address", flags->pages,
                   "Ask the page /readyz at this HOST:PORT of the server "
                   "instead: whatever certificates and tokens gRPC wants.")
      ->type_name("HOST:PORT")
      ->excludes(service);
  AddDurationFlag("--deadline", "Wait for an answer this long.",
                  /*allow_zero=*/false, &flags->deadline, command);
  command->callback([flags, &console, exit_code] {
    *exit_code = RunHealth(*flags, console);
  });
}

}  // namespace peregrine::client
