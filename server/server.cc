#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr char kServiceName[] = "peregrine.v1.TranslationService";
constexpr absl::Duration kRefusalTime = absl::Milliseconds(500);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

std::string OnAllInterfaces(const std::string& address, const char* host) {
  return absl::StartsWith(address, ":") ? host + address : address;
}

// What no flag alone can say wrong, but a flag and a model together.
absl::Status CheckModel(const ModelBackend& backend, const Config& config) {
  const ModelInfo& info = backend.info();
  const int beam_size = backend.DefaultOptions(1).beam_size;
  if (beam_size > config.service.limits.max_beam_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max-beam-size: found ",
                     config.service.limits.max_beam_size, ", but model ",
                     info.name, " has beam_size ", beam_size, " by default"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const Config& config,
    std::vector<std::unique_ptr<const ModelBackend>> backends) {
  std::unique_ptr<Server> server(new Server);
  PEREGRINE_RETURN_IF_ERROR(server->AddModels(config, std::move(backends)));
  server->service_ = std::make_unique<TranslationServiceImpl>(
      server->models_, config.service, *server->metrics_);
  PEREGRINE_RETURN_IF_ERROR(server->StartMetrics(config));
  PEREGRINE_RETURN_IF_ERROR(server->StartGrpc(config));
  server->grpc_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return server;
}

absl::Status Server::AddModels(
    const Config& config,
    std::vector<std::unique_ptr<const ModelBackend>> backends) {
  for (auto& backend : backends) {
    PEREGRINE_RETURN_IF_ERROR(CheckModel(*backend, config));
    const ModelInfo info = backend->info();
    PEREGRINE_RETURN_IF_ERROR(models_.Add(std::move(backend), config.batcher));
    spdlog::info(
        "model {}: {} to {}, {}; {} parameters, {} bytes; {} workers on {} "
        "({})",
        info.name, info.source_language, info.target_language,
        info.architecture, info.parameters, info.weights_bytes,
        config.batcher.num_workers, info.device, info.precision);
  }
  return absl::OkStatus();
}

absl::Status Server::StartMetrics(const Config& config) {
  if (config.metrics_listen == "off") return absl::OkStatus();
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(
        OnAllInterfaces(config.metrics_listen, "0.0.0.0"), /*num_threads=*/2);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("--metrics-listen: cannot listen on ",
                     config.metrics_listen, ": ", error.what()));
  }
  exposer_->RegisterCollectable(metrics_);
  metrics_port_ = exposer_->GetListeningPorts().at(0);
  return absl::OkStatus();
}

absl::Status Server::StartGrpc(const Config& config) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(OnAllInterfaces(config.listen, "[::]"),
                           grpc::InsecureServerCredentials(), &grpc_port_);
  builder.RegisterService(service_.get());
  builder.SetMaxReceiveMessageSize(config.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             config.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             Milliseconds(config.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(config.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      Milliseconds(config.min_ping_interval));
  // A port that is taken is an error, not something to share.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr || grpc_port_ == 0) {
    return absl::UnavailableError(
        absl::StrCat("--listen: cannot listen on ", config.listen));
  }
  return absl::OkStatus();
}

void Server::Drain(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  grpc_->GetHealthCheckService()->SetServingStatus(false);  // of all names
  service_->Drain();  // first, so that streams answer what they have taken
  models_.Drain();
  if (!service_->AwaitNoCalls(deadline)) {
    spdlog::warn("drain: calls that did not finish in {} are cancelled",
                 absl::FormatDuration(timeout));
  }
  // From Shutdown on gRPC cuts off new calls of open connections. Refuse them
  // in due form until their callers have heard of it.
  absl::SleepFor(std::min(kRefusalTime, timeout));
  grpc_->Shutdown(std::chrono::system_clock::now() +
                  std::chrono::milliseconds(100));
  grpc_->Wait();
}

Server::~Server() {
  if (grpc_ != nullptr) Drain(absl::ZeroDuration());
}

}  // namespace peregrine::server
