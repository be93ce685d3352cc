// The whole server but for the engine: addresses, health, reflection, metrics,
// drain.
#include "server/server.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "peregrine/v1/admin.grpc.pb.h"
#include "peregrine/v1/translation.grpc.pb.h"
#include "server/options/model_override.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config TestConfig() {
  Config config;
  config.listen = "127.0.0.1:0";
  config.metrics_listen = "off";  // its server takes 2 s to stop
  config.models = {{"", "fake"}};
  config.model_options.batcher.num_workers = 1;
  return config;
}

// Loads fakes: named as the source says, or else like their directory. There
// is no model in the directory "broken".
Server::Environment Fakes(FakeBackend::Options options = {}) {
  Server::Environment environment;
  environment.load_model = [options](const ModelSource& source)
      -> absl::StatusOr<std::unique_ptr<const ModelBackend>> {
    if (source.directory == "broken") {
      return absl::InvalidArgumentError("broken/config.json: no such file");
    }
    FakeBackend::Options named = options;
    named.name = source.name.empty() ? source.directory : source.name;
    return std::make_unique<FakeBackend>(named);
  };
  return environment;
}

std::shared_ptr<grpc::Channel> ChannelTo(const Server& server) {
  return grpc::CreateChannel("127.0.0.1:" + std::to_string(server.grpc_port()),
                             grpc::InsecureChannelCredentials());
}

// The status of grpc.health.v1 for a name: 1 SERVING, 2 NOT_SERVING; -1 for an
// error. Its messages are two short fields, written and read here by hand.
int Health(const std::shared_ptr<grpc::Channel>& channel,
           const std::string& service) {
  std::string bytes;
  if (!service.empty()) {
    bytes = std::string("\x0a") + static_cast<char>(service.size()) + service;
  }
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::Slice slice(bytes);
  grpc::ByteBuffer request(&slice, 1), response;
  absl::Notification done;
  grpc::Status status;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(),
                 &request, &response, [&](grpc::Status s) {
                   status = std::move(s);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (!status.ok()) return -1;
  grpc::Slice answer;
  EXPECT_TRUE(response.DumpToSingleSlice(&answer).ok());
  return answer.size() == 2 ? answer.begin()[1] : -1;
}

TEST(ServerTest, ServesTranslationsAndHealth) {
  auto server = Server::Start(TestConfig(), Fakes());
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_GT((*server)->grpc_port(), 0);
  EXPECT_EQ((*server)->metrics_port(), 0);
  const auto channel = ChannelTo(**server);
  EXPECT_EQ(Health(channel, ""), 1);
  EXPECT_EQ(Health(channel, "peregrine.v1.TranslationService"), 1);
  EXPECT_EQ(Health(channel, "no.such.Service"), -1);

  const auto stub = v1::TranslationService::NewStub(channel);
  grpc::ClientContext context;
  v1::TranslateRequest request;
  request.add_texts()->set_text("hello");
  v1::TranslateResponse response;
  ASSERT_TRUE(stub->Translate(&context, request, &response).ok());
  EXPECT_EQ(response.translations(0).hypotheses(0).text(), "HELLO");
}

TEST(ServerTest, MessagesAboveTheLimitAreRefused) {
  Config config = TestConfig();
  config.service.max_message_bytes = 1000;
  auto server = Server::Start(config, Fakes());
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::TranslationService::NewStub(ChannelTo(**server));
  grpc::ClientContext context;
  v1::TranslateRequest request;
  request.add_texts()->set_text(std::string(2000, 'x'));
  v1::TranslateResponse response;
  EXPECT_EQ(stub->Translate(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(ServerTest, DrainFinishesCallsAndTellsHealth) {
  absl::Notification stepping, go_on;
  std::atomic<bool> first{true};
  FakeBackend::Options options;
  options.on_step = [&] {
    if (first.exchange(false)) {
      stepping.Notify();
      go_on.WaitForNotification();
    }
  };
  auto server = Server::Start(TestConfig(), Fakes(options));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto channel = ChannelTo(**server);
  const auto stub = v1::TranslationService::NewStub(channel);
  v1::TranslateRequest request;
  request.add_texts()->set_text("hello");
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::TranslateResponse response;
    EXPECT_TRUE(stub->Translate(&context, request, &response).ok());
  });
  stepping.WaitForNotification();
  std::thread drain([&] { (*server)->Drain(absl::Seconds(30)); });
  while (Health(channel, "") != 2) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(Health(channel, "peregrine.v1.TranslationService"), 2);
  // models_.Drain comes right after: calls before it would wait.
  grpc::StatusCode code = grpc::StatusCode::DEADLINE_EXCEEDED;
  while (code == grpc::StatusCode::DEADLINE_EXCEEDED) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(1)));
    v1::TranslateResponse response;
    code = stub->Translate(&context, request, &response).error_code();
  }
  EXPECT_EQ(code, grpc::StatusCode::UNAVAILABLE);
  go_on.Notify();
  caller.join();
  drain.join();
}

