#include "client/bulk_translation.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/fake_translation_server.h"
#include "client/translation_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ServerStream = grpc::ServerReaderWriter<v1::TranslateStreamResponse,
                                              v1::TranslateStreamRequest>;

std::vector<std::string> NumberedTexts(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(absl::StrCat("t", i));
  return texts;
}

// A fixed list; then either the end or a wait for Stop.
class ListSource final : public TextSource {
 public:
  explicit ListSource(std::vector<std::string> texts, bool endless = false)
      : texts_(std::move(texts)), endless_(endless) {}

  bool Next(std::string* text) override {
    if (num_read_ < static_cast<int>(texts_.size())) {
      *text = texts_[static_cast<std::size_t>(num_read_++)];
      return true;
    }
    if (endless_) stopped_.WaitForNotification();
    return false;
  }
  void Stop() override { stopped_.Notify(); }
  int num_read() const { return num_read_; }

 private:
  const std::vector<std::string> texts_;
  const bool endless_;
  std::atomic<int> num_read_{0};
  absl::Notification stopped_;
};

// What a run gave out: "<t0>", or the code of an error.
struct Collected {
  std::vector<std::string> texts;
  absl::Status Take(const BulkResult& result) {
    EXPECT_EQ(result.index, static_cast<std::int64_t>(texts.size()));
    texts.push_back(
        result.translation.ok()
            ? result.translation->hypotheses(0).text()
            : absl::StatusCodeToString(result.translation.status().code()));
    return absl::OkStatus();
  }
};

std::vector<std::string> Translated(const std::vector<std::string>& texts) {
  std::vector<std::string> translated;
  for (const std::string& text : texts) {
    translated.push_back(absl::StrCat("<", text, ">"));
  }
  return translated;
}

class BulkTranslationTest : public testing::Test {
 protected:
  BulkTranslationTest() {
    options_.retry_policy.first_pause = absl::Milliseconds(1);
    options_.retry_policy.longest_pause = absl::Milliseconds(5);
  }

  absl::Status Run(ListSource* source) {
    const TranslationClient client(server_.address());
    const auto bulk = client.TranslateBulk(settings_, options_);
    return bulk->Run(source, [this](const BulkResult& result) {
      return collected_.Take(result);
    });
  }

  void ExpectLeavesAServerWhoseTextsEnd(grpc::StatusCode code);

  FakeTranslationServer server_;
  TranslationSettings settings_;
  BulkOptions options_;
  Collected collected_;
};

TEST_F(BulkTranslationTest, NothingToTranslateOpensNoStream) {
  ListSource source({});
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(server_.num_streams(), 0);
}

