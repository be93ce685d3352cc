#include "server/models/demand_loader.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/models/models.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kBytes = 100 << 20;  // of the weights of each model

// One that waits for a model.
struct Waiting {
  absl::Notification done;
  absl::Status status;

  absl::Status Await() {
    done.WaitForNotification();
    return status;
  }
};

class DemandLoaderTest : public ::testing::Test {
 protected:
  ~DemandLoaderTest() override {
    if (!go_.HasBeenNotified()) go_.Notify();
  }

  static ModelCatalog CatalogOf(const std::vector<std::string>& names,
                                const std::string& version = "1") {
    ModelCatalog catalog;
    for (const std::string& name : names) {
      CatalogModel& model = catalog[name];
      model.directory = "/models/" + name;
      model.info.name = name;
      model.info.source_language = "en";
      model.info.target_language = name;
      model.bytes = kBytes;
      model.version = version;
    }
    return catalog;
  }

  void Start(std::vector<std::string> names, DemandOptions options = {},
             bool waits = false) {
    if (!waits) go_.Notify();
    ModelCatalog catalog = CatalogOf(names);
    if (catalog.count("broken") > 0) {
      catalog["broken"].sound = absl::InvalidArgumentError("config.json: no");
    }
    loader_ = std::make_unique<DemandLoader>(
        std::move(catalog), options,
        [this](const ModelSource& source) { return Load(source); }, models_);
  }
  absl::Status Load(const ModelSource& source) {
    ++loads_;
    go_.WaitForNotification();
    if (source.name == "bad") return absl::InvalidArgumentError("a tensor");
    FakeBackend::Options fake;
    fake.name = source.name;
    fake.weights_bytes = kBytes;
    return models_.Add(std::make_unique<FakeBackend>(fake), {});
  }
  uint64_t Ask(const std::string& name, Waiting& waiting,
               absl::Time deadline = absl::InfiniteFuture()) {
    const uint64_t id = loader_->NewWaiter();
    loader_->Await(id, name, deadline, [&waiting](const absl::Status& status) {
      waiting.status = status;
      waiting.done.Notify();
    });
    return id;
  }
  absl::Status LoadNow(const std::string& name) {
    Waiting waiting;
    Ask(name, waiting);
    return waiting.Await();
  }
  bool IsServed(const std::string& name) {
    return models_.Find(name, "model").ok();
  }
  int64_t Unloads(const std::string& name, const std::string& reason) {
    auto unloads = loader_->counts().unloads;
    return unloads[{name, reason}];
  }

  std::atomic<int> loads_{0};
  absl::Notification go_;  // the models that are being loaded
  Metrics metrics_;
  ModelSet models_{metrics_};
  std::unique_ptr<DemandLoader> loader_;
};

TEST_F(DemandLoaderTest, LoadsWhatIsAskedFor) {
  Start({"de", "fr"});
  EXPECT_TRUE(models_.all().empty());
  EXPECT_TRUE(models_.CheckKnown("de", "model").ok());
  EXPECT_EQ(models_.routes()->List("").size(), 3u);
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_TRUE(IsServed("de"));
  EXPECT_FALSE(IsServed("fr"));
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_EQ(loads_, 1);
}

TEST_F(DemandLoaderTest, ThousandsThatWaitCauseOneLoad) {
  Start({"de"}, {}, /*waits=*/true);
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 2000; ++i) {
    all.push_back(std::make_unique<Waiting>());
    Ask("de", *all.back());
  }
  EXPECT_EQ(loader_->counts().waiting, 2000);
  go_.Notify();
  for (const auto& waiting : all) EXPECT_TRUE(waiting->Await().ok());
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(loader_->counts().waiting, 0);
}

TEST_F(DemandLoaderTest, DeadlinesAndCancellationsDoNotWaitForTheLoad) {
  Start({"de"}, {}, /*waits=*/true);
  Waiting patient, hurried, cancelled;
  Ask("de", patient);
  Ask("de", hurried, absl::Now() + absl::Milliseconds(20));
  const uint64_t id = Ask("de", cancelled);
  EXPECT_EQ(hurried.Await().code(), absl::StatusCode::kDeadlineExceeded);
  loader_->Cancel(id);
  EXPECT_EQ(cancelled.Await().code(), absl::StatusCode::kCancelled);
  loader_->Cancel(id);
  EXPECT_FALSE(patient.done.HasBeenNotified());
  go_.Notify();
  EXPECT_TRUE(patient.Await().ok());
}

TEST_F(DemandLoaderTest, WhatDoesNotFitTogetherIsRefusedOnceItIsKnown) {
  DemandOptions options;
  options.max_bytes = kBytes * 3 / 2;
  Start({"de", "fr"}, options);
  EXPECT_TRUE(loader_->CheckTogether({"de", "fr"}).ok());
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_TRUE(LoadNow("fr").ok());
  EXPECT_TRUE(loader_->CheckTogether({"de"}).ok());
  const absl::Status status = loader_->CheckTogether({"de", "fr"});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("de, fr, which the request takes together, need 200 "
                        "MiB, allowed 150"));
}

