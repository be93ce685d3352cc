#include "server/metrics/metrics.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/text_serializer.h"

namespace peregrine::server {
namespace {

// The exposition text as a scraper reads it: "name{labels}" -> value.
std::map<std::string, double> Scrape(const Metrics& metrics) {
  std::map<std::string, double> samples;
  const std::string text =
      prometheus::TextSerializer().Serialize(metrics.Collect());
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "#")) continue;
    const size_t space = line.rfind(' ');
    const std::string key(line.substr(0, space));
    double value = 0;
    EXPECT_TRUE(absl::SimpleAtod(line.substr(space + 1), &value)) << line;
    EXPECT_TRUE(samples.emplace(key, value).second) << "twice: " << key;
  }
  return samples;
}

ModelInfo Info() {
  ModelInfo info;
  info.name = "en-de";
  info.device = "cpu";
  info.precision = "float32";
  info.weights_bytes = 1000;
  return info;
}

constexpr char kDevice[] =
    "{model=\"en-de\",device=\"cpu\",precision=\"float32\"";

ModelMetrics& Serve(Metrics& metrics, int workers,
                    std::function<QueueGauges()> read_queue = nullptr) {
  if (read_queue == nullptr) {
    read_queue = [workers] {
      QueueGauges gauges;
      gauges.workers = workers;
      return gauges;
    };
  }
  const auto model = metrics.OfModel(Info().name);
  metrics.SetModel({Info(),
                    {workers, 10, 1000, 64, 512},
                    model,
                    std::move(read_queue),
                    /*read_device_memory=*/nullptr});
  return *model;
}

TEST(MetricsTest, CountsAreExported) {
  Metrics metrics;
  ModelMetrics& model = Serve(metrics, 3);
  model.requests.Add(absl::StatusCode::kOk, 5);
  model.sentences.Add(absl::StatusCode::kDeadlineExceeded, 2);
  model.source_tokens.Add(70);
  model.worker_busy_nanoseconds.Add(1500000000);

  auto samples = Scrape(metrics);
  EXPECT_EQ(
      samples.at("peregrine_requests_total{model=\"en-de\",outcome=\"ok\"}"),
      5);
  EXPECT_EQ(
      samples.at(
          "peregrine_requests_total{model=\"en-de\",outcome=\"unavailable\"}"),
      0);
  const std::string device(kDevice);
  EXPECT_EQ(samples.at("peregrine_sentences_total" + device +
                       ",outcome=\"deadline_exceeded\"}"),
            2);
  EXPECT_EQ(samples.at("peregrine_source_tokens_total" + device + "}"), 70);
  EXPECT_EQ(samples.at("peregrine_worker_busy_seconds_total" + device + "}"),
            1.5);
  EXPECT_EQ(samples.at("peregrine_workers" + device + "}"), 3);
  const std::string name = "{model=\"en-de\"}";
  EXPECT_EQ(samples.at("peregrine_queue_max_sentences" + name), 10);
  EXPECT_EQ(samples.at("peregrine_queue_max_source_tokens" + name), 1000);
  EXPECT_EQ(samples.at("peregrine_batch_max_rows" + device + "}"), 64);
  EXPECT_EQ(samples.at("peregrine_batch_max_source_tokens" + device + "}"),
            512);
  EXPECT_EQ(samples.at("peregrine_model_weights_bytes" + device + "}"), 1000);
}

TEST(MetricsTest, CallsRefusalsAndFlagsAreExported) {
  Metrics metrics;
  ModelMetrics& model = Serve(metrics, 1);
  metrics.CallsOf("peregrine.v1", "GetModel")
      .Add(absl::StatusCode::kUnauthenticated, 3);
  metrics.CountRefusal("CLIENT_LIMIT");
  metrics.CountRefusal("CLIENT_LIMIT");
  metrics.CountRefusal("");  // no reason is known
  model.flagged[static_cast<int>(TranslationFlag::kTruncated)].Add(2);
  auto samples = Scrape(metrics);
  EXPECT_EQ(samples.at("peregrine_calls_total{api=\"peregrine.v1\",method="
                       "\"GetModel\",outcome="
                       "\"unauthenticated\"}"),
            3);
  EXPECT_EQ(samples.at("peregrine_refusals_total{reason=\"client_limit\"}"), 2);
  EXPECT_EQ(samples.count("peregrine_refusals_total{reason=\"\"}"), 0u);
  EXPECT_EQ(samples.at("peregrine_flagged_translations_total{model=\"en-de\","
                       "flag=\"truncated\"}"),
            2);
}

TEST(MetricsTest, TheServerIsExported) {
  Metrics metrics;
  OutcomeCounter requests;
  requests.Add(absl::StatusCode::kOk, 4);
  metrics.SetServer([&] {
    ServerState state;
    state.ready = true;
    state.calls = 7;
    state.streams = 2;
    state.dropped_log_lines = 5;
    state.certificate_end = absl::FromUnixSeconds(2000000000);
    state.clients = {{"team", &requests, nullptr}};
    return state;
  });
  auto samples = Scrape(metrics);
  EXPECT_EQ(samples.at("peregrine_ready"), 1);
  EXPECT_EQ(samples.at("peregrine_draining"), 0);
  EXPECT_EQ(samples.at("peregrine_calls_in_flight"), 7);
  EXPECT_EQ(samples.at("peregrine_streams_in_flight"), 2);
  EXPECT_EQ(samples.at("peregrine_dropped_log_lines_total"), 5);
  EXPECT_EQ(samples.at("peregrine_certificate_end_seconds"), 2e9);
  EXPECT_EQ(samples.at("peregrine_client_requests_total{client=\"team\","
                       "outcome=\"ok\"}"),
            4);
}

