#include "server/metrics/metrics.h"

#include <deque>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/base/check.h"
#include "server/metrics/process_metrics.h"

namespace peregrine::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Always exported, so that rates start at zero; others once they occur.
constexpr absl::StatusCode kUsualOutcomes[] = {
    absl::StatusCode::kOk,
    absl::StatusCode::kCancelled,
    absl::StatusCode::kInvalidArgument,
    absl::StatusCode::kDeadlineExceeded,
    absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kUnavailable,
    absl::StatusCode::kInternal};

bool IsUsual(absl::StatusCode code) {
  for (absl::StatusCode usual : kUsualOutcomes) {
    if (code == usual) return true;
  }
  return false;
}

ClientMetric WithLabels(Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  return metric;
}

void AddCounter(double value, Labels labels, MetricFamily& family) {
  ClientMetric metric = WithLabels(std::move(labels));
  metric.counter.value = value;
  family.metric.push_back(std::move(metric));
}

void AddGauge(double value, Labels labels, MetricFamily& family) {
  ClientMetric metric = WithLabels(std::move(labels));
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

void AddOutcomes(const OutcomeCounter& counter, bool all, const Labels& labels,
                 MetricFamily& family) {
  for (int code = 0; code <= 16; ++code) {
    const auto outcome = static_cast<absl::StatusCode>(code);
    const int64_t value = counter.value(outcome);
    if (value == 0 && !(all && IsUsual(outcome))) continue;
    Labels with_outcome = labels;
    with_outcome.push_back(
        {"outcome", absl::AsciiStrToLower(absl::StatusCodeToString(outcome))});
    AddCounter(static_cast<double>(value), std::move(with_outcome), family);
  }
}

void AddHistogram(const Histogram& histogram, Labels labels,
                  MetricFamily& family) {
  const Histogram::Snapshot snapshot = histogram.snapshot();
  ClientMetric metric = WithLabels(std::move(labels));
  for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    ClientMetric::Bucket bucket;
    bucket.cumulative_count = snapshot.cumulative[i];
    bucket.upper_bound = i < histogram.bounds().size()
                             ? histogram.bounds()[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back(bucket);
  }
  metric.histogram.sample_count = snapshot.cumulative.back();
  metric.histogram.sample_sum = snapshot.sum;
  family.metric.push_back(std::move(metric));
}

// The labels of a sample.
enum class By {
  kModel,
  kDevice,  // model, device and precision
};

Labels LabelsOf(const ModelInfo& info, By by) {
  if (by == By::kModel) return {{"model", info.name}};
  return {{"model", info.name},
          {"device", info.device},
          {"precision", info.precision}};
}

using Model = Metrics::Model;

// The families of one scrape, in the order in which they are added; most have a
// sample of each model.
class Page {
 public:
  explicit Page(std::vector<const Model*> models)
      : models_(std::move(models)) {}

  const std::vector<const Model*>& models() const { return models_; }

  // Good as long as the page: a deque moves nothing as it grows.
  MetricFamily& Add(MetricType type, const char* name, const char* help) {
    MetricFamily& family = families_.emplace_back();
    family.type = type;
    family.name = name;
    family.help = help;
    return family;
  }

  MetricFamily& Outcomes(const char* name, const char* help, By by,
                         OutcomeCounter ModelMetrics::*counter) {
    MetricFamily& family = Add(MetricType::Counter, name, help);
    for (const Model* model : models_) {
      AddOutcomes((*model->metrics).*counter, /*all=*/true,
                  LabelsOf(model->info, by), family);
    }
    return family;
  }

  void Histograms(const char* name, const char* help, By by,
                  Histogram ModelMetrics::*histogram) {
    MetricFamily& family = Add(MetricType::Histogram, name, help);
    for (const Model* model : models_) {
      AddHistogram((*model->metrics).*histogram, LabelsOf(model->info, by),
                   family);
    }
  }

  void Counters(const char* name, const char* help,
                Counter ModelMetrics::*counter, double unit = 1) {
    MetricFamily& family = Add(MetricType::Counter, name, help);
    for (const Model* model : models_) {
      AddCounter(((*model->metrics).*counter).value() * unit,
                 LabelsOf(model->info, By::kDevice), family);
    }
  }

  // `value` gives a number of a model.
  template <typename Value>
  void Gauges(const char* name, const char* help, By by, Value value) {
    MetricFamily& family = Add(MetricType::Gauge, name, help);
    for (const Model* model : models_) {
      AddGauge(value(*model), LabelsOf(model->info, by), family);
    }
  }

  std::vector<MetricFamily> Take() {
    return {std::make_move_iterator(families_.begin()),
            std::make_move_iterator(families_.end())};
  }

 private:
  const std::vector<const Model*> models_;
  std::deque<MetricFamily> families_;
};

constexpr const char* kFlagNames[kTranslationFlags] = {
    "truncated", "repetition",     "unknown_source", "source_split",
    "span_lost", "numbers_differ", "source_copied",  "empty"};

void AddRequests(Page& page) {
  page.Outcomes("peregrine_requests_total",
                "Requests to a model by outcome (a gRPC code in lower case): "
                "calls of one answer, and texts of streams.",
                By::kModel, &ModelMetrics::requests);
  MetricFamily& pivots =
      page.Add(MetricType::Counter, "peregrine_pivot_requests_total",
               "Requests that two models translated in a row, by the last one; "
               "they count for both in peregrine_requests_total.");
  for (const Model* model : page.models()) {
    AddCounter(static_cast<double>(model->metrics->pivot_requests.value()),
               LabelsOf(model->info, By::kModel), pivots);
  }
  page.Histograms(
      "peregrine_request_seconds",
      "From the arrival of a request to its answer, of those that succeeded.",
      By::kModel, &ModelMetrics::request_seconds);
}

void AddFlags(Page& page) {
  MetricFamily& family = page.Add(
      MetricType::Counter, "peregrine_flagged_translations_total",
      "Translations that carry a flag: what is to be known before trusting "
      "them.");
  for (const Model* model : page.models()) {
    for (int flag = 0; flag < kTranslationFlags; ++flag) {
      AddCounter(static_cast<double>(model->metrics->flagged[flag].value()),
                 {{"model", model->info.name}, {"flag", kFlagNames[flag]}},
                 family);
    }
  }
}

void AddServer(const ServerState& server, Page& page) {
  const auto gauge = [&page](const char* name, const char* help, double value) {
    AddGauge(value, {}, page.Add(MetricType::Gauge, name, help));
  };
  const auto counter = [&page](const char* name, const char* help,
                               int64_t value) {
    AddCounter(static_cast<double>(value), {},
               page.Add(MetricType::Counter, name, help));
  };
  gauge("peregrine_ready", "1: all models are warm and are served.",
        server.ready);
  gauge("peregrine_draining", "1: the server is about to end.",
        server.draining);
  gauge("peregrine_calls_in_flight", "Open calls, streams included.",
        server.calls);
  gauge("peregrine_max_calls_in_flight",
        "Calls that may be open: --max-open-calls.", server.max_calls);
  gauge("peregrine_streams_in_flight", "Open TranslateStream calls.",
        server.streams);
  counter("peregrine_dropped_log_lines_total",
          "Lines that found no room since nobody read the log.",
          server.dropped_log_lines);
  counter("peregrine_shed_connections_total",
          "Connections that were shut down since memory was short.",
          server.shed_connections);
  counter("peregrine_failed_token_reads_total",
          "Changes of --token-file that were wrong and not taken.",
          server.failed_token_reads);
  MetricFamily& certificate =
      page.Add(MetricType::Gauge, "peregrine_certificate_end_seconds",
               "When --tls-certificate ends, in seconds since the epoch.");
  if (server.certificate_end < absl::InfiniteFuture()) {
    AddGauge(absl::ToDoubleSeconds(server.certificate_end - absl::UnixEpoch()),
             {}, certificate);
  }
  MetricFamily& clients = page.Add(
      MetricType::Counter, "peregrine_client_requests_total",
      "Requests by the name of the client, of its token or certificate.");
  for (const ClientCounts& client : server.clients) {
    AddOutcomes(*client.requests, /*all=*/false, {{"client", client.name}},
                clients);
  }
}

void AddSentences(Page& page) {
  page.Outcomes("peregrine_sentences_total", "Sentences by outcome.",
                By::kDevice, &ModelMetrics::sentences);
  page.Histograms("peregrine_queue_seconds",
                  "Of a translated sentence, from the queue to a worker.",
                  By::kDevice, &ModelMetrics::queue_seconds);
  page.Histograms(
      "peregrine_encode_seconds",
      "Of a translated sentence in the encoder, batch-mates included.",
      By::kDevice, &ModelMetrics::encode_seconds);
  page.Histograms(
      "peregrine_decode_seconds",
      "Of a translated sentence from the end of encoding to the last token.",
      By::kDevice, &ModelMetrics::decode_seconds);
  page.Histograms(
      "peregrine_output_token_seconds",
      "Decoding seconds of a sentence divided by its target tokens.",
      By::kDevice, &ModelMetrics::output_token_seconds);
  page.Counters("peregrine_source_tokens_total",
                "Tokens read, of sentences that were translated.",
                &ModelMetrics::source_tokens);
  page.Counters("peregrine_target_tokens_total",
                "Tokens of the best hypotheses, without end symbols.",
                &ModelMetrics::target_tokens);
}

void AddWorkers(Page& page) {
  page.Histograms("peregrine_admission_tokens",
                  "Source tokens of one encoder run (packed: none is padding).",
                  By::kDevice, &ModelMetrics::admission_tokens);
  page.Histograms("peregrine_step_rows", "Live hypotheses of one decode step.",
                  By::kDevice, &ModelMetrics::step_rows);
  page.Counters("peregrine_worker_busy_seconds_total",
                "Time that workers spent encoding and decoding.",
                &ModelMetrics::worker_busy_nanoseconds, 1e-9);
  page.Counters("peregrine_lost_workers_total",
                "Workers that were taken out since their device failed.",
                &ModelMetrics::lost_workers);
}

// All of a model's from one reading.
void AddQueues(Page& page) {
  const auto gauge = MetricType::Gauge;
  MetricFamily& sentences =
      page.Add(gauge, "peregrine_queue_sentences", "Sentences that wait.");
  MetricFamily& source_tokens = page.Add(gauge, "peregrine_queue_source_tokens",
                                         "Source tokens that wait.");
  MetricFamily& oldest_age =
      page.Add(gauge, "peregrine_queue_oldest_age_seconds",
               "Age of the sentence that waits longest.");
  MetricFamily& usual_deadline =
      page.Add(gauge, "peregrine_usual_deadline_seconds",
               "What deadlines leave the sentences that come: how small a "
               "session is kept. +Inf: next to none has one.");
  MetricFamily& workers = page.Add(gauge, "peregrine_workers",
                                   "Worker threads, but for those lost.");
  for (const Model* model : page.models()) {
    if (model->read_queue == nullptr) continue;
    const QueueGauges queue = model->read_queue();
    const Labels labels = LabelsOf(model->info, By::kModel);
    AddGauge(queue.sentences, labels, sentences);
    AddGauge(queue.source_tokens, labels, source_tokens);
    AddGauge(absl::ToDoubleSeconds(queue.oldest_age), labels, oldest_age);
    AddGauge(absl::ToDoubleSeconds(queue.usual_deadline), labels,
             usual_deadline);
    AddGauge(queue.workers, LabelsOf(model->info, By::kDevice), workers);
  }
}

void AddLimits(Page& page) {
  page.Gauges(
      "peregrine_queue_max_sentences",
      "Sentences that may wait: --max-queue-sentences.", By::kModel,
      [](const Model& model) { return model.capacity.queue_sentences; });
  page.Gauges(
      "peregrine_queue_max_source_tokens",
      "Source tokens that may wait: --max-queue-tokens.", By::kModel,
      [](const Model& model) { return model.capacity.queue_source_tokens; });
  page.Gauges("peregrine_batch_max_rows",
              "Live hypotheses that one worker may have: --max-batch-rows.",
              By::kDevice,
              [](const Model& model) { return model.capacity.batch_rows; });
  page.Gauges("peregrine_batch_max_source_tokens",
              "Source tokens of live sentences that one worker may have: "
              "--max-batch-tokens.",
              By::kDevice, [](const Model& model) {
                return model.capacity.batch_source_tokens;
              });
}

void AddConnections(const ConnectionCounts& counts, Page& page) {
  AddGauge(counts.open, {},
           page.Add(MetricType::Gauge, "peregrine_connections",
                    "Open gRPC connections."));
  AddGauge(counts.max, {},
           page.Add(MetricType::Gauge, "peregrine_max_connections",
                    "gRPC connections that may be open: --max-connections, or "
                    "as many as the process may have files for."));
  AddCounter(
      counts.refused, {},
      page.Add(MetricType::Counter, "peregrine_refused_connections_total",
               "gRPC connections that were closed at once, since there "
               "were as many as may be."));
}

void AddCache(const CacheGauges& cache, Page& page) {
  MetricFamily& sentences = page.Add(
      MetricType::Counter, "peregrine_cache_sentences_total",
      "Sentences by what the cache of translations had: a translation (hit), "
      "one that was being made for the same client (joined), or none (miss).");
  for (const Model* model : page.models()) {
    const auto add = [&](const char* found, const Counter& counter) {
      AddCounter(static_cast<double>(counter.value()),
                 {{"model", model->info.name}, {"found", found}}, sentences);
    };
    add("hit", model->metrics->cache_hits);
    add("joined", model->metrics->cache_joined);
    add("miss", model->metrics->cache_misses);
  }
  page.Counters("peregrine_cache_saved_seconds_total",
                "Seconds of encoding and decoding that translations from the "
                "cache had taken when they were made.",
                &ModelMetrics::cache_saved_nanoseconds, 1e-9);
  const auto gauge = [&page](const char* name, const char* help,
                             int64_t value) {
    AddGauge(static_cast<double>(value), {},
             page.Add(MetricType::Gauge, name, help));
  };
  gauge("peregrine_cache_bytes", "Memory of the translations that are kept.",
        cache.bytes);
  gauge("peregrine_cache_max_bytes", "Memory that they may take: --cache-mib.",
        cache.max_bytes);
  gauge("peregrine_cache_entries", "Sentences whose translations are kept.",
        cache.entries);
  AddCounter(static_cast<double>(cache.evictions), {},
             page.Add(MetricType::Counter, "peregrine_cache_evictions_total",
                      "Translations that were dropped to make room."));
}

void AddDemand(const DemandCounts& demand, Page& page) {
  MetricFamily& loads =
      page.Add(MetricType::Counter, "peregrine_model_loads_total",
               "Models of --models that were loaded, by outcome.");
  for (const auto& [load, count] : demand.loads) {
    AddCounter(static_cast<double>(count),
               {{"model", load.first},
                {"outcome",
                 absl::AsciiStrToLower(absl::StatusCodeToString(load.second))}},
               loads);
  }
  MetricFamily& unloads =
      page.Add(MetricType::Counter, "peregrine_model_unloads_total",
               "Models of --models that were unloaded: to make room (memory), "
               "since nobody used them (idle), or since their files changed "
               "or are gone (changed).");
  for (const auto& [unload, count] : demand.unloads) {
    AddCounter(static_cast<double>(count),
               {{"model", unload.first}, {"reason", unload.second}}, unloads);
  }
  const auto gauge = [&page](const char* name, const char* help,
                             int64_t value) {
    AddGauge(static_cast<double>(value), {},
             page.Add(MetricType::Gauge, name, help));
  };
  gauge("peregrine_models_weights_bytes",
        "Weights of all models in memory, those included that were unloaded "
        "and still have requests.",
        demand.bytes);
  gauge("peregrine_models_max_weights_bytes",
        "Memory that they may take: --model-memory-mib. 0: any.",
        demand.max_bytes);
  gauge("peregrine_catalog_models", "Models that --models has.",
        demand.catalog);
  gauge("peregrine_requests_awaiting_models",
        "Requests that wait for a model to be loaded.", demand.waiting);
}

// A device's is what all models there say: told once.
void AddDeviceMemory(Page& page) {
  MetricFamily& family = page.Add(
      MetricType::Gauge, "peregrine_device_memory_bytes",
      "Memory that this process has taken of a GPU: used by models and "
      "workers, or still free for more of them. Their sum is what "
      "--gpu-memory-mib allows.");
  std::map<std::string, DeviceMemory> memory_of_devices;
  for (const Model* model : page.models()) {
    if (model->read_device_memory == nullptr) continue;
    for (DeviceMemory& memory : model->read_device_memory()) {
      memory_of_devices[memory.device] = memory;
    }
  }
  for (const auto& [device, memory] : memory_of_devices) {
    AddGauge(memory.used_bytes, {{"device", device}, {"kind", "used"}}, family);
    AddGauge(memory.free_bytes, {{"device", device}, {"kind", "free"}}, family);
  }
}

void AddDescriptions(Page& page) {
  page.Gauges("peregrine_model_weights_bytes",
              "Memory of the weights, shared by the workers of the model.",
              By::kDevice,
              [](const Model& model) { return model.info.weights_bytes; });
  page.Gauges("peregrine_model_parameters", "Number of the model's parameters.",
              By::kModel,
              [](const Model& model) { return model.info.parameters; });
  MetricFamily& model_info =
      page.Add(MetricType::Gauge, "peregrine_model_info",
               "Constant 1; the labels describe the model.");
  for (const Model* model : page.models()) {
    AddGauge(1,
             {{"model", model->info.name},
              {"source_language", model->info.source_language},
              {"target_language", model->info.target_language},
              {"architecture", model->info.architecture},
              {"revision", model->info.revision}},
             model_info);
  }
  page.Gauges("peregrine_model_load_seconds",
              "From the beginning to the end of reading the model.", By::kModel,
              [](const Model& model) {
                return absl::ToDoubleSeconds(model.info.load_time);
              });
  MetricFamily& build_info = page.Add(MetricType::Gauge, "peregrine_build_info",
                                      "Constant 1; the labels say what runs.");
  AddGauge(1, {{"version", PEREGRINE_VERSION}, {"compiler", __VERSION__}},
           build_info);
}

}  // namespace

