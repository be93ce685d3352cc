// The whole server but for the engine: addresses, health, reflection, metrics,
// drain.
#include "server/server.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "peregrine/v1/translation.grpc.pb.h"
#include "server/fake_backend.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

Config TestConfig() {
  Config config;
  config.listen = "127.0.0.1:0";
  config.metrics_listen = "off";  // its server takes 2 s to stop
  config.batcher.num_workers = 1;
  return config;
}

std::vector<std::unique_ptr<const ModelBackend>> Fakes(
    const std::vector<std::string>& names, FakeBackend::Options options = {}) {
  std::vector<std::unique_ptr<const ModelBackend>> backends;
  for (const std::string& name : names) {
    options.name = name;
    backends.push_back(std::make_unique<FakeBackend>(options));
  }
  return backends;
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
  auto server = Server::Start(TestConfig(), Fakes({"fake"}));
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
  config.max_message_bytes = 1000;
  auto server = Server::Start(config, Fakes({"fake"}));
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
  auto server = Server::Start(TestConfig(), Fakes({"fake"}, options));
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
  // models_.Drain comes right after.
  absl::SleepFor(absl::Milliseconds(50));
  grpc::ClientContext context;
  v1::TranslateResponse response;
  EXPECT_EQ(stub->Translate(&context, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  go_on.Notify();
  caller.join();
  drain.join();
}

TEST(ServerTest, DrainCancelsWhatTakesTooLong) {
  FakeBackend::Options options;
  options.on_step = [] { absl::SleepFor(absl::Milliseconds(50)); };
  auto server = Server::Start(TestConfig(), Fakes({"fake"}, options));
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::TranslationService::NewStub(ChannelTo(**server));
  std::thread caller([&] {
    grpc::ClientContext context;
    v1::TranslateRequest request;
    request.add_texts()->set_text(std::string(100, 'x'));  // 5 s
    v1::TranslateResponse response;
    EXPECT_FALSE(stub->Translate(&context, request, &response).ok());
  });
  absl::SleepFor(absl::Milliseconds(200));
  const absl::Time start = absl::Now();
  (*server)->Drain(absl::Milliseconds(100));
  server->reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
  caller.join();
}

TEST(ServerTest, ATakenPortIsAnErrorThatNamesTheFlag) {
  Config config = TestConfig();
  config.metrics_listen = "127.0.0.1:0";
  auto first = Server::Start(config, Fakes({"fake"}));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_GT((*first)->metrics_port(), 0);
  config = TestConfig();
  config.listen = "127.0.0.1:" + std::to_string((*first)->grpc_port());
  EXPECT_THAT(Server::Start(config, Fakes({"fake"})).status().message(),
              HasSubstr("--listen: cannot listen on " + config.listen));
  config = TestConfig();
  config.metrics_listen =
      "127.0.0.1:" + std::to_string((*first)->metrics_port());
  EXPECT_THAT(
      Server::Start(config, Fakes({"fake"})).status().message(),
      HasSubstr("--metrics-listen: cannot listen on " + config.metrics_listen));
}

TEST(ServerTest, ModelsThatDoNotFitTheFlagsAreStartErrors) {
  Config config = TestConfig();
  config.service.limits.max_beam_size = 1;
  EXPECT_THAT(
      Server::Start(config, Fakes({"fake"})).status().message(),
      HasSubstr("--max-beam-size: found 1, but model fake has beam_size 2"));
  EXPECT_THAT(
      Server::Start(TestConfig(), Fakes({"twin", "twin"})).status().message(),
      HasSubstr("two models are named \"twin\""));
}

}  // namespace
}  // namespace peregrine::server
