#ifndef PEREGRINE_SERVER_MODELS_DEMAND_LOADER_H_
#define PEREGRINE_SERVER_MODELS_DEMAND_LOADER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/metrics/metrics.h"
#include "server/models/model_catalog.h"
#include "server/models/models.h"

namespace peregrine::server {

struct DemandOptions {
  int64_t max_bytes = 0;  // of the weights of all models; 0: any
  // Models of the catalog that nobody used for so long are unloaded.
  absl::Duration idle = absl::InfiniteDuration();
};

// Loads models of a catalog when a request asks for them, one after the other,
// and unloads those that were not used the longest where memory is needed, or
// that were idle. However many requests wait for a model, it is loaded once,
// and each is told in time when its deadline passes. A model that failed is not
// tried again for some seconds. Thread-safe; no callback under a lock.
class DemandLoader {
 public:
  // Loads a model and serves it.
  using Load = std::function<absl::Status(const ModelSource& source)>;
  using Done = std::function<void(const absl::Status&)>;

  // `models`, which must outlive the loader, is given the catalog.
  DemandLoader(ModelCatalog catalog, DemandOptions options, Load load,
               ModelSet& models);
  // Waits for the model that is being loaded.
  ~DemandLoader();

  // Other models can be loaded from here on. What is in memory of those that
  // are gone or changed is unloaded: requests that have it keep it.
  void SetCatalog(ModelCatalog catalog) ABSL_LOCKS_EXCLUDED(mutex_);

  // RESOURCE_EXHAUSTED: these, of which one request needs all at a time, are
  // known not to fit into the memory for models together.
  absl::Status CheckTogether(const std::set<std::string>& names) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // A number for one who is about to wait.
  uint64_t NewWaiter() { return next_waiter_++; }

  // Calls `done` once, perhaps before this returns: with OK, the model was
  // served a moment ago; with the error of its loading; DEADLINE_EXCEEDED,
  // CANCELLED or UNAVAILABLE (draining). The name is one of the catalog.
  void Await(uint64_t waiter, absl::string_view name, absl::Time deadline,
             Done done) ABSL_LOCKS_EXCLUDED(mutex_);

  // One that waits is told so now; one that does not, is not there any more.
  void Cancel(uint64_t waiter) ABSL_LOCKS_EXCLUDED(mutex_);

  // Every now and then.
  void UnloadIdle(absl::Time now);

  // Whoever waits is told UNAVAILABLE.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  DemandCounts counts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiter {
    uint64_t id = 0;
    absl::Time deadline;
    Done done;
  };
  struct Failure {
    absl::Status status;
    absl::Time forget;
  };

  void RunLoader() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunClock() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadOne(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadFrom(const std::string& name, const CatalogModel& model)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Unloads until so many bytes have room.
  absl::Status MakeRoom(const std::string& name, int64_t bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Of those but `kept`. False: there is none.
  bool UnloadOldest(absl::string_view kept) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status NoRoomError(const std::string& name, int64_t bytes,
                           int64_t room) const;
  // A model takes other room than was thought: makes up for it.
  absl::Status CorrectRoom(const ServedModelPtr& model);
  bool IsAwaited(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<Waiter> TakeExpired(absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const DemandOptions options_;
  const Load load_;
  ModelSet& models_;
  std::atomic<uint64_t> next_waiter_{1};

  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> wanted_ ABSL_GUARDED_BY(mutex_);  // the next first
  std::map<std::string, std::vector<Waiter>, std::less<>> waiters_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Failure, std::less<>> failures_ ABSL_GUARDED_BY(mutex_);
  // Of the weights, of models that were loaded before.
  std::map<std::string, int64_t, std::less<>> known_bytes_
      ABSL_GUARDED_BY(mutex_);
  DemandCounts counts_ ABSL_GUARDED_BY(mutex_);
  std::thread clock_;
  std::thread loader_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_DEMAND_LOADER_H_