std::shared_ptr<ModelMetrics> Metrics::OfModel(absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto it = models_.find(name);
  return it != models_.end() ? it->second.metrics
                             : std::make_shared<ModelMetrics>();
}

void Metrics::SetModel(Model model) {
  absl::MutexLock lock(&mutex_);
  models_[model.info.name] = std::move(model);
}

void Metrics::RemoveModel(absl::string_view name) {
  absl::MutexLock lock(&mutex_);
  const auto it = models_.find(name);
  if (it != models_.end()) models_.erase(it);
}

void Metrics::SetServer(std::function<ServerState()> read_server) {
  absl::MutexLock lock(&mutex_);
  read_server_ = std::move(read_server);
}

OutcomeCounter& Metrics::CallsOf(absl::string_view api,
                                 absl::string_view method) {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<OutcomeCounter>& counter =
      calls_[{std::string(api), std::string(method)}];
  if (counter == nullptr) counter = std::make_unique<OutcomeCounter>();
  return *counter;
}

void Metrics::CountRefusal(absl::string_view reason) {
  if (reason.empty()) return;
  absl::MutexLock lock(&mutex_);
  const auto found = refusals_.find(reason);
  if (found != refusals_.end()) {
    ++found->second;
  } else {
    refusals_.emplace(std::string(reason), 1);
  }
}

