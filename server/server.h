#ifndef PEREGRINE_SERVER_SERVER_H_
#define PEREGRINE_SERVER_SERVER_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "prometheus/exposer.h"
#include "server/config.h"
#include "server/metrics.h"
#include "server/model_backend.h"
#include "server/models.h"
#include "server/service.h"

namespace peregrine::server {

// All parts of the server, put together: models with their workers, the gRPC
// services (translation, health, reflection) and the metrics page.
class Server {
 public:
  // Serving when it returns. An error is one line that says what to change.
  // `backends` are the models of `config`, loaded.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const Config& config,
      std::vector<std::unique_ptr<const ModelBackend>> backends);

  // Ends calls that are in progress.
  ~Server();

  // Reports NOT_SERVING, refuses new work with UNAVAILABLE, and returns when
  // the calls in progress are finished, or cancelled after `timeout`. Then
  // nothing listens any more.
  void Drain(absl::Duration timeout);

  int grpc_port() const { return grpc_port_; }
  int metrics_port() const { return metrics_port_; }  // 0: none

 private:
  Server() : metrics_(std::make_shared<Metrics>()), models_(*metrics_) {}

  absl::Status AddModels(
      const Config& config,
      std::vector<std::unique_ptr<const ModelBackend>> backends);
  absl::Status StartMetrics(const Config& config);
  absl::Status StartGrpc(const Config& config);

  // Each needs those above it.
  std::shared_ptr<Metrics> metrics_;  // shared as prometheus::Exposer demands
  ModelSet models_;
  std::unique_ptr<TranslationServiceImpl> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  int grpc_port_ = 0;
  int metrics_port_ = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVER_H_
