#ifndef PEREGRINE_SERVER_METRICS_METRICS_H_
#define PEREGRINE_SERVER_METRICS_METRICS_H_

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/backend/model_backend.h"
#include "server/metrics/metric_types.h"

namespace peregrine::server {

// What to know before trusting a translation.
enum class TranslationFlag {
  kTruncated,
  kRepetition,
  kUnknownSource,
  kSourceSplit,
  kSpanLost,
  kNumbersDiffer,
  kSourceCopied,
  kEmpty
};
inline constexpr int kTranslationFlags = 8;

// What is observed of one served model. The members are written from any
// thread; their names for Prometheus are in metrics.cc. There is no metric of
// padding: batches are packed and have none.
struct ModelMetrics {
  // Translations by what is to be known of them.
  std::array<Counter, kTranslationFlags> flagged;
  OutcomeCounter requests;
  Counter pivot_requests;  // of these, the last of two models in a row
  OutcomeCounter sentences;
  Histogram request_seconds{LatencyBounds()};

  // Of sentences that were translated.
  Histogram queue_seconds{LatencyBounds()};
  Histogram encode_seconds{LatencyBounds()};
  Histogram decode_seconds{LatencyBounds()};
  Histogram output_token_seconds{TokenLatencyBounds()};
  Counter source_tokens;
  Counter target_tokens;

  Histogram admission_tokens{PowersOfTwo(32768)};
  Histogram step_rows{PowersOfTwo(4096)};
  Counter worker_busy_nanoseconds;
  Counter lost_workers;  // whose device failed

  // Sentences by what the cache of translations had for them: an answer, one
  // that was on its way, or nothing. What it had took so long to make.
  Counter cache_hits;
  Counter cache_joined;
  Counter cache_misses;
  Counter cache_saved_nanoseconds;
};

// Read at each scrape.
struct QueueGauges {
  int sentences = 0;
  int source_tokens = 0;
  absl::Duration oldest_age;
  absl::Duration usual_deadline = absl::InfiniteDuration();  // none has one
  int workers = 0;  // that work: not those whose device failed
};

// What the flags allow, for dashboards to compare with what is there.
struct ModelCapacity {
  int workers = 0;
  int queue_sentences = 0;
  int queue_source_tokens = 0;
  int batch_rows = 0;           // of one worker
  int batch_source_tokens = 0;  // likewise
};

// Likewise, of one client.
struct ClientCounts {
  std::string name;
  const OutcomeCounter* requests = nullptr;  // outlives the reading
  std::shared_ptr<void> owner;               // of the counter
};

// Likewise, of the server.
struct ServerState {
  bool ready = false;
  bool draining = false;
  int calls = 0;    // open, streams included
  int streams = 0;  // open
  int max_calls = 0;
  int64_t dropped_log_lines = 0;
  int64_t shed_connections = 0;
  int64_t failed_token_reads = 0;
  absl::Time certificate_end = absl::InfiniteFuture();  // which is none
  std::vector<ClientCounts> clients;
};

// Likewise.
struct ConnectionCounts {
  int open = 0;
  int max = 0;
  int64_t refused = 0;  // since the start
};

// Likewise, of the cache of translations.
struct CacheGauges {
  int64_t bytes = 0;
  int64_t max_bytes = 0;
  int64_t entries = 0;
  int64_t evictions = 0;  // since the start
};

// Likewise, of models that are loaded when they are asked for.
struct DemandCounts {
  int64_t bytes = 0;  // of the weights of all models in memory
  int64_t max_bytes = 0;
  int64_t catalog = 0;  // models that can be loaded
  int64_t waiting = 0;  // requests
  std::map<std::pair<std::string, absl::StatusCode>, int64_t> loads;
  std::map<std::pair<std::string, std::string>, int64_t> unloads;  // by reason
};

// Everything that the server exports, and every name, in one place. Registered
// with a prometheus::Exposer, which calls Collect for each scrape.
// Thread-safe.
class Metrics : public prometheus::Collectable {
 public:
  // A model that is served. The functions are called at scrapes.
  struct Model {
    ModelInfo info;
    ModelCapacity capacity;
    std::shared_ptr<ModelMetrics> metrics;
    std::function<QueueGauges()> read_queue;
    std::function<std::vector<DeviceMemory>()> read_device_memory;
  };

  // Those of the served model of this name, which go on when it is replaced;
  // new ones if there is none.
  std::shared_ptr<ModelMetrics> OfModel(absl::string_view name) const;

  // Exports a model from here on, in place of one of the same name, whose
  // functions are not called any more once this returns.
  void SetModel(Model model);

  // Likewise, in place of nothing.
  void RemoveModel(absl::string_view name);

  // Exports connections from here on. Called at scrapes.
  void SetConnections(std::function<ConnectionCounts()> read_connections);

  // Likewise of the cache of translations.
  void SetCache(std::function<CacheGauges()> read_cache);

  // Likewise of models on demand.
  void SetDemand(std::function<DemandCounts()> read_demand);

  // Likewise of the server.
  void SetServer(std::function<ServerState()> read_server);

  // Calls of a method of an API. The names are the program's own, and the
  // counter lives as long as this.
  OutcomeCounter& CallsOf(absl::string_view api, absl::string_view method);

  // A request or call was refused. The reason, as of ErrorInfo, is one of the
  // program's own; nothing is counted where it is empty.
  void CountRefusal(absl::string_view reason);
  int64_t refusals(absl::string_view reason) const;

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  mutable absl::Mutex mutex_;
  // By api and method.
  std::map<std::pair<std::string, std::string>, std::unique_ptr<OutcomeCounter>>
      calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t, std::less<>> refusals_ ABSL_GUARDED_BY(mutex_);
  std::function<ServerState()> read_server_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Model, std::less<>> models_ ABSL_GUARDED_BY(mutex_);
  std::function<ConnectionCounts()> read_connections_ ABSL_GUARDED_BY(mutex_);
  std::function<CacheGauges()> read_cache_ ABSL_GUARDED_BY(mutex_);
  std::function<DemandCounts()> read_demand_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_METRICS_METRICS_H_