int64_t Metrics::refusals(absl::string_view reason) const {
  absl::MutexLock lock(&mutex_);
  const auto found = refusals_.find(reason);
  return found == refusals_.end() ? 0 : found->second;
}

void Metrics::SetCache(std::function<CacheGauges()> read_cache) {
  absl::MutexLock lock(&mutex_);
  read_cache_ = std::move(read_cache);
}

void Metrics::SetDemand(std::function<DemandCounts()> read_demand) {
  absl::MutexLock lock(&mutex_);
  read_demand_ = std::move(read_demand);
}

void Metrics::SetConnections(
    std::function<ConnectionCounts()> read_connections) {
  absl::MutexLock lock(&mutex_);
  read_connections_ = std::move(read_connections);
}

std::vector<MetricFamily> Metrics::Collect() const {
  absl::MutexLock lock(&mutex_);
  std::vector<const Model*> models;
  for (const auto& [name, model] : models_) models.push_back(&model);
  Page page(std::move(models));
  MetricFamily& calls =
      page.Add(MetricType::Counter, "peregrine_calls_total",
               "Calls of every method by outcome, refused ones included.");
  for (const auto& [name, outcomes] : calls_) {
    AddOutcomes(*outcomes, /*all=*/false,
                {{"api", name.first}, {"method", name.second}}, calls);
  }
  MetricFamily& refusals =
      page.Add(MetricType::Counter, "peregrine_refusals_total",
               "Requests and calls that were refused or failed, by reason.");
  for (const auto& [reason, count] : refusals_) {
    AddCounter(static_cast<double>(count),
               {{"reason", absl::AsciiStrToLower(reason)}}, refusals);
  }
  AddRequests(page);
  AddFlags(page);
  AddSentences(page);
  AddWorkers(page);
  AddQueues(page);
  AddLimits(page);
  if (read_demand_ != nullptr) AddDemand(read_demand_(), page);
  if (read_cache_ != nullptr) AddCache(read_cache_(), page);
  if (read_connections_ != nullptr) AddConnections(read_connections_(), page);
  if (read_server_ != nullptr) AddServer(read_server_(), page);
  AddDeviceMemory(page);
  AddDescriptions(page);
  std::vector<MetricFamily> families = page.Take();
  AppendProcessMetrics(families);
  return families;
}

}  // namespace peregrine::server
