// The life of calls: refused, cancelled, too late, drained, and many at once.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::StartsWith;

TEST_F(ServiceTest, AFullQueueSaysWhenToTryAgain) {
  backend_.on_step = gate_.hook();
  batcher_.queue.max_sentences = 1;
  Start();
  std::thread live([&] { TranslateOk(Request({"a"})); });
  gate_.AwaitWaiting();
  std::thread waiting([&] { TranslateOk(Request({"b"})); });
  ASSERT_TRUE(Eventually(
      [&] { return models_->all()[0]->batcher().queue().sentences == 1; }));

  grpc::ClientContext context;
  v1::TranslateResponse response;
  const grpc::Status status =
      stub_->Translate(&context, Request({"c"}), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(GetDetail(status, &retry));
  EXPECT_GT(retry.retry_delay().nanos() + retry.retry_delay().seconds(), 0);
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto pushback = trailers.find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, trailers.end());
  EXPECT_GE(
      std::stoi(std::string(pushback->second.begin(), pushback->second.end())),
      50);

  gate_.Open();
  live.join();
  waiting.join();
  // Not a matter of trying again.
  EXPECT_THAT(
      Refused(Request({"a", "b"})),
      StartsWith("request: found 2 sentences of 8 tokens, allowed at once 1"));
}

TEST_F(ServiceTest, CancellationFreesTheSession) {
  // After the first step time for the server to hear of it.
  backend_.on_step = [hook = gate_.hook()] {
    hook();
    absl::SleepFor(absl::Milliseconds(5));
  };
  Start();
  grpc::ClientContext context;
  v1::TranslateResponse response;
  std::thread canceller([&] {
    gate_.AwaitWaiting();  // in the first of many steps
    context.TryCancel();
  });
  const grpc::Status status =
      stub_->Translate(&context, Request({std::string(100, 'x')}), &response);
  canceller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  gate_.Open();
  EXPECT_TRUE(
      Eventually([&] { return Sentences(absl::StatusCode::kCancelled) == 1; }));
  EXPECT_TRUE(
      Eventually([&] { return Requests(absl::StatusCode::kCancelled) == 1; }));
}

TEST_F(ServiceTest, ACallThatEndsBeforeItIsReadIsNoBadRequest) {
  Start();
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call = stub.PrepareCall(
      &context, "/peregrine.v1.TranslationService/Translate", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  absl::SleepFor(absl::Milliseconds(50));  // for the server to see the call
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  const OutcomeCounter& counter = metrics_.CallsOf("peregrine.v1", "Translate");
  EXPECT_TRUE(Eventually(
      [&] { return counter.value(absl::StatusCode::kCancelled) == 1; }));
  EXPECT_EQ(counter.value(absl::StatusCode::kInvalidArgument), 0);
}

TEST_F(ServiceTest, DeadlinesEndTheWork) {
  backend_.on_step = [hook = gate_.hook()] {
    hook();
    absl::SleepFor(absl::Milliseconds(5));
  };
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(500));
  v1::TranslateResponse response;
  EXPECT_EQ(
      stub_->Translate(&context, Request({std::string(100, 'x')}), &response)
          .error_code(),
      grpc::StatusCode::DEADLINE_EXCEEDED);
  gate_.Open();
  EXPECT_TRUE(Eventually([&] {
    return Sentences(absl::StatusCode::kDeadlineExceeded) +
               Sentences(absl::StatusCode::kCancelled) ==
           1;
  }));
  EXPECT_TRUE(Eventually([&] { return service_->AwaitNoCalls(absl::Now()); }));
}

// A push-back would have clients wait for another server that is free.
TEST_F(ServiceTest, DrainingIsUnavailableWithoutAPushback) {
  Start();
  models_->Drain();
  grpc::ClientContext context;
  v1::TranslateResponse response;
  const grpc::Status status =
      stub_->Translate(&context, Request({"a"}), &response);
  const auto& trailers = context.GetServerTrailingMetadata();
  EXPECT_EQ(trailers.count("grpc-retry-pushback-ms"), 0u);
  google::rpc::RetryInfo retry;
  EXPECT_FALSE(GetDetail(status, &retry));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(GetDetail(status, &info));
  EXPECT_EQ(info.reason(), "DRAINING");
}