TEST_F(DemandLoaderTest, ModelsComeChangeAndGo) {
  Start({"de", "fr", "nl", "broken"});
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_TRUE(LoadNow("fr").ok());
  EXPECT_TRUE(LoadNow("nl").ok());
  EXPECT_FALSE(LoadNow("broken").ok());
  ModelCatalog now = CatalogOf({"de", "broken"}, "2");
  now.merge(CatalogOf({"nl", "it"}));
  loader_->SetCatalog(std::move(now));
  EXPECT_FALSE(IsServed("de"));
  EXPECT_EQ(Unloads("de", "changed"), 1);
  EXPECT_FALSE(IsServed("fr"));
  EXPECT_FALSE(models_.CheckKnown("fr", "model").ok());
  EXPECT_EQ(LoadNow("fr").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(IsServed("nl"));
  EXPECT_EQ(loader_->counts().catalog, 4);
  EXPECT_EQ(loads_, 3);
  for (const char* name : {"de", "it", "broken"}) {  // mended
    EXPECT_TRUE(LoadNow(name).ok()) << name;
  }
  EXPECT_EQ(loads_, 6);
}

TEST_F(DemandLoaderTest, WhatChangesWhileItIsLoadedIsLoadedAgain) {
  Start({"de"}, {}, /*waits=*/true);
  Waiting waiting;
  Ask("de", waiting);
  while (loads_ == 0) absl::SleepFor(absl::Milliseconds(1));
  loader_->SetCatalog(CatalogOf({"de"}, "2"));
  go_.Notify();
  EXPECT_TRUE(waiting.Await().ok());
  EXPECT_TRUE(IsServed("de"));
  EXPECT_EQ(loads_, 2);
}

TEST_F(DemandLoaderTest, FailuresAreToldAndNotTriedAtOnceAgain) {
  Start({"bad", "broken"});
  const absl::Status status = LoadNow("bad");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("model: \"bad\" cannot be loaded: a tensor"));
  EXPECT_EQ(LoadNow("bad"), status);
  EXPECT_EQ(loads_, 1);
  EXPECT_THAT(std::string(LoadNow("broken").message()),
              HasSubstr("config.json: no"));
  EXPECT_EQ(loads_, 1);
}

TEST_F(DemandLoaderTest, TheLongestUnusedMakesRoom) {
  DemandOptions options;
  options.max_bytes = 2 * kBytes;
  Start({"cs", "de", "fr"}, options);
  EXPECT_TRUE(LoadNow("cs").ok());
  EXPECT_TRUE(LoadNow("de").ok());
  absl::SleepFor(absl::Milliseconds(2));
  (*models_.Find("cs", "model"))->Touch();
  EXPECT_TRUE(LoadNow("fr").ok());
  EXPECT_TRUE(IsServed("fr"));
  EXPECT_TRUE(IsServed("cs"));
  EXPECT_FALSE(IsServed("de"));
  EXPECT_EQ(Unloads("de", "memory"), 1);
  EXPECT_LE(models_.bytes_in_memory(), options.max_bytes);
}

TEST_F(DemandLoaderTest, RequestsKeepTheModelThatMakesRoomForAnother) {
  DemandOptions options;
  options.max_bytes = kBytes;
  Start({"de", "fr"}, options);
  EXPECT_TRUE(LoadNow("de").ok());
  ServedModelPtr held = *models_.Find("de", "model");
  Waiting waiting;
  Ask("fr", waiting);
  for (int i = 0; i < 500 && IsServed("de"); ++i) {
    absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_FALSE(IsServed("de"));
  EXPECT_FALSE(waiting.done.HasBeenNotified());
  EXPECT_EQ(loads_, 1);
  held.reset();
  EXPECT_TRUE(waiting.Await().ok());
}

TEST_F(DemandLoaderTest, WhatCannotFitIsRefused) {
  DemandOptions options;
  options.max_bytes = kBytes / 2;
  Start({"de"}, options);
  const absl::Status status = LoadNow("de");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("needs 100 MiB, found 50 of 50"));
  EXPECT_EQ(loads_, 0);
}

TEST_F(DemandLoaderTest, IdleModelsGo) {
  DemandOptions options;
  options.idle = absl::Minutes(1);
  Start({"de", "fr"}, options);
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_TRUE(LoadNow("fr").ok());
  loader_->UnloadIdle(absl::Now());
  EXPECT_TRUE(IsServed("de"));
  const ServedModelPtr held = *models_.Find("fr", "model");
  loader_->UnloadIdle(absl::Now() + absl::Minutes(2));
  EXPECT_FALSE(IsServed("de"));
  EXPECT_TRUE(IsServed("fr"));  // a request has it
  EXPECT_EQ(Unloads("de", "idle"), 1);
  EXPECT_TRUE(LoadNow("de").ok());
  EXPECT_EQ(loads_, 3);
}

TEST_F(DemandLoaderTest, DrainingTellsThoseWhoWait) {
  Start({"de"}, {}, /*waits=*/true);
  Waiting first, second;
  Ask("de", first);
  loader_->Drain();
  EXPECT_EQ(first.Await().code(), absl::StatusCode::kUnavailable);
  Ask("de", second);
  EXPECT_EQ(second.Await().code(), absl::StatusCode::kUnavailable);
}

// Threads that ask, give up and run into deadlines, while models come and go.
TEST_F(DemandLoaderTest, ManyAtATime) {
  DemandOptions options;
  options.max_bytes = 2 * kBytes;
  options.idle = absl::ZeroDuration();
  Start({"cs", "de", "fr"}, options);
  const auto work = [&](int seed) {
    const std::string names[] = {"cs", "de", "fr"};
    for (int i = 0; i < 60; ++i) {
      Waiting waiting;
      const bool is_short = (seed + i) % 5 == 0;
      const uint64_t id = Ask(names[(seed + i) % 3], waiting,
                              is_short ? absl::Now() + absl::Microseconds(200)
                                       : absl::InfiniteFuture());
      if ((seed + i) % 7 == 0) loader_->Cancel(id);
      waiting.Await().IgnoreError();
      if ((seed + i) % 11 == 0) loader_->UnloadIdle(absl::Now());
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(loader_->counts().waiting, 0);
  EXPECT_LE(models_.bytes_in_memory(), options.max_bytes);
}

}  // namespace
}  // namespace peregrine::server
