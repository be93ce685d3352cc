#include "server/cache/sentence_cache.h"

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/models/models.h"
#include "server/scheduling/sentence_group.h"
#include "server/testing/fake_backend.h"
#include "server/testing/step_gate.h"

namespace peregrine::server {
namespace {

// The sentences of one request, and their answers.
class Texts {
 public:
  explicit Texts(std::vector<std::string> texts)
      : texts_(std::move(texts)),
        group_(static_cast<int>(texts_.size()), [this] { done_.Notify(); }) {}

  std::vector<Sentence> Make() {
    std::vector<Sentence> sentences;
    for (const std::string& text : texts_) {
      Sentence& sentence = sentences.emplace_back();
      sentence.source.assign(text.begin(), text.end());
      sentence.options.max_length = 100;
      sentence.options.num_hypotheses = 2;
      sentence.options.beam_size = 2;
      sentence.deadline = deadline;
      sentence.flow.id = flow;
      sentence.group = &group_;
      sentence.index = static_cast<int>(sentences.size()) - 1;
    }
    return sentences;
  }
  absl::Status Await() {
    done_.WaitForNotification();
    return group_.status();
  }
  bool is_done() const { return done_.HasBeenNotified(); }
  std::string translation(int index) {
    const auto& tokens = group_.answer(index).hypotheses[0].tokens;
    return std::string(tokens.begin(), tokens.end());
  }
  SentenceGroup& group() { return group_; }

  absl::Time deadline = absl::InfiniteFuture();
  uint64_t flow = 0;

 private:
  const std::vector<std::string> texts_;
  absl::Notification done_;
  SentenceGroup group_;
};

class SentenceCacheTest : public ::testing::Test {
 protected:
  ~SentenceCacheTest() override { gate_.Open(); }

  // What is set before Start.
  FakeBackend::Options backend_;
  ModelOptions options_;
  int64_t max_bytes_ = 1 << 20;

  void Start() {
    cache_ = std::make_unique<SentenceCache>(max_bytes_);
    models_ = std::make_unique<ModelSet>(metrics_);
    ASSERT_TRUE(
        models_->Add(std::make_unique<FakeBackend>(backend_), options_).ok());
    model_ = *models_->Find("", "model");
  }
  absl::Status Submit(Texts& texts, uint64_t scope = 0) {
    return cache_->Submit(model_, scope, texts.Make());
  }
  void Abandon(Texts& texts) {
    texts.group().Abandon();
    model_->batcher().RemoveGroup(texts.group().id());
    cache_->RemoveGroup(texts.group().id());
  }
  // Submitted, and on its way through a worker that stands at the gate.
  void SubmitAndHold(Texts& texts) {
    ASSERT_TRUE(Submit(texts).ok());
    gate_.AwaitWaiting();
  }
  std::string Translate(const std::string& text, uint64_t scope = 0) {
    Texts texts({text});
    EXPECT_TRUE(Submit(texts, scope).ok());
    EXPECT_TRUE(texts.Await().ok());
    return texts.translation(0);
  }
  int64_t decoded() {
    return model_->metrics().sentences.value(absl::StatusCode::kOk);
  }
  int64_t joined() { return model_->metrics().cache_joined.value(); }

  StepGate gate_;  // outlives the workers
  Metrics metrics_;
  std::unique_ptr<SentenceCache> cache_;
  std::unique_ptr<ModelSet> models_;
  ServedModelPtr model_;
};

TEST_F(SentenceCacheTest, AHitIsTheAnswerOfTheMissBitForBit) {
  Start();
  Texts first({"abc", "de"}), again({"de", "abc", "new"});
  ASSERT_TRUE(Submit(first).ok());
  ASSERT_TRUE(first.Await().ok());
  ASSERT_TRUE(Submit(again).ok());
  ASSERT_TRUE(again.Await().ok());
  EXPECT_EQ(decoded(), 3);
  for (int i = 0; i < 2; ++i) {
    const SentenceAnswer& miss = first.group().answer(i);
    const SentenceAnswer& hit = again.group().answer(1 - i);
    EXPECT_FALSE(miss.is_reused);
    EXPECT_TRUE(hit.is_reused);
    EXPECT_EQ(hit.source_tokens, miss.source_tokens);
    ASSERT_EQ(hit.hypotheses.size(), 2u);
    for (int n = 0; n < 2; ++n) {
      EXPECT_EQ(hit.hypotheses[n].tokens, miss.hypotheses[n].tokens);
      EXPECT_EQ(hit.hypotheses[n].score, miss.hypotheses[n].score);
      EXPECT_EQ(hit.hypotheses[n].truncated, miss.hypotheses[n].truncated);
    }
  }
  EXPECT_EQ(again.translation(2), "NEW");
  EXPECT_EQ(model_->metrics().cache_hits.value(), 2);
  EXPECT_EQ(model_->metrics().cache_misses.value(), 3);
  // The fake encodes for 1 ms and decodes for as many as there are bytes.
  EXPECT_EQ(model_->metrics().cache_saved_nanoseconds.value(), 7000000);
}

TEST_F(SentenceCacheTest, EqualSentencesOfOneRequestAreDecodedOnce) {
  Start();
  Texts texts({"abc", "de", "abc", "abc"});
  ASSERT_TRUE(Submit(texts).ok());
  ASSERT_TRUE(texts.Await().ok());
  EXPECT_EQ(texts.translation(2), "ABC");
  EXPECT_EQ(texts.translation(3), "ABC");
  EXPECT_EQ(decoded(), 2);
}

TEST_F(SentenceCacheTest, WhatIsUnderWayIsWaitedFor) {
  backend_.on_step = gate_.hook();
  Start();
  std::vector<std::unique_ptr<Texts>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<Texts>(std::vector<std::string>{"abc"}));
    ASSERT_TRUE(Submit(*all.back()).ok());
  }
  EXPECT_EQ(joined(), 99);
  gate_.Open();
  for (auto& texts : all) {
    ASSERT_TRUE(texts->Await().ok());
    EXPECT_EQ(texts->translation(0), "ABC");
  }
  EXPECT_EQ(decoded(), 1);
}

