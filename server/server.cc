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
#include "grpcpp/resource_quota.h"
#include "grpcpp/server_builder.h"
#include "server/connections/file_limit.h"
#include "server/connections/tls.h"
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

// Descriptors for all else: models, certificates, tokens, metrics.
constexpr int kOtherFiles = 128;

// As many as the flag says, or as there are descriptors for.
int ConnectionsThatFit(int wanted) {
  const int files = RaiseFileLimit();
  const int fit = std::max(files / 2, files - kOtherFiles);
  if (wanted <= fit) return wanted;
  spdlog::warn("--max-connections: {} instead of {}, of the {} files allowed",
               fit, wanted, files);
  return fit;
}

// A port that is taken is an error, not something to share.
void DoNotSharePort(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config,
                                                      Environment environment) {
  PEREGRINE_ASSIGN_OR_RETURN(auto credentials,
                             MakeServerCredentials(config.tls));
  std::unique_ptr<TokenFile> tokens;
  if (!config.token_file.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(tokens, TokenFile::Open(config.token_file));
  }
  std::unique_ptr<Server> server(new Server(config, std::move(environment),
                                            std::move(tokens),
                                            std::move(credentials)));
  PEREGRINE_RETURN_IF_ERROR(server->manager_.LoadAll(config.models));
  PEREGRINE_RETURN_IF_ERROR(server->CheckModelOverrides());
  PEREGRINE_RETURN_IF_ERROR(server->StartMetrics());
  PEREGRINE_RETURN_IF_ERROR(server->StartAdmin());
  PEREGRINE_RETURN_IF_ERROR(server->StartGrpc());
  server->grpc_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  return server;
}

Server::Server(const Config& config, Environment environment,
               std::unique_ptr<TokenFile> tokens,
               std::shared_ptr<grpc::ServerCredentials> credentials)
    : config_(config),
      environment_(std::move(environment)),
      credentials_(std::move(credentials)),
      metrics_(std::make_shared<Metrics>()),
      models_(*metrics_),
      manager_(config_, environment_.load_model, models_),
      authenticator_(std::move(tokens)),
      service_(models_, authenticator_, config_.service, *metrics_),
      admin_service_(manager_, authenticator_, environment_.on_drain_request) {}

// A misspelt name would leave a model without its limits.
absl::Status Server::CheckModelOverrides() const {
  if (config_.admin_listen != "off") return absl::OkStatus();  // may come yet
  for (const ModelOverride& override : config_.model_overrides) {
    const auto model = models_.Find(override.model, "name");
    if (!model.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--model-limit: ", model.status().message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Server::StartMetrics() {
  if (config_.metrics_listen == "off") return absl::OkStatus();
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(
        OnAllInterfaces(config_.metrics_listen, "0.0.0.0"), /*num_threads=*/2);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("--metrics-listen: cannot listen on ",
                     config_.metrics_listen, ": ", error.what()));
  }
  exposer_->RegisterCollectable(metrics_);
  metrics_port_ = exposer_->GetListeningPorts().at(0);
  return absl::OkStatus();
}

absl::Status Server::StartGrpc() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  PEREGRINE_RETURN_IF_ERROR(Listen(builder));
  builder.RegisterService(&service_);
  builder.SetMaxReceiveMessageSize(config_.max_message_bytes);
  LimitConnections(builder);
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr) {
    return absl::UnavailableError("--listen: gRPC did not start");
  }
  listener_->Start([this](int listener_fd, int connection_fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
        connection;
    connection.listener_fd = listener_fd;
    connection.fd = connection_fd;
    acceptor_->HandleNewConnection(&connection);
  });
  return absl::OkStatus();
}

absl::Status Server::Listen(grpc::ServerBuilder& builder) {
  Listener::Options options;
  options.max_connections = ConnectionsThatFit(config_.max_connections);
  options.max_connections_per_address = config_.max_connections_per_address;
  options.tcp_user_timeout = config_.keepalive_timeout;
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      Listener::Open(OnAllInterfaces(config_.listen, "[::]"), options);
  if (!listener.ok()) {
    return absl::UnavailableError(absl::StrCat("--listen: cannot listen on ",
                                               config_.listen, ": ",
                                               listener.status().message()));
  }
  listener_ = *std::move(listener);
  metrics_->SetConnections([connections = listener_->connections()] {
    return ConnectionCounts{connections->CountOpen(), connections->max(),
                            connections->refused()};
  });
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      credentials_);
  return absl::OkStatus();
}

void Server::LimitConnections(grpc::ServerBuilder& builder) const {
  // Of what gRPC holds for connections and messages; it stops reading and then
  // drops connections rather than exceed it.
  builder.SetResourceQuota(
      grpc::ResourceQuota("calls").Resize(config_.max_connection_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             config_.max_concurrent_streams);
  if (config_.max_connection_idle > absl::ZeroDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               Milliseconds(config_.max_connection_idle));
  }
  if (config_.max_connection_age > absl::ZeroDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               Milliseconds(config_.max_connection_age));
  }
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(config_.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             Milliseconds(config_.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(config_.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      Milliseconds(config_.min_ping_interval));
}

absl::Status Server::StartAdmin() {
  if (config_.admin_listen == "off") return absl::OkStatus();
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(OnAllInterfaces(config_.admin_listen, "[::]"),
                           credentials_, &admin_port_);
  builder.RegisterService(&admin_service_);
  DoNotSharePort(builder);
  admin_ = builder.BuildAndStart();
  if (admin_ == nullptr || admin_port_ == 0) {
    return absl::UnavailableError(absl::StrCat(
        "--admin-listen: cannot listen on ", config_.admin_listen));
  }
  return absl::OkStatus();
}

void Server::Drain(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  grpc_->GetHealthCheckService()->SetServingStatus(false);  // of all names
  manager_.Drain();
  service_.Drain();  // first, so that streams answer what they have taken
  models_.Drain();
  if (!service_.AwaitNoCalls(deadline)) {
    spdlog::warn("drain: calls that did not finish in {} are cancelled",
                 absl::FormatDuration(timeout));
  }
  // From Shutdown on gRPC cuts off new calls of open connections. Refuse them
  // in due form until their callers have heard of it.
  absl::SleepFor(std::min(kRefusalTime, timeout));
  listener_->Stop();
  grpc_->Shutdown(std::chrono::system_clock::now() +
                  std::chrono::milliseconds(100));
  grpc_->Wait();
}

Server::~Server() {
  if (grpc_ != nullptr) Drain(absl::ZeroDuration());
  if (admin_ != nullptr) admin_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace peregrine::server
