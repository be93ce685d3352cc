#include "server/server.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <map>
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
#include "prometheus/text_serializer.h"
#include "server/api/google_v3/service.h"
#include "server/api/kserve/service.h"
#include "server/api/rest/deepl_glossary_service.h"
#include "server/api/rest/services.h"
#include "server/connections/file_limit.h"
#include "server/connections/tls.h"
#include "server/process/log_limit.h"
#include "server/process/log_writer.h"
#include "server/process/logging.h"
#include "server/process/memory_limit.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr char kServiceName[] = "peregrine.v1.TranslationService";
constexpr absl::Duration kMemoryInterval = absl::Milliseconds(20);
constexpr absl::Duration kUpkeepInterval = absl::Milliseconds(500);
constexpr absl::Duration kTreeInterval = absl::Seconds(1);
constexpr absl::Duration kRevocationTime = absl::Seconds(3);
constexpr absl::Duration kRefusalTime = absl::Milliseconds(500);

// That of a glossary.
constexpr int kMaxAdminMessageBytes = 16 << 20;

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

int64_t ProcessBytes(const Config& config) {
  return config.max_memory_mib > 0 ? int64_t{config.max_memory_mib} << 20
                                   : MemoryLimit();
}

absl::StatusOr<TextResources> ReadTextResources(const ServiceOptions& options) {
  TextResources texts;
  if (!options.glossaries.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(texts.glossaries,
                               GlossaryStore::Open(options.glossaries));
  }
  if (!options.patterns.empty()) {
    auto patterns = document::SpanPatterns::Compile(options.patterns);
    if (!patterns.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--protect-pattern: ", patterns.status().message()));
    }
    texts.patterns.push_back(*std::move(patterns));
  }
  return texts;
}

DemandOptions DemandOptionsOf(const Config& config) {
  DemandOptions options;
  options.max_bytes = int64_t{config.model_memory_mib} << 20;
  if (config.model_idle > absl::ZeroDuration())
    options.idle = config.model_idle;
  return options;
}

void LogCatalog(const ModelCatalog& catalog) {
  for (const auto& [name, model] : catalog) {
    if (model.sound.ok()) {
      spdlog::info("model {}: loaded on demand from {}", name, model.directory);
    } else {
      spdlog::warn("model {}: cannot be loaded: {}", name,
                   std::string(model.sound.message()));
    }
  }
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
  PEREGRINE_ASSIGN_OR_RETURN(TextResources texts,
                             ReadTextResources(config.service));
  ModelCatalog catalog;
  std::unique_ptr<ModelTree> tree;
  if (!config.models_directory.empty()) {
    tree = std::make_unique<ModelTree>(config.models_directory,
                                       environment.describe_model);
    auto read = tree->Read();
    if (!read.ok()) {
      return absl::Status(read.status().code(),
                          absl::StrCat("--models: ", read.status().message()));
    }
    catalog = *std::move(read);
    LogCatalog(catalog);
  }
  std::unique_ptr<Server> server(
      new Server(config, std::move(environment), std::move(catalog),
                 std::move(tokens), std::move(texts), std::move(credentials)));
  PEREGRINE_RETURN_IF_ERROR(server->StartPages());
  PEREGRINE_RETURN_IF_ERROR(server->manager_.LoadAll(config.models));
  PEREGRINE_RETURN_IF_ERROR(server->CheckModelOverrides());
  PEREGRINE_RETURN_IF_ERROR(server->StartAdmin());
  PEREGRINE_RETURN_IF_ERROR(server->StartGrpc());
  server->UpdateHealth();
  server->ready_ = true;
  server->upkeep_ = std::make_unique<Upkeep>(
      kUpkeepInterval, [raw = server.get()] { raw->LookAround(); });
  server->memory_watch_ = std::make_unique<Upkeep>(
      kMemoryInterval, [raw = server.get()] { raw->WatchMemory(); });
  if (tree != nullptr) {
    server->tree_ = std::move(tree);
    server->tree_watch_ = std::make_unique<Upkeep>(
        kTreeInterval, [raw = server.get()] { raw->WatchTree(); });
  }
  return server;
}

