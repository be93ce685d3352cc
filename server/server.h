#ifndef PEREGRINE_SERVER_SERVER_H_
#define PEREGRINE_SERVER_SERVER_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "prometheus/exposer.h"
#include "server/api/admin_service.h"
#include "server/api/translation_service.h"
#include "server/clients/authenticator.h"
#include "server/connections/listener.h"
#include "server/metrics/metrics.h"
#include "server/models/model_manager.h"
#include "server/models/models.h"
#include "server/options/config.h"

namespace peregrine::server {

// All parts of the server, put together: models with their workers, the gRPC
// services (translation, health, reflection; admin on its own address) and the
// metrics page.
class Server {
 public:
  // What the server is given: how it loads models, and whom it tells that
  // somebody asked it to drain (called on a gRPC thread; must not block).
  struct Environment {
    ModelLoader load_model;
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
  int metrics_port() const { return metrics_port_; }
  int admin_port() const { return admin_port_; }

  const ModelSet& models() const { return models_; }
  const Metrics& metrics() const { return *metrics_; }

 private:
  Server(const Config& config, Environment environment,
         std::unique_ptr<TokenFile> tokens,
         std::shared_ptr<grpc::ServerCredentials> credentials);

  absl::Status CheckModelOverrides() const;
  absl::Status StartMetrics();
  absl::Status StartGrpc();
  void LimitConnections(grpc::ServerBuilder& builder) const;
  // Before gRPC is built, which takes what is accepted after it has started.
  absl::Status Listen(grpc::ServerBuilder& builder);
  absl::Status StartAdmin();

  const Config config_;
  const Environment environment_;
  const std::shared_ptr<grpc::ServerCredentials> credentials_;

  // Each needs those above it.
  std::shared_ptr<Metrics> metrics_;  // shared as prometheus::Exposer demands
  ModelSet models_;
  ModelManager manager_;
  Authenticator authenticator_;
  TranslationServiceImpl service_;
  AdminServiceImpl admin_service_;
  // What is given to it after grpc_ has shut down is closed.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<grpc::Server> admin_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  int metrics_port_ = 0;
  int admin_port_ = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVER_H_
