// TranslateStream: answers, back-pressure, cancellation, drain.
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

class StreamTest : public ServiceTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::TranslateStreamRequest,
                                          v1::TranslateStreamResponse>;
  std::unique_ptr<Stream> Open() { return stub_->TranslateStream(&context_); }

  static v1::TranslateStreamRequest Message(const std::string& id,
                                            const std::string& text) {
    v1::TranslateStreamRequest request;
    request.set_id(id);
    request.mutable_text()->set_text(text);
    return request;
  }
  grpc::ClientContext context_;
};

TEST_F(StreamTest, AnErrorOfATextHasTheDetailsOfACalls) {
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest request = Message("a", std::string(301, 'x'));
  stream->Write(request);
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const google::rpc::Status& status = response.error().status();
  EXPECT_EQ(status.code(), response.error().code());
  EXPECT_EQ(status.message(), response.error().message());
  google::rpc::BadRequest details;
  ASSERT_TRUE(GetDetail(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "",
                                     status.SerializeAsString()),
                        &details));
  EXPECT_EQ(details.field_violations(0).field(), "text.text");
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, ATextHasItsOwnDeadlineAndOptions) {
  backend_.on_step = gate_.hook();
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest late = Message("late", "aaa");
  late.mutable_timeout()->set_nanos(30000000);
  stream->Write(late);
  v1::TranslateStreamRequest wide = Message("wide", "bbb");
  wide.mutable_text()->mutable_options()->set_beam_size(2);
  wide.mutable_text()->mutable_options()->set_num_hypotheses(2);
  wide.mutable_timeout()->set_seconds(600);
  stream->Write(wide);
  gate_.AwaitWaiting();
  absl::SleepFor(absl::Milliseconds(50));
  gate_.Open();
  std::map<std::string, v1::TranslateStreamResponse> answers;
  v1::TranslateStreamResponse response;
  for (int i = 0; i < 2 && stream->Read(&response); ++i) {
    answers[response.id()] = response;
  }
  EXPECT_EQ(answers["late"].error().code(),
            static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(answers["wide"].translation().hypotheses_size(), 2);
  EXPECT_EQ(answers["wide"].model(), "fake");
  EXPECT_EQ(answers["wide"].revision(), "0123456789abcdef");
  v1::TranslateStreamRequest none = Message("none", "c");
  none.mutable_timeout()->set_seconds(0);
  stream->Write(none);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().code(),
            static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, AnswersEachTextOnce) {
  batcher_.num_workers = 2;
  service_options_.max_stream_texts = 8;
  Start();
  auto stream = Open();
  constexpr int kTexts = 500;
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) {
      stream->Write(Message(std::to_string(i), std::string(1 + i % 50, 'a')));
    }
    stream->WritesDone();
  });
  std::map<std::string, std::string> answers;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) {
    EXPECT_TRUE(
        answers
            .emplace(response.id(), response.translation().hypotheses(0).text())
            .second);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), static_cast<size_t>(kTexts));
  for (int i = 0; i < kTexts; ++i) {
    EXPECT_EQ(answers[std::to_string(i)], std::string(1 + i % 50, 'A'));
  }
  EXPECT_EQ(Requests(absl::StatusCode::kOk), kTexts);
}

TEST_F(StreamTest, ErrorsAreAnsweredInPlace) {
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest bad_beam = Message("beam", "a");
  bad_beam.mutable_text()->mutable_options()->set_beam_size(0);
  v1::TranslateStreamRequest bad_model = Message("model", "a");
  bad_model.set_model("nobody");
  stream->Write(bad_beam);
  stream->Write(bad_model);
  stream->Write(Message("white", " "));
  stream->Write(Message("good", "a"));
  stream->WritesDone();
  std::map<std::string, v1::TranslateStreamResponse> answers;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) answers[response.id()] = response;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers["beam"].error().code(), 3);
  EXPECT_EQ(answers["beam"].error().message(),
            "text.options.beam_size: found 0, allowed 1 to 16");
  EXPECT_EQ(answers["model"].error().code(), 5);
  EXPECT_EQ(answers["white"].translation().hypotheses(0).text(), " ");
  EXPECT_EQ(answers["good"].translation().hypotheses(0).text(), "A");
}

TEST_F(StreamTest, ReadsNoMoreThanItsLimit) {
  backend_.on_step = gate_.hook();
  service_options_.max_stream_texts = 4;
  Start();
  auto stream = Open();
  stream->Write(Message("0", "a"));
  gate_.AwaitWaiting();
  for (int i = 1; i < 10; ++i) stream->Write(Message(std::to_string(i), "a"));
  const auto taken = [&] {
    return models_->all()[0]->batcher().queue().sentences;
  };
  EXPECT_TRUE(Eventually([&] { return taken() == 3; }));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(taken(), 3);
  gate_.Open();
  stream->WritesDone();
  int answers = 0;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) ++answers;
  EXPECT_EQ(answers, 10);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, CancellationDropsItsTexts) {
  backend_.on_step = gate_.hook();
  Start();
  auto stream = Open();
  for (int i = 0; i < 5; ++i) stream->Write(Message(std::to_string(i), "abc"));
  gate_.AwaitWaiting();
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  gate_.Open();
  EXPECT_TRUE(Eventually([&] { return service_->AwaitNoCalls(absl::Now()); }));
  EXPECT_EQ(models_->all()[0]->batcher().queue().sentences, 0);
}

TEST_F(StreamTest, AnIdleStreamEndsWhenTheServerDrains) {
  Start();
  auto stream = Open();
  stream->Write(Message("1", "a"));
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  service_->Drain();
  models_->Drain();
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("draining"));
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(5)));
}

TEST_F(StreamTest, ABusyStreamIsAnsweredBeforeItEnds) {
  backend_.on_step = gate_.hook();
  Start();
  auto stream = Open();
  stream->Write(Message("0", "abc"));
  gate_.AwaitWaiting();
  for (const char* id : {"1", "2"}) stream->Write(Message(id, "abc"));
  EXPECT_TRUE(Eventually(
      [&] { return models_->all()[0]->batcher().queue().sentences == 2; }));
  service_->Drain();
  models_->Drain();
  stream->Write(Message("too late", "abc"));
  EXPECT_FALSE(service_->AwaitNoCalls(absl::Now() + absl::Milliseconds(20)));
  gate_.Open();
  int answers = 0;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) answers += response.has_translation();
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace peregrine::server