// As gRPC's clients do only where an answer has not begun by headers.
TEST_F(ServiceTest, ARefusalThatNamesItsSpanIsRepeated) {
  Start();
  models_->Drain();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{
      "name": [{}],
      "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0.01s",
                      "maxBackoff": "0.01s", "backoffMultiplier": 1,
                      "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
  const auto stub = v1::TranslationService::NewStub(grpc::CreateCustomChannel(
      address_, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.AddMetadata(
      "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  v1::TranslateResponse response;
  EXPECT_EQ(stub->Translate(&context, Request({"a"}), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("traceresponse"), 1u);
  EXPECT_TRUE(Eventually(
      [&] { return Requests(absl::StatusCode::kUnavailable) == 2; }));
}

// gRPC hands over the last moment that it can express.
TEST_F(ServiceTest, NoDeadlineIsNoDeadlineAndDoesNotStretchTheUsualOne) {
  Start();
  const auto call = [&](absl::Duration timeout) {
    grpc::ClientContext context;
    if (timeout < absl::InfiniteDuration()) {
      context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    v1::TranslateResponse response;
    const grpc::Status status =
        stub_->Translate(&context, Request({"a"}), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  };
  const auto usual = [&] {
    return models_->all()[0]->batcher().queue().usual_deadline;
  };
  for (int i = 0; i < 99; ++i) call(absl::InfiniteDuration());
  EXPECT_EQ(usual(), absl::InfiniteDuration());
  call(absl::Hours(24 * 365 * 20));  // nobody waits for it either
  EXPECT_EQ(usual(), absl::InfiniteDuration());
  call(absl::Seconds(10));
  EXPECT_GT(usual(), absl::ZeroDuration());
  EXPECT_LE(usual(), absl::Seconds(11));  // gRPC rounds it up
}

TEST_F(ServiceTest, CompressedMessagesAreTakenUpToTheLimit) {
  service_options_.max_message_bytes = 1 << 20;
  Start();
  const auto translate = [&](const std::string& text,
                             grpc_compression_algorithm algorithm) {
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    v1::TranslateResponse response;
    return stub_->Translate(&context, Request({text}), &response);
  };
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    EXPECT_TRUE(translate(std::string(90, 'a'), algorithm).ok());
    // 16 MiB of a thousandth on the wire.
    const grpc::Status status =
        translate(std::string(16 << 20, 'a'), algorithm);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(),
              "request: found more than 1048576 bytes when inflated, allowed "
              "at most 1048576");
  }
}

// Many clients, calls and streams, a third of them cancelled or out of time.
TEST_F(ServiceTest, SurvivesLoadWithCancellation) {
  backend_.on_step = [] { absl::SleepFor(absl::Microseconds(100)); };
  batcher_.num_workers = 2;
  batcher_.queue.max_sentences = 60;
  Start();
  const auto client = [&](int seed) {
    for (int i = 0; i < 60; ++i) {
      grpc::ClientContext context;
      const int kind = (seed + i) % 3;
      if (kind == 1) {
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(300 * (i % 20)));
      }
      std::thread canceller;
      if (kind == 2) {
        canceller = std::thread([&] {
          absl::SleepFor(absl::Microseconds(100 * (i % 30)));
          context.TryCancel();
        });
      }
      if (i % 2 == 0) {
        v1::TranslateResponse response;
        const std::string text(1 + i, 'a');
        if (stub_
                ->Translate(&context, Request({text, text + "\n" + text}),
                            &response)
                .ok()) {
          EXPECT_EQ(response.translations(0).hypotheses(0).text(),
                    std::string(1 + i, 'A'));
        }
      } else {
        auto stream = stub_->TranslateStream(&context);
        v1::TranslateStreamRequest request;
        request.mutable_text()->set_text(std::string(1 + i, 'a'));
        for (int n = 0; n < 4; ++n) stream->Write(request);
        stream->WritesDone();
        v1::TranslateStreamResponse response;
        while (stream->Read(&response)) {
        }
        stream->Finish();
      }
      if (canceller.joinable()) canceller.join();
    }
  };
  std::vector<std::thread> clients;
  for (int seed = 0; seed < 6; ++seed) clients.emplace_back(client, seed);
  for (std::thread& thread : clients) thread.join();
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(10)));
  EXPECT_EQ(models_->all()[0]->batcher().queue().sentences, 0);
  EXPECT_GT(Requests(absl::StatusCode::kOk), 100);
}

}  // namespace
}  // namespace peregrine::server