TEST(ServerTest, DrainCancelsWhatTakesTooLong) {
  FakeBackend::Options options;
  std::atomic<int> steps{0};
  options.on_step = [&steps] {
    ++steps;
    absl::SleepFor(absl::Milliseconds(50));
  };
  auto server = Server::Start(TestConfig(), Fakes(options));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::TranslationService::NewStub(ChannelTo(**server));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::TranslateRequest request;
    request.add_texts()->set_text(std::string(200, 'x'));  // 10 s
    v1::TranslateResponse response;
    EXPECT_FALSE(stub->Translate(&context, request, &response).ok());
  });
  while (steps == 0) absl::SleepFor(absl::Milliseconds(1));
  (*server)->Drain(absl::Milliseconds(100));
  server->reset();
  caller.join();
  EXPECT_LT(steps, 200);
}

TEST(ServerTest, ATakenPortIsAnErrorThatNamesTheFlag) {
  Config config = TestConfig();
  config.metrics_listen = "127.0.0.1:0";
  auto first = Server::Start(config, Fakes());
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_GT((*first)->metrics_port(), 0);
  config = TestConfig();
  config.listen = "127.0.0.1:" + std::to_string((*first)->grpc_port());
  EXPECT_THAT(Server::Start(config, Fakes()).status().message(),
              HasSubstr("--listen: cannot listen on " + config.listen));
  config = TestConfig();
  config.metrics_listen =
      "127.0.0.1:" + std::to_string((*first)->metrics_port());
  EXPECT_THAT(
      Server::Start(config, Fakes()).status().message(),
      HasSubstr("--metrics-listen: cannot listen on " + config.metrics_listen));
}

TEST(ServerTest, ModelsThatDoNotFitTheFlagsAreStartErrors) {
  Config config = TestConfig();
  config.model_options.limits.max_beam_size = 1;
  EXPECT_THAT(
      Server::Start(config, Fakes()).status().message(),
      HasSubstr("--max-beam-size: found 1, but model fake has beam_size 2"));
  config = TestConfig();
  config.models = {{"twin", "a"}, {"twin", "b"}};
  EXPECT_THAT(Server::Start(config, Fakes()).status().message(),
              HasSubstr("two models are named \"twin\""));
  config = TestConfig();
  config.model_overrides = {*ParseModelOverride("fak.workers=3")};
  EXPECT_THAT(Server::Start(config, Fakes()).status().message(),
              HasSubstr("--model-limit: model: found \"fak\", served here: "
                        "fake"));
}

TEST(ServerTest, LimitsOfOneModel) {
  Config config = TestConfig();
  config.models = {{"", "small"}, {"", "large"}};
  config.model_overrides = {*ParseModelOverride("small.max-text-bytes=4")};
  auto server = Server::Start(config, Fakes());
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::TranslationService::NewStub(ChannelTo(**server));
  const auto translate = [&](const std::string& model) {
    grpc::ClientContext context;
    v1::TranslateRequest request;
    request.set_model(model);
    request.add_texts()->set_text("hello");
    v1::TranslateResponse response;
    return stub->Translate(&context, request, &response).error_message();
  };
  EXPECT_EQ(translate("small"),
            "texts[0].text: found 5 bytes, allowed at most 4");
  EXPECT_EQ(translate("large"), "");
}

// ---- The admin service

class AdminTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Config config = TestConfig();
    config.admin_listen = "127.0.0.1:0";
    Server::Environment environment = Fakes();
    environment.on_drain_request = [this] { drain_requested_ = true; };
    auto server = Server::Start(config, std::move(environment));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_GT(server_->admin_port(), 0);
    stub_ = v1::AdminService::NewStub(grpc::CreateChannel(
        "127.0.0.1:" + std::to_string(server_->admin_port()),
        grpc::InsecureChannelCredentials()));
    translation_ = v1::TranslationService::NewStub(ChannelTo(*server_));
  }

  grpc::Status Load(const std::string& directory,
                    const std::string& name = "") {
    grpc::ClientContext context;
    v1::LoadModelRequest request;
    request.set_directory(directory);
    request.set_name(name);
    v1::LoadModelResponse response;
    const grpc::Status status = stub_->LoadModel(&context, request, &response);
    model_ = response.model();
    return status;
  }
  grpc::Status Reload(const std::string& name,
                      const std::string& directory = "") {
    grpc::ClientContext context;
    v1::ReloadModelRequest request;
    request.set_name(name);
    request.set_directory(directory);
    v1::ReloadModelResponse response;
    const grpc::Status status =
        stub_->ReloadModel(&context, request, &response);
    model_ = response.model();
    return status;
  }
  grpc::Status Unload(const std::string& name) {
    grpc::ClientContext context;
    v1::UnloadModelRequest request;
    request.set_name(name);
    v1::UnloadModelResponse response;
    return stub_->UnloadModel(&context, request, &response);
  }
  grpc::Status Translate(const std::string& model) {
    grpc::ClientContext context;
    v1::TranslateRequest request;
    request.set_model(model);
    request.add_texts()->set_text("hello");
    v1::TranslateResponse response;
    return translation_->Translate(&context, request, &response);
  }
  std::vector<std::string> Served() const {
    std::vector<std::string> names;
    for (const auto& model : server_->models().all()) {
      names.push_back(model->info().name);
    }
    return names;
  }

  std::atomic<bool> drain_requested_{false};
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::AdminService::Stub> stub_;
  std::unique_ptr<v1::TranslationService::Stub> translation_;
  v1::Model model_;  // of the last response
};

TEST_F(AdminTest, LoadsAndUnloads) {
  ASSERT_TRUE(Load("other").ok());
  EXPECT_EQ(model_.name(), "other");
  EXPECT_TRUE(Translate("other").ok());
  ASSERT_TRUE(Load("other", "third").ok());
  EXPECT_THAT(Served(), ElementsAre("fake", "other", "third"));
  EXPECT_EQ(Load("other").error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Load("").error_message(),
            "directory: found nothing, needed a path");
  ASSERT_TRUE(Unload("other").ok());
  ASSERT_TRUE(Unload("fake").ok());
  EXPECT_EQ(Translate("other").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Unload("other").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Unload("third").error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(Translate("third").ok());
}

TEST_F(AdminTest, ABrokenModelLeavesTheOldOneServing) {
  const grpc::Status status = Reload("fake", "broken");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "broken/config.json: no such file");
  EXPECT_TRUE(Translate("fake").ok());
  EXPECT_EQ(Load("broken").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(Served(), ElementsAre("fake"));
  // The directory that serves is remembered, not the one that failed.
  EXPECT_TRUE(Reload("fake").ok());
  EXPECT_TRUE(Reload("").ok());
  EXPECT_EQ(model_.name(), "fake");
  EXPECT_EQ(Reload("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
}

// Callers without a pause, while the model is replaced again and again.
TEST_F(AdminTest, ReloadsFailNoRequest) {
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0};
  const auto call = [&] {
    while (!stop) {
      const grpc::Status status = Translate("fake");
      ASSERT_TRUE(status.ok()) << status.error_message();
      ++calls;
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back(call);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Reload("fake", "version " + std::to_string(i)).ok());
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(calls, 100);
  for (int i = 0; i < 500 && server_->models().models_in_memory() > 1; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(server_->models().models_in_memory(), 1);
}

TEST_F(AdminTest, DrainAsksForTheEnd) {
  grpc::ClientContext context;
  v1::DrainResponse response;
  ASSERT_TRUE(stub_->Drain(&context, {}, &response).ok());
  EXPECT_TRUE(drain_requested_);
  server_->Drain(absl::Seconds(10));
  EXPECT_EQ(Load("late").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reload("fake").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Unload("fake").error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(ServerTest, TheAdminServiceIsOffByDefaultAndElsewhere) {
  auto server = Server::Start(TestConfig(), Fakes());
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ((*server)->admin_port(), 0);
  const auto stub = v1::AdminService::NewStub(ChannelTo(**server));
  grpc::ClientContext context;
  v1::DrainResponse response;
  EXPECT_EQ(stub->Drain(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace peregrine::server
