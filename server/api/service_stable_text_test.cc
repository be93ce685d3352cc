// TranslateStream with return_stable_text: what is told before the answer.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

class StableTextServiceTest : public ServiceTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::TranslateStreamRequest,
                                          v1::TranslateStreamResponse>;
  std::unique_ptr<Stream> Open() { return stub_->TranslateStream(&context_); }

  static v1::TranslateStreamRequest Message(const std::string& id,
                                            const std::string& text) {
    v1::TranslateStreamRequest request;
    request.set_id(id);
    request.mutable_text()->set_text(text);
    request.set_return_stable_text(true);
    return request;
  }

  // Workers take a step for each call of Allow.
  void StepByStep() {
    backend_.on_step = [this] {
      absl::MutexLock lock(&mutex_);
      const auto allowed = [this] { return allowed_ > 0; };
      mutex_.Await(absl::Condition(&allowed));
      --allowed_;
    };
  }
  void Allow(int steps) {
    absl::MutexLock lock(&mutex_);
    allowed_ += steps;
  }
  void TearDown() override {
    Allow(1 << 20);
    ServiceTest::TearDown();
  }

  absl::Mutex mutex_;
  int allowed_ = 0;
  grpc::ClientContext context_;
};

TEST_F(StableTextServiceTest, IsToldStepByStep) {
  StepByStep();
  Start();
  auto stream = Open();
  stream->Write(Message("a", "xyz"));
  v1::TranslateStreamResponse response;
  for (int step = 0; step < 2; ++step) {
    Allow(1);
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.id(), "a");
    EXPECT_EQ(response.stable_text().begin(), step);
    EXPECT_EQ(response.stable_text().text(), std::string(1, "XYZ"[step]));
  }
  Allow(1);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.translation().hypotheses(0).text(), "XYZ");
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StableTextServiceTest, IsNotToldUnasked) {
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest request = Message("a", "xyz");
  request.set_return_stable_text(false);
  stream->Write(request);
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_translation());
}

// Several workers, texts of several sentences, some refused.
TEST_F(StableTextServiceTest, BeginsEachTranslation) {
  batcher_.num_workers = 2;
  Start();
  auto stream = Open();
  constexpr int kTexts = 300;
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) {
      std::string text(1 + i % 37, 'a');
      for (size_t at = 5; at + 1 < text.size(); at += 7) text[at] = '\n';
      v1::TranslateStreamRequest request = Message(absl::StrCat(i), text);
      if (i % 10 == 9) {
        request.mutable_text()->mutable_options()->set_beam_size(0);
      }
      stream->Write(request);
    }
    stream->WritesDone();
  });
  std::map<std::string, std::string> begun;
  std::map<std::string, bool> answered;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) {
    const std::string& id = response.id();
    EXPECT_FALSE(answered[id]);
    std::string& text = begun[id];
    if (response.has_stable_text()) {
      EXPECT_FALSE(response.stable_text().text().empty());
      EXPECT_EQ(response.stable_text().begin(), static_cast<int>(text.size()));
      text += response.stable_text().text();
      continue;
    }
    answered[id] = true;
    if (response.has_error()) {
      EXPECT_EQ(text, "");
    } else {
      EXPECT_TRUE(
          absl::StartsWith(response.translation().hypotheses(0).text(), text));
    }
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answered.size(), static_cast<size_t>(kTexts));
}

TEST_F(StableTextServiceTest, AnErrorMayFollowIt) {
  StepByStep();
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest request = Message("late", "xyz");
  request.mutable_timeout()->set_seconds(1);
  stream->Write(request);
  Allow(1);
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.stable_text().text(), "X");
  absl::SleepFor(absl::Milliseconds(1100));
  Allow(2);
  while (stream->Read(&response) && response.has_stable_text()) {
  }
  EXPECT_EQ(response.error().code(),
            static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StableTextServiceTest, ACancelledStreamEndsInTheMiddle) {
  StepByStep();
  Start();
  auto stream = Open();
  for (int i = 0; i < 5; ++i) {
    stream->Write(Message(absl::StrCat(i), "abc\ndef"));
  }
  Allow(1);
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  Allow(1 << 20);
  EXPECT_TRUE(Eventually([&] { return service_->AwaitNoCalls(absl::Now()); }));
  EXPECT_EQ(models_->all()[0]->batcher().queue().sentences, 0);
}

}  // namespace
}  // namespace peregrine::server