TEST_F(BulkTranslationTest, TellsHowTheOldestBeginsAndAnewOnAnotherStream) {
  std::atomic<int> streams{0};
  absl::Notification seen;
  server_.SetStreamHandler([&](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    const bool is_first = streams++ == 0;
    while (stream->Read(&request)) {
      EXPECT_TRUE(request.return_stable_text());
      stream->Write(FakeTranslationServer::MakeStable(request, 0, "<t"));
      if (is_first) {
        seen.WaitForNotification();
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
      }
      // What does not follow is passed over.
      stream->Write(FakeTranslationServer::MakeStable(request, 7, "x"));
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  std::vector<std::string> beginnings;
  options_.on_beginning = [&](const BulkBeginning& beginning) {
    EXPECT_EQ(beginning.index,
              static_cast<std::int64_t>(collected_.texts.size()));
    EXPECT_EQ(beginning.text, absl::StrCat("t", beginning.index));
    beginnings.push_back(beginning.translation);
    if (!seen.HasBeenNotified()) seen.Notify();
    return absl::OkStatus();
  };
  const auto texts = NumberedTexts(3);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
  ASSERT_GE(beginnings.size(), 1u);
  for (const std::string& beginning : beginnings) EXPECT_EQ(beginning, "<t");
}

TEST_F(BulkTranslationTest, TranslatesMoreThanTheWindowHolds) {
  options_.max_in_flight = 8;
  const auto texts = NumberedTexts(1000);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
  EXPECT_EQ(server_.num_streams(), 1);
}

TEST_F(BulkTranslationTest, SendsTheSettingsWithEachText) {
  settings_.model = "fake";
  settings_.single_sentence = true;
  settings_.decoding.set_num_hypotheses(3);
  settings_.priority = v1::PRIORITY_BULK;
  options_.text_timeout = absl::Milliseconds(1500);
  std::vector<v1::TranslateStreamRequest> requests;
  server_.SetStreamHandler([&requests](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
      requests.push_back(request);
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  ListSource source({"a", "b"});
  EXPECT_TRUE(Run(&source).ok());
  ASSERT_EQ(requests.size(), 2u);
  for (const auto& request : requests) {
    EXPECT_EQ(request.model(), "fake");
    EXPECT_TRUE(request.single_sentence());
    EXPECT_EQ(request.text().options().num_hypotheses(), 3);
    EXPECT_FALSE(request.text().options().has_beam_size());
    EXPECT_EQ(request.priority(), v1::PRIORITY_BULK);
    EXPECT_EQ(request.timeout().seconds(), 1);
    EXPECT_EQ(request.timeout().nanos(), 500'000'000);
  }
}

// A server says it of the answer, or, where each text has its own, of the text.
TEST_F(BulkTranslationTest, TellsWhoTranslatedEach) {
  server_.SetStreamHandler([](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
      v1::TranslateStreamResponse answer =
          FakeTranslationServer::MakeAnswer(request);
      if (request.text().text() == "a") {
        answer.set_model("fr-de");
        answer.set_revision("12");
        answer.set_target_language("de");
        answer.mutable_pivot()->set_model("fr-en");
      } else {
        answer.mutable_translation()->mutable_route()->set_model("own");
      }
      stream->Write(answer);
    }
    return grpc::Status::OK;
  });
  std::vector<v1::TextRoute> routes;
  ListSource source({"a", "b"});
  const TranslationClient client(server_.address());
  EXPECT_TRUE(client.TranslateBulk(settings_, options_)
                  ->Run(&source,
                        [&routes](const BulkResult& result) {
                          routes.push_back(result.translation->route());
                          return absl::OkStatus();
                        })
                  .ok());
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].model(), "fr-de");
  EXPECT_EQ(routes[0].revision(), "12");
  EXPECT_EQ(routes[0].target_language(), "de");
  EXPECT_EQ(routes[0].pivot().model(), "fr-en");
  EXPECT_EQ(routes[1].model(), "own");
  EXPECT_FALSE(routes[1].has_pivot());
}

// The server answers each ten backwards.
TEST_F(BulkTranslationTest, PutsAnswersBackInOrder) {
  server_.SetStreamHandler([](ServerStream* stream) {
    std::vector<v1::TranslateStreamRequest> held;
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
      held.push_back(request);
      if (held.size() < 10) continue;
      std::reverse(held.begin(), held.end());
      for (const auto& one : held) {
        stream->Write(FakeTranslationServer::MakeAnswer(one));
      }
      held.clear();
    }
    return grpc::Status::OK;
  });
  options_.max_in_flight = 20;
  const auto texts = NumberedTexts(100);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
}

// A server that sits on the first text must not make the client read on.
TEST_F(BulkTranslationTest, ReadsNoMoreThanTheWindowAheadOfTheOldest) {
  absl::Notification release;
  server_.SetStreamHandler([&release](ServerStream* stream) {
    v1::TranslateStreamRequest first;
    v1::TranslateStreamRequest request;
    if (!stream->Read(&first)) return grpc::Status::OK;
    for (int i = 1; i < 16 && stream->Read(&request); ++i) {
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    release.WaitForNotification();
    stream->Write(FakeTranslationServer::MakeAnswer(first));
    while (stream->Read(&request)) {
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  options_.max_in_flight = 16;
  const auto texts = NumberedTexts(200);
  ListSource source(texts);
  absl::Status status;
  std::thread run([&] { status = Run(&source); });
  while (source.num_read() < 16) absl::SleepFor(absl::Milliseconds(1));
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(source.num_read(), 16);
  release.Notify();
  run.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(collected_.texts, Translated(texts));
}

// As at a terminal: an answer must not wait for the next line.
TEST_F(BulkTranslationTest, GivesOutWhileTheSourceBlocks) {
  ListSource source({"a"}, /*endless=*/true);
  const TranslationClient client(server_.address());
  const auto bulk = client.TranslateBulk(settings_, options_);
  absl::Notification given_out;
  absl::Status status;
  std::thread run([&] {
    status = bulk->Run(&source, [&](const BulkResult&) {
      given_out.Notify();
      return absl::OkStatus();
    });
  });
  EXPECT_TRUE(given_out.WaitForNotificationWithTimeout(absl::Seconds(10)));
  bulk->Cancel();
  run.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(BulkTranslationTest, FailedTextsStandInTheirPlace) {
  server_.SetStreamHandler([](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
      stream->Write(request.text().text() == "bad"
                        ? FakeTranslationServer::MakeError(request, 3, "no")
                        : FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  options_.max_text_bytes = 5;
  ListSource source({"a", "bad", "toolong", "\xff", "b"});
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_THAT(collected_.texts,
              ElementsAre("<a>", "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                          "INVALID_ARGUMENT", "<b>"));
}

// Not one fit text, many more than the window holds, and no call at all.
TEST_F(BulkTranslationTest, UnfitTextsDoNotBlock) {
  options_.max_in_flight = 4;
  ListSource source(std::vector<std::string>(100, "\xff"));
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts,
            std::vector<std::string>(100, "INVALID_ARGUMENT"));
  EXPECT_EQ(server_.num_streams(), 0);
}

TEST_F(BulkTranslationTest, SendsAgainWhatMetAFullQueue) {
  std::atomic<int> refused{0};
  server_.SetStreamHandler([&refused](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    for (int i = 0; stream->Read(&request); ++i) {
      if (i % 3 == 0 && refused < 20) {
        ++refused;
        stream->Write(FakeTranslationServer::MakeError(request, 8, "full"));
      } else {
        stream->Write(FakeTranslationServer::MakeAnswer(request));
      }
    }
    return grpc::Status::OK;
  });
  const auto texts = NumberedTexts(100);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(server_.num_streams(), 1);
}

// Every stream breaks after 30 answers, as in a rolling restart; a server that
// ends before it has answered cancels.
TEST_F(BulkTranslationTest, GoesOnInANewStreamWhereTheOldOneBroke) {
  std::atomic<int> streams{0};
  server_.SetStreamHandler([&streams](ServerStream* stream) {
    const auto code = ++streams % 2 == 0 ? grpc::StatusCode::UNAVAILABLE
                                         : grpc::StatusCode::CANCELLED;
    v1::TranslateStreamRequest request;
    for (int i = 0; stream->Read(&request); ++i) {
      if (i == 30) return grpc::Status(code, "restarting");
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  const auto texts = NumberedTexts(100);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
  EXPECT_EQ(streams, 4);
}

// Of the first stream all texts but three get this error: they must go into
// another stream.
void BulkTranslationTest::ExpectLeavesAServerWhoseTextsEnd(
    grpc::StatusCode code) {
  std::atomic<int> streams{0};
  server_.SetStreamHandler([&streams, code](ServerStream* stream) {
    const bool ends = ++streams == 1;
    v1::TranslateStreamRequest request;
    for (int i = 0; stream->Read(&request); ++i) {
      stream->Write(
          ends && i >= 3
              ? FakeTranslationServer::MakeError(request, code, "ending")
              : FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  const auto texts = NumberedTexts(50);
  ListSource source(texts);
  EXPECT_TRUE(Run(&source).ok());
  EXPECT_EQ(collected_.texts, Translated(texts));
  EXPECT_EQ(streams, 2);
  EXPECT_EQ(server_.num_streams(), 2);
}

TEST_F(BulkTranslationTest, LeavesAServerThatCancelsItsTexts) {
  ExpectLeavesAServerWhoseTextsEnd(grpc::StatusCode::CANCELLED);
}

// It answers what it has and refuses the rest.
TEST_F(BulkTranslationTest, LeavesADrainingServer) {
  ExpectLeavesAServerWhoseTextsEnd(grpc::StatusCode::UNAVAILABLE);
}

TEST_F(BulkTranslationTest, GivesUpOnAServerThatNeverAnswers) {
  server_.SetStreamHandler([](ServerStream*) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down");
  });
  options_.retry_policy.max_attempts = 3;
  ListSource source({"a"}, /*endless=*/true);
  EXPECT_EQ(Run(&source), absl::UnavailableError("down"));
  EXPECT_EQ(server_.num_streams(), 3);
}

TEST_F(BulkTranslationTest, EndsAtOnceOnALastingError) {
  server_.SetStreamHandler([](ServerStream*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not you");
  });
  ListSource source({"a", "b"});
  EXPECT_EQ(Run(&source), absl::PermissionDeniedError("not you"));
  EXPECT_EQ(server_.num_streams(), 1);
}

// What came before it is given out, and the run does not go on for ever.
TEST_F(BulkTranslationTest, EndsAtATextThatBreaksEveryStream) {
  server_.SetStreamHandler([](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
      if (request.text().text() == "poison") {
        return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too large");
      }
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
    return grpc::Status::OK;
  });
  options_.max_in_flight = 1;
  options_.retry_policy.max_attempts = 3;
  ListSource source({"a", "poison", "b"});
  EXPECT_TRUE(absl::IsResourceExhausted(Run(&source)));
  EXPECT_THAT(collected_.texts, ElementsAre("<a>"));
}

TEST_F(BulkTranslationTest, ObeysTheDeadline) {
  server_.SetStreamHandler([](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  });
  options_.deadline = absl::Now() + absl::Milliseconds(100);
  ListSource source({"a"}, /*endless=*/true);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run(&source)));
}

TEST_F(BulkTranslationTest, ASinksErrorEndsTheRun) {
  for (const int failing : {0, 5, 9}) {
    ListSource source(NumberedTexts(10));
    const TranslationClient client(server_.address());
    const auto bulk = client.TranslateBulk(settings_, options_);
    const absl::Status status =
        bulk->Run(&source, [failing](const BulkResult& result) {
          return result.index == failing ? absl::DataLossError("disk full")
                                         : absl::OkStatus();
        });
    EXPECT_EQ(status, absl::DataLossError("disk full"));
  }
}

}  // namespace
}  // namespace peregrine::client