Server::Server(const Config& config, Environment environment,
               ModelCatalog catalog, std::unique_ptr<TokenFile> tokens,
               TextResources texts,
               std::shared_ptr<grpc::ServerCredentials> credentials)
    : config_(config),
      environment_(std::move(environment)),
      credentials_(std::move(credentials)),
      cache_(config_.service.cache.max_bytes == 0
                 ? nullptr
                 : std::make_unique<SentenceCache>(
                       config_.service.cache.max_bytes)),
      texts_(std::move(texts)),
      models_(metrics_, config_.routes),
      manager_(config_, environment_.load_model, models_),
      loader_(catalog.empty()
                  ? nullptr
                  : std::make_unique<DemandLoader>(
                        std::move(catalog), DemandOptionsOf(config_),
                        [this](const ModelSource& source) {
                          return manager_.Load(source).status();
                        },
                        models_)),
      authenticator_(std::move(tokens), config_.service.max_streams_per_client),
      memory_guard_({ProcessBytes(config_), config_.max_connection_bytes,
                     ResidentMemory, [] { malloc_trim(0); }},
                    peers_),
      service_(models_, authenticator_, config_.service, metrics_, &peers_,
               cache_.get(), &texts_, loader_.get()),
      request_log_(config_.service.log_requests),
      admin_environment_{models_,      config_.service, authenticator_,
                         request_log_, metrics_,        admin_calls_},
      admin_service_(manager_, admin_environment_,
                     environment_.on_drain_request),
      glossary_reader_(service_.environment()),
      glossary_admin_(texts_.glossaries.get(), admin_environment_) {
  metrics_.SetServer([this] { return State(); });
  if (loader_ != nullptr) {
    metrics_.SetDemand([this] { return loader_->counts(); });
  }
  if (cache_ != nullptr) {
    metrics_.SetCache([this] { return cache_->gauges(); });
  }
  SetPeerDescription([this] { return peers_.DescribeBusiest(); });
}

