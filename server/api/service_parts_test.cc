// Requests whose texts are in several languages: each goes to the model of its
// own, and they are answered, refused and taken back together.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

constexpr char kEnglish[] = "The old house stands by the river, near a bridge.";
constexpr char kFrench[] = "Les voisins repeignent leur cuisine ce week-end.";

constexpr char kGerman[] =
    "Am Wochenende streichen die Nachbarn ihre Küche neu.";

class ServicePartsTest : public ServiceTest {
 protected:
  // From English and from French.
  void StartBoth() {
    backend_.languages = {{"eng_Latn", 1}, {"deu_Latn", 2}};
    Start({"english"});
    FakeBackend::Options french = backend_;
    french.name = "french";
    french.languages = {{"fra_Latn", 1}, {"deu_Latn", 2}};
    french.on_step = french_step_;
    ASSERT_TRUE(
        models_->Add(std::make_unique<FakeBackend>(french), model_options_)
            .ok());
  }
  static v1::TranslateRequest Both(std::vector<std::string> texts = {kEnglish,
                                                                     kFrench}) {
    v1::TranslateRequest request = Request(texts);
    request.set_source_language("auto");
    request.set_target_language("de");
    return request;
  }
  int64_t RequestsOf(const char* model, absl::StatusCode code) {
    return (*models_->Find(model, "model"))->metrics().requests.value(code);
  }

  std::function<void()> french_step_ = [] {};
};

TEST_F(ServicePartsTest, EachTextGoesToItsModel) {
  StartBoth();
  const v1::TranslateResponse response =
      TranslateOk(Both({kFrench, kEnglish, "12", kFrench}));
  ASSERT_EQ(response.translations_size(), 4);
  EXPECT_EQ(response.model(), "");
  const auto route = [&](int i) { return response.translations(i).route(); };
  EXPECT_EQ(route(0).model(), "french");
  EXPECT_EQ(route(1).model(), "english");
  EXPECT_EQ(route(1).target_language(), "deu_Latn");
  EXPECT_NE(route(3).revision(), "");
  EXPECT_THAT(response.translations(1).hypotheses(0).text(),
              HasSubstr("THE OLD HOUSE"));
  EXPECT_THAT(response.translations(3).hypotheses(0).text(),
              HasSubstr("LES VOISINS"));
  EXPECT_EQ(response.translations(3).detected().language(), "fra_Latn");
  EXPECT_EQ(RequestsOf("english", absl::StatusCode::kOk), 1);
  EXPECT_EQ(RequestsOf("french", absl::StatusCode::kOk), 1);

  const v1::TranslateResponse one = TranslateOk(Both({kFrench, kFrench}));
  EXPECT_EQ(one.model(), "french");
  EXPECT_FALSE(one.translations(0).has_route());
}

TEST_F(ServicePartsTest, WhatIsInTheTargetLanguageStays) {
  StartBoth();
  const v1::TranslateResponse response = TranslateOk(Both({kGerman, kFrench}));
  const v1::Translation& kept = response.translations(0);
  EXPECT_EQ(kept.hypotheses(0).text(), kGerman);
  EXPECT_THAT(kept.flags(), ::testing::ElementsAre(v1::FLAG_SOURCE_COPIED));
  EXPECT_EQ(kept.detected().language(), "de");
  EXPECT_TRUE(kept.has_route());
  EXPECT_EQ(kept.route().model(), "");
  EXPECT_EQ(response.translations(1).route().model(), "french");
  EXPECT_EQ(TranslateOk(Both({kGerman})).translations(0).hypotheses(0).text(),
            kGerman);
  EXPECT_THAT(Refused(Both(std::vector<std::string>(1025, kGerman))),
              HasSubstr("texts: found 1025, allowed 1 to 1024"));
}

TEST_F(ServicePartsTest, ChecksAreOfTheWholeRequest) {
  StartBoth();
  v1::TranslateRequest request = Both();
  request.mutable_texts(1)->mutable_options()->set_beam_size(99);
  EXPECT_THAT(Refused(request), HasSubstr("texts[1].options.beam_size"));
  std::vector<std::string> many(21, kEnglish);
  many[20] = kFrench;
  EXPECT_THAT(Refused(Both(many)),
              HasSubstr("texts: found 21, allowed 1 to 20"));
  EXPECT_EQ(RequestsOf("english", absl::StatusCode::kOk), 0);
}

TEST_F(ServicePartsTest, AFullQueueOfOneRefusesAll) {
  french_step_ = gate_.hook();
  batcher_.queue.max_sentences = 1;
  StartBoth();
  v1::TranslateRequest french = Both({kFrench});
  std::thread live([&] { TranslateOk(french); });
  gate_.AwaitWaiting();
  std::thread waiting([&] { TranslateOk(french); });
  const auto queue = [&] {
    return (*models_->Find("french", "model"))->batcher().queue().sentences;
  };
  ASSERT_TRUE(Eventually([&] { return queue() == 1; }));
  v1::TranslateResponse response;
  EXPECT_EQ(Translate(Both(), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  gate_.Open();
  live.join();
  waiting.join();
  EXPECT_EQ(TranslateOk(Both()).translations_size(), 2);
}

TEST_F(ServicePartsTest, CancellationIsOfAllParts) {
  french_step_ = gate_.hook();
  StartBoth();
  grpc::ClientContext context;
  std::thread canceller([&] {
    gate_.AwaitWaiting();
    context.TryCancel();
  });
  v1::TranslateResponse response;
  EXPECT_EQ(stub_->Translate(&context, Both(), &response).error_code(),
            grpc::StatusCode::CANCELLED);
  canceller.join();
  gate_.Open();
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(10)));
}

// A third of them cancelled, a third out of time.
TEST_F(ServicePartsTest, SurvivesLoadWithCancellation) {
  backend_.on_step = [] { absl::SleepFor(absl::Microseconds(20)); };
  french_step_ = [] { absl::SleepFor(absl::Microseconds(60)); };
  batcher_.num_workers = 2;
  batcher_.queue.max_sentences = 12;
  StartBoth();
  const auto client = [&](int seed) {
    for (int i = 0; i < 30; ++i) {
      grpc::ClientContext context;
      const int kind = (seed + i) % 3;
      if (kind == 1) {
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(700 * (i % 20)));
      }
      std::thread canceller;
      if (kind == 2) {
        canceller = std::thread([&] {
          absl::SleepFor(absl::Microseconds(300 * (i % 30)));
          context.TryCancel();
        });
      }
      v1::TranslateResponse response;
      if (stub_->Translate(&context, Both(), &response).ok()) {
        EXPECT_EQ(response.translations(1).route().model(), "french");
      }
      if (canceller.joinable()) canceller.join();
    }
  };
  std::vector<std::thread> clients;
  for (int seed = 0; seed < 6; ++seed) clients.emplace_back(client, seed);
  for (std::thread& thread : clients) thread.join();
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(10)));
  for (const ServedModelPtr& model : models_->all()) {
    EXPECT_EQ(model->batcher().queue().sentences, 0);
  }
  EXPECT_GT(RequestsOf("french", absl::StatusCode::kOk), 10);
}

}  // namespace
}  // namespace peregrine::server
