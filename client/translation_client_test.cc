#include "client/translation_client.h"

#include <atomic>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "client/fake_translation_server.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TranslationClientTest, TranslatesInOrderWithTheSettings) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  TranslationSettings settings;
  settings.model = "fake";
  settings.decoding.set_beam_size(2);
  settings.single_sentence = true;

  const auto response = client.Translate({"one", "two"}, settings);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->translations_size(), 2);
  EXPECT_EQ(response->translations(0).hypotheses(0).text(), "<one>");
  EXPECT_EQ(response->translations(1).hypotheses(0).text(), "<two>");
  EXPECT_EQ(response->model(), "fake");

  const v1::TranslateRequest request = server.translate_requests().at(0);
  EXPECT_EQ(request.model(), "fake");
  EXPECT_EQ(request.options().beam_size(), 2);
  EXPECT_FALSE(request.options().has_length_penalty());
  EXPECT_TRUE(request.single_sentence());
}

TEST(TranslationClientTest, TranslatesTextsWithOptionsOfTheirOwn) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  std::vector<v1::Text> texts(2);
  texts[0].set_text("one");
  texts[0].mutable_options()->set_beam_size(3);
  texts[1].set_text("two");
  texts[1].add_protected_ranges()->set_end(2);
  const auto response = client.TranslateTexts(texts, {});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(RouteOf(*response, response->translations(1)).model(), "fake");
  const v1::TranslateRequest request = server.translate_requests().at(0);
  EXPECT_EQ(request.texts(0).options().beam_size(), 3);
  EXPECT_EQ(request.texts(1).protected_ranges(0).end(), 2);
  texts[1].set_text("\xff");
  EXPECT_EQ(client.TranslateTexts(texts, {}).status(),
            absl::InvalidArgumentError("texts[1]: not UTF-8 at byte 0"));
}

TEST(TranslationClientTest, RefusesBadUtf8WithoutACall) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  const auto response = client.Translate({"fine", "b\xff"}, {});
  EXPECT_EQ(response.status(),
            absl::InvalidArgumentError("texts[1]: not UTF-8 at byte 1"));
  EXPECT_TRUE(server.translate_requests().empty());
}

// A full queue that asks for a pause, twice; then the answer.
TEST(TranslationClientTest, RetriesAFullQueue) {
  FakeTranslationServer server;
  std::atomic<int> calls{0};
  server.SetTranslateHandler([&calls](const v1::TranslateRequest&) {
    return ++calls <= 2
               ? grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full")
               : grpc::Status::OK;
  });
  const TranslationClient client(server.address());
  EXPECT_TRUE(client.Translate({"one"}, {}).ok());
  EXPECT_EQ(calls, 3);
}

TEST(TranslationClientTest, GivesUpAfterItsAttemptsWithTheServersReason) {
  FakeTranslationServer server;
  server.SetTranslateHandler([](const v1::TranslateRequest&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  });
  ClientOptions options;
  options.max_attempts = 2;
  const TranslationClient client(server.address(), options);
  EXPECT_EQ(client.Translate({"one"}, {}).status(),
            absl::UnavailableError("draining"));
  EXPECT_EQ(server.translate_requests().size(), 2u);
}

TEST(TranslationClientTest, DoesNotRepeatABadRequest) {
  FakeTranslationServer server;
  server.SetTranslateHandler([](const v1::TranslateRequest&) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field("options.beam_size");
    violation->set_description("found -1, allowed 1 to 8");
    google::rpc::Status details;
    details.add_details()->PackFrom(bad_request);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad request",
                        details.SerializeAsString());
  });
  const TranslationClient client(server.address());
  const absl::Status status = client.Translate({"one"}, {}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("options.beam_size: found -1, allowed 1 to 8"));
  EXPECT_EQ(server.translate_requests().size(), 1u);
}