TEST(MetricsTest, HistogramsAreCumulativeAndEndInInfinity) {
  Metrics metrics;
  ModelMetrics& model = Serve(metrics, 1);
  for (double seconds : {0.0001, 0.0006, 0.0006, 100.0}) {
    model.queue_seconds.Observe(seconds);
  }
  auto samples = Scrape(metrics);
  const std::string name =
      std::string("peregrine_queue_seconds_bucket") + kDevice;
  EXPECT_EQ(samples.at(name + ",le=\"0.0005\"}"), 1);
  EXPECT_EQ(samples.at(name + ",le=\"0.00075\"}"), 3);
  EXPECT_EQ(samples.at(name + ",le=\"60\"}"), 3);
  EXPECT_EQ(samples.at(name + ",le=\"+Inf\"}"), 4);
  const std::string base = "peregrine_queue_seconds";
  EXPECT_EQ(samples.at(base + "_count" + kDevice + "}"), 4);
  EXPECT_NEAR(samples.at(base + "_sum" + kDevice + "}"), 100.0013, 1e-9);
}

TEST(MetricsTest, QueueGaugesAreReadAtTheScrape) {
  Metrics metrics;
  QueueGauges now;
  now.sentences = 3;
  now.source_tokens = 50;
  now.oldest_age = absl::Milliseconds(250);
  Serve(metrics, 1, [&] { return now; });
  EXPECT_EQ(Scrape(metrics).at("peregrine_queue_sentences{model=\"en-de\"}"),
            3);
  now.sentences = 4;
  auto samples = Scrape(metrics);
  EXPECT_EQ(samples.at("peregrine_queue_sentences{model=\"en-de\"}"), 4);
  EXPECT_EQ(samples.at("peregrine_queue_source_tokens{model=\"en-de\"}"), 50);
  EXPECT_EQ(samples.at("peregrine_queue_oldest_age_seconds{model=\"en-de\"}"),
            0.25);
  now.sentences = 0;
}

TEST(MetricsTest, AModelThatIsReplacedGoesOnCounting) {
  Metrics metrics;
  const std::string ok =
      "peregrine_requests_total{model=\"en-de\",outcome=\"ok\"}";
  Serve(metrics, 1).requests.Add(absl::StatusCode::kOk, 5);
  Serve(metrics, 2).requests.Add(absl::StatusCode::kOk, 2);
  EXPECT_EQ(Scrape(metrics).at(ok), 7);
  EXPECT_EQ(
      Scrape(metrics).at("peregrine_workers" + std::string(kDevice) + "}"), 2);
}

TEST(MetricsTest, AModelThatIsRemovedIsNotExported) {
  Metrics metrics;
  const std::string ok =
      "peregrine_requests_total{model=\"en-de\",outcome=\"ok\"}";
  Serve(metrics, 1).requests.Add(absl::StatusCode::kOk, 5);
  metrics.RemoveModel("en-de");
  EXPECT_EQ(Scrape(metrics).count(ok), 0u);
  Serve(metrics, 1);
  EXPECT_EQ(Scrape(metrics).at(ok), 0);
}

TEST(MetricsTest, MemoryOfADeviceIsToldOnce) {
  Metrics metrics;
  for (const char* name : {"en-de", "de-en"}) {
    ModelInfo info = Info();
    info.name = name;
    metrics.SetModel({info,
                      {},
                      metrics.OfModel(name),
                      [] { return QueueGauges{}; },
                      [] {
                        return std::vector<DeviceMemory>{{"cuda:0", 700, 300},
                                                         {"cuda:1", 0, 1000}};
                      }});
  }
  auto samples = Scrape(metrics);
  const std::string memory = "peregrine_device_memory_bytes{device=";
  EXPECT_EQ(samples.at(memory + "\"cuda:0\",kind=\"used\"}"), 700);
  EXPECT_EQ(samples.at(memory + "\"cuda:0\",kind=\"free\"}"), 300);
  EXPECT_EQ(samples.at(memory + "\"cuda:1\",kind=\"free\"}"), 1000);
}

TEST(MetricsTest, ProcessAndBuildAreTold) {
  Metrics metrics;
  auto samples = Scrape(metrics);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(samples.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(samples.at("process_open_fds"), 0);
  EXPECT_GT(samples.at("process_start_time_seconds"), 1.6e9);
}

TEST(MetricsTest, LabelsAndNamesFollowTheRules) {
  Metrics metrics;
  Serve(metrics, 1);
  const std::set<std::string> allowed = {"model",
                                         "device",
                                         "outcome",
                                         "precision",  // of DESIGN.md
                                         "source_language",
                                         "target_language",
                                         "architecture",  // model_info
                                         "revision",      // likewise
                                         "kind",          // of memory
                                         "flag",          // of translations
                                         "method",        // of calls
                                         "reason",        // of refusals
                                         "client",  // named by the operator
                                         "version",
                                         "compiler"};  // build_info
  for (const auto& family : metrics.Collect()) {
    EXPECT_FALSE(family.help.empty()) << family.name;
    EXPECT_EQ(absl::EndsWith(family.name, "_total"),
              family.type == prometheus::MetricType::Counter)
        << family.name;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) {
        EXPECT_TRUE(allowed.count(label.name)) << label.name;
      }
    }
  }
}

}  // namespace
}  // namespace peregrine::server
