#ifndef PEREGRINE_SERVER_TESTING_SERVICE_FIXTURE_H_
#define PEREGRINE_SERVER_TESTING_SERVICE_FIXTURE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "server/api/translation_service.h"
#include "server/models/models.h"
#include "server/testing/fake_backend.h"
#include "server/testing/step_gate.h"

// What the tests of the service share: the service in a real gRPC server, over
// fake models.

namespace peregrine::server {

template <typename Detail>
bool GetDetail(const grpc::Status& status, Detail* detail) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return false;
  for (const auto& any : details.details()) {
    if (any.Is<Detail>()) return any.UnpackTo(detail);
  }
  return false;
}

class ServiceTest : public ::testing::Test {
 protected:
  StepGate gate_;  // outlives the workers

  // Before Start.
  FakeBackend::Options backend_;
  ModelOptions model_options_;
  BatcherOptions& batcher_ = model_options_.batcher;
  ServiceOptions service_options_;

  void Start(std::vector<std::string> names = {"fake"}) {
    model_options_.limits.max_texts = 20;
    model_options_.limits.max_text_bytes = 300;
    models_ = std::make_unique<ModelSet>(metrics_);
    for (const std::string& name : names) {
      backend_.name = name;
      ASSERT_TRUE(
          models_->Add(std::make_unique<FakeBackend>(backend_), model_options_)
              .ok());
    }
    service_ = std::make_unique<TranslationServiceImpl>(
        *models_, authenticator_, service_options_, metrics_);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    address_ = "127.0.0.1:" + std::to_string(port);
    channel_ =
        grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    stub_ = v1::TranslationService::NewStub(channel_);
  }

  void TearDown() override {
    gate_.Open();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  grpc::Status Translate(const v1::TranslateRequest& request,
                         v1::TranslateResponse* response) {
    grpc::ClientContext context;
    return stub_->Translate(&context, request, response);
  }
  v1::TranslateResponse TranslateOk(const v1::TranslateRequest& request) {
    v1::TranslateResponse response;
    const grpc::Status status = Translate(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // The message of a refusal, which is also checked to name its field.
  std::string Refused(const v1::TranslateRequest& request) {
    v1::TranslateResponse response;
    const grpc::Status status = Translate(request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    google::rpc::BadRequest details;
    EXPECT_TRUE(GetDetail(status, &details));
    if (!details.field_violations().empty()) {
      EXPECT_THAT(
          status.error_message(),
          ::testing::StartsWith(details.field_violations(0).field() + ": "));
    }
    return status.error_message();
  }
  static v1::TranslateRequest Request(const std::vector<std::string>& texts) {
    v1::TranslateRequest request;
    for (const std::string& text : texts) request.add_texts()->set_text(text);
    return request;
  }
  // Sends bytes as they are.
  grpc::Status CallRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    absl::Notification done;
    grpc::Status result;
    stub.UnaryCall(&context, "/peregrine.v1.TranslationService/" + method,
                   grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) {
                     result = std::move(status);
                     done.Notify();
                   });
    done.WaitForNotification();
    return result;
  }
  int64_t Requests(absl::StatusCode code) {
    return models_->all()[0]->metrics().requests.value(code);
  }
  int64_t Sentences(absl::StatusCode code) {
    return models_->all()[0]->metrics().sentences.value(code);
  }
  // For counts that lag behind what the client sees.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  Metrics metrics_;
  Authenticator authenticator_{nullptr};
  std::unique_ptr<ModelSet> models_;
  std::unique_ptr<TranslationServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::TranslationService::Stub> stub_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_TESTING_SERVICE_FIXTURE_H_
