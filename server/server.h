#ifndef PEREGRINE_SERVER_SERVER_H_
#define PEREGRINE_SERVER_SERVER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/api/admin_service.h"
#include "server/api/glossary_service.h"
#include "server/api/translation_service.h"
#include "server/clients/authenticator.h"
#include "server/connections/listener.h"
#include "server/connections/memory_guard.h"
#include "server/connections/page_server.h"
#include "server/metrics/metrics.h"
#include "server/models/demand_loader.h"
#include "server/models/model_manager.h"
#include "server/models/models.h"
#include "server/options/config.h"
#include "server/process/upkeep.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// All parts of the server, put together: models with their workers, the gRPC
// services (translation, health, reflection; admin on its own address) and, by
// HTTP, the pages /metrics, /livez and /readyz. The pages are there while
// models load, so that loading can be told from hanging.
//
// Health follows what can be served: "peregrine.v1.TranslationService" and the
// empty name are SERVING while any model has a worker, the former with "/NAME"
// behind it while the model of this name has one.
class Server {
 public:
  // What the server is given: how it loads models, and whom it tells that
  // somebody asked it to drain (called on a gRPC thread; must not block).
  struct Environment {
    ModelLoader load_model;
    ModelDescriber describe_model;  // for --models
    std::function<void()> on_drain_request = [] {};
  };

  // Serving with warm models when it returns. An error is one line that says
  // what to change.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config,
                                                       Environment environment);

  // Ends calls that are in progress.
  ~Server();

  // Reports NOT_SERVING, refuses new work with UNAVAILABLE, and returns when
  // the calls in progress are finished, or cancelled after `timeout`. Then
  // nothing listens any more.
  void Drain(absl::Duration timeout);

  // 0: none.
  int grpc_port() const { return listener_->port(); }
  int metrics_port() const { return pages_ == nullptr ? 0 : pages_->port(); }
  int admin_port() const { return admin_port_; }

  const ModelSet& models() const { return models_; }
  const Metrics& metrics() const { return metrics_; }

 private:
  Server(const Config& config, Environment environment, ModelCatalog catalog,
         std::unique_ptr<TokenFile> tokens, TextResources texts,
         std::shared_ptr<grpc::ServerCredentials> credentials);

  absl::Status CheckModelOverrides() const;
  absl::Status StartPages();
  absl::Status StartGrpc();
  void RegisterOtherApis(grpc::ServerBuilder& builder);
  void LimitConnections(grpc::ServerBuilder& builder) const;
  // Before gRPC is built, which takes what is accepted after it has started.
  absl::Status Listen(grpc::ServerBuilder& builder);
  absl::Status StartAdmin();

  PageServer::Page PageAt(absl::string_view path) const;
  // Empty: warm and serving. Otherwise why not.
  std::string WhyNotReady() const;
  // The name of a model that has lost all its workers, which only a restart or
  // a reload brings back; empty: none has.
  std::string LostModel() const;
  ServerState State() const;
  // Every half second.
  void LookAround();
  void UpdateHealth();
  // Every 20 ms.
  void WatchMemory();
  // Every second.
  void WatchTree();

  const Config config_;
  const Environment environment_;
  const std::shared_ptr<grpc::ServerCredentials> credentials_;

  std::atomic<bool> ready_{false};
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> certificate_end_{0};  // seconds; 0: there is none
  absl::Mutex health_mutex_;
  bool health_is_over_ ABSL_GUARDED_BY(health_mutex_) = false;
  std::map<std::string, bool> told_health_ ABSL_GUARDED_BY(health_mutex_);
  absl::Time tokens_changed_ = absl::InfinitePast();  // seen by LookAround

  std::atomic<int64_t> shed_connections_{0};

  // Each needs those above it.
  Metrics metrics_;
  const std::unique_ptr<SentenceCache> cache_;  // null: there is none
  TextResources texts_;
  ModelSet models_;
  ModelManager manager_;
  const std::unique_ptr<DemandLoader> loader_;  // null: there is no catalog
  Authenticator authenticator_;
  PeerAccounts peers_;
  MemoryGuard memory_guard_;
  TranslationServiceImpl service_;
  // Of other APIs, as far as they are on.
  std::vector<std::unique_ptr<grpc::Service>> other_services_;
  // Draining does not wait for administrators.
  OpenCalls admin_calls_;
  const RequestLog request_log_;
  const CallEnvironment admin_environment_;
  AdminServiceImpl admin_service_;
  GlossaryReaderService glossary_reader_;
  GlossaryAdminService glossary_admin_;
  // What is given to it after grpc_ has shut down is closed.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<grpc::Server> admin_;
  int admin_port_ = 0;
  std::unique_ptr<PageServer> pages_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<Upkeep> memory_watch_;
  std::unique_ptr<ModelTree> tree_;  // null: there is no --models
  std::unique_ptr<Upkeep> tree_watch_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVER_H_