TEST_F(SentenceCacheTest, OtherFlowsScopesAndModelsDoNotWait) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"abc"}), other_flow({"abc"}), other_scope({"abc"});
  SubmitAndHold(first);
  other_flow.flow = 1;
  ASSERT_TRUE(Submit(other_flow).ok());
  ASSERT_TRUE(Submit(other_scope, 1).ok());
  EXPECT_EQ(joined(), 0);
  gate_.Open();
  EXPECT_TRUE(other_flow.Await().ok());
  EXPECT_TRUE(other_scope.Await().ok());
  EXPECT_TRUE(first.Await().ok());
  EXPECT_EQ(decoded(), 3);
  Translate("abc", 2);
  EXPECT_EQ(decoded(), 4);
}

TEST_F(SentenceCacheTest, AnotherRevisionOfTheModelTranslatesAnew) {
  Start();
  Translate("abc");
  backend_.revision = "fedcba9876543210";
  ASSERT_TRUE(
      models_->Replace(std::make_unique<FakeBackend>(backend_), options_).ok());
  model_ = *models_->Find("", "model");
  Translate("abc");
  Translate("abc");
  EXPECT_EQ(decoded(), 2);
}

TEST_F(SentenceCacheTest, OneThatIsCancelledTakesNobodyWithIt) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"abc"}), second({"abc"});
  SubmitAndHold(first);
  ASSERT_TRUE(Submit(second).ok());
  EXPECT_EQ(joined(), 1);
  Abandon(first);
  gate_.Open();
  EXPECT_TRUE(second.Await().ok());
  EXPECT_EQ(second.translation(0), "ABC");
  first.Await().IgnoreError();
  EXPECT_EQ(decoded(), 1);
}

TEST_F(SentenceCacheTest, WhatNobodyWaitsForIsDropped) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"first"}), second({"abc"}), third({"abc"});
  SubmitAndHold(first);
  ASSERT_TRUE(Submit(second).ok());
  ASSERT_TRUE(Submit(third).ok());
  Abandon(second);
  EXPECT_FALSE(second.is_done());
  Abandon(third);  // out of the queue at once
  EXPECT_EQ(second.Await().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(third.Await().code(), absl::StatusCode::kCancelled);
  gate_.Open();
  EXPECT_TRUE(first.Await().ok());
  EXPECT_EQ(decoded(), 1);
}

TEST_F(SentenceCacheTest, NobodyWaitsBeyondItsDeadline) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"abc"}), hurried({"abc"});
  SubmitAndHold(first);
  hurried.deadline = absl::Now() + absl::Seconds(30);
  ASSERT_TRUE(Submit(hurried).ok());
  EXPECT_EQ(joined(), 0);
  gate_.Open();
  EXPECT_TRUE(hurried.Await().ok());
  EXPECT_TRUE(first.Await().ok());
}

TEST_F(SentenceCacheTest, OneWithAlmostTheSameDeadlineWaits) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"abc"}), earlier({"abc"});
  first.deadline = absl::Now() + absl::Seconds(60);
  SubmitAndHold(first);
  earlier.deadline = first.deadline - absl::Seconds(1);
  ASSERT_TRUE(Submit(earlier).ok());
  EXPECT_EQ(joined(), 1);
  gate_.Open();
  EXPECT_TRUE(earlier.Await().ok());
  EXPECT_TRUE(first.Await().ok());
}

