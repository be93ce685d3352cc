#include "server/models/models.h"

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/scheduling/sentence_group.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

class ModelSetTest : public ::testing::Test {
 protected:
  absl::Status Add(const std::string& name) {
    FakeBackend::Options options;
    options.name = name;
    return models_.Add(std::make_unique<FakeBackend>(options), {});
  }
  std::string Find(const std::string& name) {
    const auto model = models_.Find(name, "model");
    return model.ok() ? (*model)->info().name
                      : std::string(model.status().message());
  }
  // A model of this name whose sentences may be so long.
  absl::Status Replace(const std::string& name, int max_source_tokens,
                       absl::Status session_status = absl::OkStatus()) {
    FakeBackend::Options options;
    options.name = name;
    options.max_source_tokens = max_source_tokens;
    options.session_status = std::move(session_status);
    return models_.Replace(std::make_unique<FakeBackend>(options), {});
  }
  int LongestSource(const std::string& name) {
    return (*models_.Find(name, "model"))->info().max_source_tokens;
  }
  void AwaitInMemory(int count) {
    for (int i = 0; i < 1000 && models_.models_in_memory() != count; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    EXPECT_EQ(models_.models_in_memory(), count);
  }

  Metrics metrics_;
  ModelSet models_{metrics_};
};

TEST_F(ModelSetTest, TheEmptyNameIsTheOnlyModel) {
  ASSERT_TRUE(Add("b").ok());
  EXPECT_EQ(Find(""), "b");
  EXPECT_EQ(Find("b"), "b");
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(
      Find(""),
      "model: found nothing, needed where several models are served: a, b");
  EXPECT_EQ(Find("a"), "a");
}

TEST_F(ModelSetTest, UnknownNamesAreToldTheKnown) {
  ASSERT_TRUE(Add("b").ok());
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(models_.Find("c", "model").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Find("c"), "model: found \"c\", served here: a, b");
}

TEST_F(ModelSetTest, NamesAreUnique) {
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(Add("a").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(models_.all().size(), 1u);
}

TEST_F(ModelSetTest, AModelWhoseWorkersFailIsNotServed) {
  FakeBackend::Options options;
  options.session_status = absl::ResourceExhaustedError("no memory");
  EXPECT_EQ(models_.Add(std::make_unique<FakeBackend>(options), {}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(models_.all().empty());
}

TEST_F(ModelSetTest, AReplacedModelEndsWithItsLastHolder) {
  ASSERT_TRUE(Add("a").ok());
  const ServedModelPtr held = *models_.Find("a", "model");
  ASSERT_TRUE(Replace("a", 50).ok());
  EXPECT_EQ(LongestSource("a"), 50);
  EXPECT_EQ(held->info().max_source_tokens, 100);
  EXPECT_EQ(models_.models_in_memory(), 2);

  // The old one still takes what its holder brings.
  absl::Notification done;
  SentenceGroup group(1, [&] { done.Notify(); });
  Sentence sentence;
  sentence.source = {'x'};
  sentence.options.max_length = 10;
  sentence.group = &group;
  ASSERT_TRUE(held->batcher().Submit({sentence}).ok());
  done.WaitForNotification();
  EXPECT_TRUE(group.status().ok());
}

TEST_F(ModelSetTest, MemoryOfReplacedModelsIsReleased) {
  ASSERT_TRUE(Add("a").ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Replace("a", 10 + i).ok());
  EXPECT_EQ(LongestSource("a"), 29);
  AwaitInMemory(1);
}

TEST_F(ModelSetTest, TheLastHolderMayBeAWorkerOfTheModel) {
  ASSERT_TRUE(Add("a").ok());
  absl::Notification submitted, done;
  ServedModelPtr held = *models_.Find("a", "model");
  SentenceGroup group(1, [&] {
    submitted.WaitForNotification();
    held = nullptr;
    done.Notify();
  });
  Sentence sentence;
  sentence.source = {'x'};
  sentence.options.max_length = 10;
  sentence.group = &group;
  ASSERT_TRUE(held->batcher().Submit({sentence}).ok());
  ASSERT_TRUE(Replace("a", 50).ok());
  submitted.Notify();
  done.WaitForNotification();
  AwaitInMemory(1);
}

TEST_F(ModelSetTest, AFailedReplacementLeavesTheOldOne) {
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(Replace("a", 50, absl::ResourceExhaustedError("no memory")).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(LongestSource("a"), 100);
  EXPECT_EQ(Replace("b", 50).code(), absl::StatusCode::kNotFound);
  AwaitInMemory(1);
}

TEST_F(ModelSetTest, Remove) {
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(models_.Remove("a").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Add("b").ok());
  EXPECT_EQ(models_.Remove("c").code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(models_.Remove("a").ok());
  EXPECT_EQ(Find("a"), "model: found \"a\", served here: b");
  AwaitInMemory(1);
}

TEST_F(ModelSetTest, WhatComesAfterTheDrainDrainsToo) {
  ASSERT_TRUE(Add("a").ok());
  models_.Drain();
  ASSERT_TRUE(Add("b").ok());
  EXPECT_EQ((*models_.Find("b", "model"))->batcher().CheckOpen().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace peregrine::server