TEST(TranslationClientTest, ObeysItsDeadline) {
  FakeTranslationServer server;
  server.SetTranslateHandler([](const v1::TranslateRequest&) {
    absl::SleepFor(absl::Milliseconds(500));
    return grpc::Status::OK;
  });
  ClientOptions options;
  options.deadline = absl::Milliseconds(50);
  const TranslationClient client(server.address(), options);
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Translate({"one"}, {}).status()));
}

TEST(TranslationClientTest, ReportsAServerThatIsNotThere) {
  const TranslationClient client("127.0.0.1:1");
  const absl::Status status = client.ListModels().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(TranslationClientTest, ListsAndGetsModels) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  const auto models = client.ListModels();
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 1u);
  EXPECT_EQ(models->at(0).name(), "fake");
  EXPECT_EQ(client.GetModel("fake")->parameters(), 12'345'678);
  EXPECT_TRUE(absl::IsNotFound(client.GetModel("other").status()));
}

TEST(TranslationClientTest, ACallHasADeadlineOfItsOwn) {
  FakeTranslationServer server;
  server.SetTranslateHandler([](const v1::TranslateRequest&) {
    absl::SleepFor(absl::Milliseconds(500));
    return grpc::Status::OK;
  });
  const TranslationClient client(server.address());
  CallOptions call;
  call.deadline = absl::Milliseconds(50);
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(client.Translate({"one"}, {}, call).status()));
  EXPECT_TRUE(client.Translate({"one"}, {}).ok());
}

TEST(TranslationClientTest, ACallIsCancelledFromAnotherThread) {
  FakeTranslationServer server;
  absl::Notification arrived;
  absl::Notification over;
  server.SetTranslateHandler([&arrived, &over](const v1::TranslateRequest&) {
    if (!arrived.HasBeenNotified()) arrived.Notify();
    over.WaitForNotification();
    return grpc::Status::OK;
  });
  const TranslationClient client(server.address());
  Cancellation cancellation;
  CallOptions call;
  call.cancellation = &cancellation;
  std::thread caller([&cancellation, &arrived] {
    arrived.WaitForNotification();
    cancellation.Cancel();
  });
  EXPECT_TRUE(absl::IsCancelled(client.Translate({"one"}, {}, call).status()));
  caller.join();
  over.Notify();
  // Later ones at once; others not at all.
  EXPECT_TRUE(absl::IsCancelled(client.ListModels(call).status()));
  EXPECT_TRUE(client.ListModels().ok());
}

TEST(TranslationClientTest, TranslatesTokens) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  const auto response = client.TranslateTokens({{"a", "b"}, {"c"}}, {});
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->translations_size(), 2);
  EXPECT_THAT(response->translations(0).hypotheses(0).tokens(),
              ElementsAre("b", "a"));
  EXPECT_EQ(
      client.TranslateTokens({{"a"}, {"b", "\xff"}}, {}).status(),
      absl::InvalidArgumentError("sources[1].tokens[1]: not UTF-8 at byte 0"));
}

TEST(TranslationClientTest, ListsLanguages) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  const auto languages = client.ListLanguages("de");
  ASSERT_TRUE(languages.ok()) << languages.status();
  ASSERT_EQ(languages->size(), 2u);
  EXPECT_EQ(languages->at(1).display_name(), "Englisch");
  EXPECT_THAT(languages->at(1).targets(), ElementsAre("de"));
  EXPECT_TRUE(client.ListLanguages("de", "other")->empty());
}

TEST(TranslationClientTest, DetectsLanguages) {
  FakeTranslationServer server;
  const TranslationClient client(server.address());
  DetectionOptions options;
  options.by_sentence = true;
  const auto detections = client.DetectLanguages({"Hello.", "Bye."}, options);
  ASSERT_TRUE(detections.ok()) << detections.status();
  ASSERT_EQ(detections->size(), 2u);
  EXPECT_EQ(detections->at(0).languages(0).language(), "en");
  EXPECT_EQ(detections->at(1).sentences(0).end(), 4);
  EXPECT_TRUE(
      absl::IsInvalidArgument(client.DetectLanguages({"\xff"}).status()));
}

}  // namespace
}  // namespace peregrine::client
