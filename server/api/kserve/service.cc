#include "server/api/kserve/service.h"

#include <vector>

#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/kserve/messages.h"
#include "server/api/unary_call.h"

namespace peregrine::server {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
namespace proto = ::inference;

constexpr char kApi[] = "kserve.v2";

template <typename Message>
absl::StatusOr<ServedModelPtr> FindModel(const ModelSet& models,
                                         const Message& message) {
  PEREGRINE_ASSIGN_OR_RETURN(ServedModelPtr model,
                             models.Find(message.name(), "name"));
  PEREGRINE_RETURN_IF_ERROR(
      kserve::CheckVersion(model->info().name, message.version()));
  return model;
}

// The name of a model, which need not be loaded.
template <typename Message>
absl::StatusOr<std::string> FindName(const ModelSet& models,
                                     const Message& message) {
  std::string name = message.name();
  if (const auto model = models.Find(name, "name"); model.ok()) {
    name = (*model)->info().name;
  } else if (!models.CanLoad(name)) {
    return model.status();
  }
  PEREGRINE_RETURN_IF_ERROR(kserve::CheckVersion(name, message.version()));
  return name;
}

}  // namespace

grpc::ServerUnaryReactor* KserveService::ServerLive(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ServerLiveRequest>(
      {kApi, "ServerLive"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [](const proto::ServerLiveRequest& /*message*/)
          -> absl::StatusOr<proto::ServerLiveResponse> {
        proto::ServerLiveResponse live;
        live.set_live(true);
        return live;
      });
}

grpc::ServerUnaryReactor* KserveService::ServerReady(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ServerReadyRequest>(
      {kApi, "ServerReady"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::ServerReadyRequest& /*message*/)
          -> absl::StatusOr<proto::ServerReadyResponse> {
        proto::ServerReadyResponse ready;
        ready.set_ready(is_ready_());
        return ready;
      });
}

grpc::ServerUnaryReactor* KserveService::ModelReady(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ModelReadyRequest>(
      {kApi, "ModelReady"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::ModelReadyRequest& message)
          -> absl::StatusOr<proto::ModelReadyResponse> {
        proto::ModelReadyResponse ready;
        const auto model = FindModel(environment_.models, message);
        // One that is not loaded will be, by a request.
        ready.set_ready(model.ok()
                            ? (*model)->batcher().has_workers()
                            : environment_.models.CanLoad(message.name()));
        return ready;
      });
}

grpc::ServerUnaryReactor* KserveService::ServerMetadata(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ServerMetadataRequest>(
      {kApi, "ServerMetadata"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [](const proto::ServerMetadataRequest& /*message*/)
          -> absl::StatusOr<proto::ServerMetadataResponse> {
        proto::ServerMetadataResponse metadata;
        metadata.set_name("peregrine");
        metadata.set_version(PEREGRINE_VERSION);
        for (const char* extension :
             {"model_configuration", "model_repository", "statistics"}) {
          metadata.add_extensions(extension);
        }
        return metadata;
      });
}

grpc::ServerUnaryReactor* KserveService::ModelMetadata(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ModelMetadataRequest>(
      {kApi, "ModelMetadata"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::ModelMetadataRequest& message)
          -> absl::StatusOr<proto::ModelMetadataResponse> {
        PEREGRINE_ASSIGN_OR_RETURN(const std::string model,
                                   FindName(environment_.models, message));
        return kserve::DescribeMetadata(model);
      });
}

grpc::ServerUnaryReactor* KserveService::ModelInfer(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return UnaryCall<kserve::ModelInferCodec>::Start(
      {kApi, "ModelInfer"}, *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* KserveService::ModelConfig(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ModelConfigRequest>(
      {kApi, "ModelConfig"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::ModelConfigRequest& message)
          -> absl::StatusOr<proto::ModelConfigResponse> {
        PEREGRINE_ASSIGN_OR_RETURN(const std::string model,
                                   FindName(environment_.models, message));
        proto::ModelConfigResponse config;
        *config.mutable_config() = kserve::DescribeConfig(model);
        return config;
      });
}

grpc::ServerUnaryReactor* KserveService::ModelStatistics(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ModelStatisticsRequest>(
      {kApi, "ModelStatistics"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::ModelStatisticsRequest& message)
          -> absl::StatusOr<proto::ModelStatisticsResponse> {
        proto::ModelStatisticsResponse statistics;
        std::vector<ServedModelPtr> models = environment_.models.all();
        if (!message.name().empty()) {
          PEREGRINE_ASSIGN_OR_RETURN(const ServedModelPtr model,
                                     FindModel(environment_.models, message));
          models = {model};
        }
        for (const ServedModelPtr& model : models) {
          *statistics.add_model_stats() = kserve::DescribeStatistics(*model);
        }
        return statistics;
      });
}

grpc::ServerUnaryReactor* KserveService::RepositoryIndex(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::RepositoryIndexRequest>(
      {kApi, "RepositoryIndex"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const proto::RepositoryIndexRequest& message)
          -> absl::StatusOr<proto::RepositoryIndexResponse> {
        proto::RepositoryIndexResponse index;
        for (const ServedModelPtr& model : environment_.models.all()) {
          const bool ready = model->batcher().has_workers();
          if (message.ready() && !ready) continue;
          auto& entry = *index.add_models();
          entry.set_name(model->info().name);
          entry.set_version("1");
          entry.set_state(ready ? "READY" : "UNAVAILABLE");
          if (!ready) entry.set_reason("its devices failed");
        }
        for (const auto& [name, model] : *environment_.models.catalog()) {
          if (message.ready() || environment_.models.Find(name, "name").ok()) {
            continue;
          }
          auto& entry = *index.add_models();
          entry.set_name(name);
          entry.set_version("1");
          entry.set_state("UNAVAILABLE");
          entry.set_reason(model.sound.ok()
                               ? "unloaded: a request loads it"
                               : std::string(model.sound.message()));
        }
        return index;
      });
}

}  // namespace peregrine::server