TEST_F(SentenceCacheTest, WhoWaitedForOneThatExpiredGoesAlone) {
  backend_.on_step = gate_.hook();
  Start();
  Texts first({"first"}), second({"abc"}), third({"abc"});
  SubmitAndHold(first);
  second.deadline = absl::Now() + absl::Milliseconds(300);
  ASSERT_TRUE(Submit(second).ok());
  ASSERT_TRUE(Submit(third).ok());
  EXPECT_EQ(joined(), 1);
  absl::SleepFor(second.deadline - absl::Now() + absl::Milliseconds(1));
  gate_.Open();
  EXPECT_EQ(second.Await().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(third.Await().ok());
  EXPECT_EQ(third.translation(0), "ABC");
  EXPECT_TRUE(first.Await().ok());
}

TEST_F(SentenceCacheTest, ARequestIsRefusedAsAWhole) {
  backend_.on_step = gate_.hook();
  options_.batcher.queue.max_sentences = 1;
  Start();
  Texts kept({"kept"}), first({"first"}), waiting({"waiting"});
  SubmitAndHold(first);
  ASSERT_TRUE(Submit(waiting).ok());
  Texts refused({"waiting", "more"});
  EXPECT_EQ(Submit(refused).code(), absl::StatusCode::kResourceExhausted);
  // What is there already needs no room.
  Texts joins({"waiting"});
  EXPECT_TRUE(Submit(joins).ok());
  gate_.Open();
  EXPECT_TRUE(first.Await().ok());
  EXPECT_TRUE(waiting.Await().ok());
  EXPECT_TRUE(joins.Await().ok());
  EXPECT_FALSE(refused.is_done());
}

TEST_F(SentenceCacheTest, WhatWasNotAskedForTheLongestIsDropped) {
  max_bytes_ = 8 << 10;
  Start();
  for (int i = 0; i < 100; ++i) {
    Translate("often");
    Translate("sentence " + std::to_string(i));
  }
  const CacheGauges gauges = cache_->gauges();
  EXPECT_EQ(gauges.max_bytes, max_bytes_);
  EXPECT_LE(gauges.bytes, max_bytes_);
  EXPECT_GT(gauges.bytes, max_bytes_ / 2);
  EXPECT_GT(gauges.entries, 2);
  EXPECT_EQ(gauges.entries + gauges.evictions, 101);
  EXPECT_EQ(decoded(), 101);  // "often" once
  Translate("sentence 0");
  EXPECT_EQ(decoded(), 102);
}

TEST_F(SentenceCacheTest, OneThatIsLargerThanAllIsNotKept) {
  max_bytes_ = 100;
  Start();
  Translate("abc");
  Translate("abc");
  EXPECT_EQ(decoded(), 2);
  EXPECT_EQ(cache_->gauges().entries, 0);
}

TEST_F(SentenceCacheTest, ThoseThatAreScoredOrToldAsTheyBeginGoBy) {
  Start();
  Texts plain({"abc"});
  ASSERT_TRUE(Submit(plain).ok());
  ASSERT_TRUE(plain.Await().ok());
  Texts scored({"abc"});
  std::vector<Sentence> sentences = scored.Make();
  sentences[0].target = std::vector<int32_t>{'X'};
  ASSERT_TRUE(cache_->Submit(model_, 0, std::move(sentences)).ok());
  ASSERT_TRUE(scored.Await().ok());
  EXPECT_EQ(scored.translation(0), "X");
  // What is there is told at once; what is not, is not waited for.
  Texts streamed({"abc", "de"});
  sentences = streamed.Make();
  for (Sentence& sentence : sentences) sentence.options.stream = true;
  ASSERT_TRUE(cache_->Submit(model_, 0, std::move(sentences)).ok());
  ASSERT_TRUE(streamed.Await().ok());
  EXPECT_TRUE(streamed.group().answer(0).is_reused);
  EXPECT_FALSE(streamed.group().answer(1).is_reused);
}

// Many threads, few sentences, some that give up: all are answered once, and
// whoever did not give up gets its translation.
TEST_F(SentenceCacheTest, ManyAtATime) {
  options_.batcher.num_workers = 2;
  max_bytes_ = 4 << 10;
  Start();
  std::atomic<int> wrong{0};
  const auto work = [&](int seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 200; ++i) {
      std::vector<std::string> texts;
      std::vector<std::string> expected;
      for (unsigned n = 0; n < 1 + random() % 3; ++n) {
        const char letter = static_cast<char>('a' + random() % 26);
        texts.emplace_back(4, letter);
        expected.emplace_back(4, static_cast<char>(letter - 'a' + 'A'));
      }
      Texts request(texts);
      request.flow = random() % 2;
      const bool gives_up = random() % 4 == 0;
      if (random() % 4 == 0) {
        request.deadline = absl::Now() + absl::Milliseconds(random() % 3);
      }
      if (!Submit(request).ok()) continue;
      if (gives_up) Abandon(request);
      const absl::Status status = request.Await();
      if (!status.ok()) continue;
      for (size_t n = 0; n < texts.size(); ++n) {
        wrong += request.translation(static_cast<int>(n)) != expected[n];
      }
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(model_->metrics().cache_hits.value(), 0);
  EXPECT_LE(cache_->gauges().bytes, max_bytes_);
}

}  // namespace
}  // namespace peregrine::server