// A misspelt name would leave a model without its limits.
absl::Status Server::CheckModelOverrides() const {
  // May come yet.
  if (config_.admin_listen != "off" || loader_ != nullptr) {
    return absl::OkStatus();
  }
  for (const ModelOverride& override : config_.model_overrides) {
    const absl::Status known = models_.CheckKnown(override.model, "name");
    if (!known.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--model-limit: ", known.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Server::StartPages() {
  if (config_.metrics_listen == "off") return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<PageServer>> pages = PageServer::Start(
      OnAllInterfaces(config_.metrics_listen, "[::]"), {},
      [this](absl::string_view path) { return PageAt(path); });
  if (!pages.ok()) {
    return absl::UnavailableError(
        absl::StrCat("--metrics-listen: cannot listen on ",
                     config_.metrics_listen, ": ", pages.status().message()));
  }
  pages_ = *std::move(pages);
  return absl::OkStatus();
}

PageServer::Page Server::PageAt(absl::string_view path) const {
  PageServer::Page page;
  if (path == "/metrics") {
    page.type = "text/plain; version=0.0.4; charset=utf-8";
    page.body = prometheus::TextSerializer().Serialize(metrics_.Collect());
  } else if (path == "/livez") {
    const std::string lost = LostModel();
    page.code = lost.empty() ? 200 : 503;
    page.body = lost.empty()
                    ? "alive\n"
                    : absl::StrCat("no worker is left for model ", lost, "\n");
  } else if (path == "/readyz") {
    const std::string why_not = WhyNotReady();
    page.code = why_not.empty() ? 200 : 503;
    page.body = absl::StrCat(why_not.empty() ? "ready" : why_not, "\n");
  } else {
    page.code = 404;
  }
  return page;
}

std::string Server::WhyNotReady() const {
  if (draining_) return "draining";
  if (!ready_) return "loading models";
  for (const ServedModelPtr& model : models_.all()) {
    if (model->batcher().has_workers()) return "";
  }
  if (!models_.catalog()->empty()) return "";
  return "no worker is left for any model";
}

std::string Server::LostModel() const {
  for (const ServedModelPtr& model : models_.all()) {
    if (!model->batcher().has_workers()) return model->info().name;
  }
  return "";
}

ServerState Server::State() const {
  ServerState state;
  state.ready = WhyNotReady().empty();
  state.draining = draining_;
  const OpenCalls::Counts open = service_.open_calls();
  state.calls = open.calls;
  state.streams = open.streams;
  state.max_calls = config_.service.max_open_calls;
  state.shed_connections = shed_connections_;
  state.dropped_log_lines = StderrLog().dropped();
  state.failed_token_reads = authenticator_.failed_refreshes();
  if (certificate_end_ > 0) {
    state.certificate_end = absl::FromUnixSeconds(certificate_end_);
  }
  for (const std::shared_ptr<Client>& client : authenticator_.clients()) {
    state.clients.push_back({client->name(), &client->outcomes(), client});
  }
  return state;
}

void Server::LookAround() {
  UpdateHealth();
  if (authenticator_.Refresh()) {
    tokens_changed_ = absl::Now();
  }
  if (texts_.glossaries != nullptr) texts_.glossaries->Refresh();
  // Twice, since a stream that is told so once may have more to answer.
  if (absl::Now() - tokens_changed_ < kRevocationTime) {
    service_.EndRevokedStreams();
  }
  if (loader_ != nullptr) loader_->UnloadIdle(absl::Now());
  peers_.RemoveClosed();
  if (!config_.tls.certificate.empty()) {
    const auto end = CertificateEnd(config_.tls.certificate);
    if (end.ok()) certificate_end_ = absl::ToUnixSeconds(*end);
  }
}

void Server::WatchTree() {
  absl::optional<ModelCatalog> catalog = tree_->Look();
  if (catalog.has_value()) loader_->SetCatalog(*std::move(catalog));
}

void Server::WatchMemory() {
  const std::vector<PeerAccounts::Heavy> shut = memory_guard_.Look(absl::Now());
  if (shut.empty()) return;
  shed_connections_ += static_cast<int64_t>(shut.size());
  static auto* const limit = new LogLimit(1);
  if (const LogLimit::Decision decision = limit->Next(absl::Now());
      decision.log) {
    spdlog::warn(
        "memory of connections is short: shut down {} of them, among them that "
        "of {}, which sent {} bytes that became no calls, or takes no answers",
        shut.size(), shut[0].peer, shut[0].bytes);
  }
}

void Server::UpdateHealth() {
  absl::MutexLock lock(&health_mutex_);
  if (health_is_over_) return;
  grpc::HealthCheckServiceInterface& health = *grpc_->GetHealthCheckService();
  std::map<std::string, bool> serving;
  bool any = false;
  for (const ServedModelPtr& model : models_.all()) {
    const bool has_workers = model->batcher().has_workers();
    serving[absl::StrCat(kServiceName, "/", model->info().name)] = has_workers;
    any |= has_workers;
  }
  for (const auto& [name, model] : *models_.catalog()) {
    serving.emplace(absl::StrCat(kServiceName, "/", name), model.sound.ok());
    any |= model.sound.ok();
  }
  serving[kServiceName] = any;
  serving[""] = any;
  for (const auto& [name, was] : told_health_) {
    serving.emplace(name, false);  // models that are gone
  }
  for (const auto& [name, is] : serving) {
    const auto told = told_health_.find(name);
    if (told != told_health_.end() && told->second == is) continue;
    health.SetServingStatus(name, is);
  }
  told_health_ = std::move(serving);
}

absl::Status Server::StartGrpc() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  PEREGRINE_RETURN_IF_ERROR(Listen(builder));
  builder.RegisterService(&service_);
  builder.RegisterService(&glossary_reader_);
  RegisterOtherApis(builder);
  builder.SetMaxReceiveMessageSize(config_.service.max_message_bytes);
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

void Server::RegisterOtherApis(grpc::ServerBuilder& builder) {
  const ApiOptions& apis = config_.service.apis;
  const CallEnvironment& environment = service_.environment();
  const auto add = [&](bool is_on, std::unique_ptr<grpc::Service> service) {
    if (!is_on) return;
    builder.RegisterService(service.get());
    other_services_.push_back(std::move(service));
  };
  add(apis.google_v3, std::make_unique<GoogleV3Service>(environment));
  add(apis.kserve_v2, std::make_unique<KserveService>(environment, [this] {
        return WhyNotReady().empty();
      }));
  add(apis.deepl_v2, std::make_unique<DeeplService>(environment));
  add(apis.deepl_v2, std::make_unique<DeeplGlossaryService>(environment));
  add(apis.libretranslate, std::make_unique<LibreTranslateService>(
                               environment, !config_.token_file.empty()));
  add(apis.google_v2, std::make_unique<GoogleV2Service>(environment));
}

absl::Status Server::Listen(grpc::ServerBuilder& builder) {
  Listener::Options options;
  options.max_connections = ConnectionsThatFit(config_.max_connections);
  options.max_connections_per_address = config_.max_connections_per_address;
  options.tcp_user_timeout = config_.keepalive_timeout;
  options.accounts = &peers_;
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      Listener::Open(OnAllInterfaces(config_.listen, "[::]"), options);
  if (!listener.ok()) {
    return absl::UnavailableError(absl::StrCat("--listen: cannot listen on ",
                                               config_.listen, ": ",
                                               listener.status().message()));
  }
  listener_ = *std::move(listener);
  metrics_.SetConnections([connections = listener_->connections()] {
    return ConnectionCounts{connections->CountOpen(), connections->max(),
                            connections->refused()};
  });
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      credentials_);
  return absl::OkStatus();
}

void Server::LimitConnections(grpc::ServerBuilder& builder) const {
  // Messages come as they are: see api/inflate.h.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  // Of what gRPC holds for connections and messages, by an account of its own,
  // which runs ahead of what is resident. Where it is used up, it takes from
  // anyone: long before, MemoryGuard takes from the heaviest.
  builder.SetResourceQuota(
      grpc::ResourceQuota("calls").Resize(ProcessBytes(config_)));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             config_.max_concurrent_streams);
  // What a call may send before it is read. By default gRPC widens this on fast
  // connections, up to 16 MiB a call.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
                             kMaxUnreadBytes);
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
  builder.RegisterService(&glossary_admin_);
  // Its messages are parsed by gRPC, which would inflate them first.
  builder.SetMaxReceiveMessageSize(kMaxAdminMessageBytes);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
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
  draining_ = true;
  {
    absl::MutexLock lock(&health_mutex_);
    health_is_over_ = true;
    grpc_->GetHealthCheckService()->SetServingStatus(false);  // of all names
  }
  manager_.Drain();
  if (loader_ != nullptr) loader_->Drain();
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
  // What comes from here on gRPC would end with CANCELLED, which no client
  // repeats; on a closed connection it is UNAVAILABLE.
  peers_.ShutDownAll();
  grpc_->Shutdown(std::chrono::system_clock::now() +
                  std::chrono::milliseconds(100));
  grpc_->Wait();
}

Server::~Server() {
  SetPeerDescription(nullptr);
  upkeep_.reset();
  tree_watch_.reset();
  memory_watch_.reset();
  if (grpc_ != nullptr) Drain(absl::ZeroDuration());
  if (admin_ != nullptr) admin_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace peregrine::server
