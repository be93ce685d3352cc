#include "client/load/load_report.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace peregrine::client {
namespace {

using Json = nlohmann::ordered_json;

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

struct Stage {
  const char* name;
  const LatencyHistogram& times;
};

std::vector<Stage> Stages(const LoadWindow& window) {
  return {{"end to end", window.latency},
          {"queue", window.queue},
          {"encode", window.encode},
          {"decode", window.decode},
          {"network", window.network}};
}

std::string FormatStages(const LoadWindow& window) {
  std::string text =
      "  latency, ms      mean      p50      p90      p95      p99    p99.9"
      "      max\n";
  for (const auto& [name, times] : Stages(window)) {
    absl::StrAppendFormat(&text, "  %-12s", name);
    for (const absl::Duration value :
         {times.mean(), times.Percentile(0.5), times.Percentile(0.9),
          times.Percentile(0.95), times.Percentile(0.99),
          times.Percentile(0.999), times.max()}) {
      absl::StrAppendFormat(&text, " %8.1f", Milliseconds(value));
    }
    text += "\n";
  }
  return text;
}

std::string FormatRates(const LoadReport& report) {
  const LoadCounts& counts = report.window.answered;
  std::string text;
  const auto row = [&](const char* name, std::int64_t count) {
    absl::StrAppendFormat(&text, "  %-18s %9.1f\n", name,
                          report.PerSecond(count));
  };
  row("requests/s", counts.requests);
  row("sentences/s", counts.sentences);
  row("source tokens/s", counts.source_tokens);
  row("target tokens/s", counts.target_tokens);
  row("source words/s", counts.source_words);
  return text;
}

std::string FormatOutcomes(const LoadWindow& window) {
  std::string text = "  requests";
  for (const auto& [code, count] : window.outcomes) {
    absl::StrAppend(&text, "  ", absl::StatusCodeToString(code), " ", count);
  }
  if (window.unsent > 0) {
    absl::StrAppend(&text, "  not sent ", window.unsent,
                    " (too many in flight)");
  }
  return text + "\n";
}

std::string FormatLoop(const LoadOptions& options) {
  if (options.rate > 0) {
    return absl::StrFormat(
        "open loop, %g requests/s, %s arrivals", options.rate,
        options.arrivals == Arrivals::kPoisson ? "Poisson" : "uniform");
  }
  return absl::StrCat("closed loop, ", options.concurrency, " in flight");
}

// A generator that sends late measures itself. Of a millisecond nobody cares.
bool GeneratorWasLate(const LoadWindow& window) {
  const absl::Duration delay = window.send_delay.Percentile(0.99);
  return delay > absl::Milliseconds(1) &&
         delay > 0.1 * window.latency.Percentile(0.5);
}

Json MakeJson(const LatencyHistogram& times) {
  const auto seconds = [&times](double fraction) {
    return absl::ToDoubleSeconds(times.Percentile(fraction));
  };
  return {{"mean", absl::ToDoubleSeconds(times.mean())},
          {"p50", seconds(0.5)},
          {"p90", seconds(0.9)},
          {"p95", seconds(0.95)},
          {"p99", seconds(0.99)},
          {"p999", seconds(0.999)},
          {"max", absl::ToDoubleSeconds(times.max())}};
}

Json MakeJson(const LoadOptions& options) {
  Json json = {{"model", options.settings.model}};
  if (options.rate > 0) {
    json["loop"] = "open";
    json["rate"] = options.rate;
    json["arrivals"] =
        options.arrivals == Arrivals::kPoisson ? "poisson" : "uniform";
  } else {
    json["loop"] = "closed";
    json["concurrency"] = options.concurrency;
  }
  json["texts_per_request"] = options.texts_per_request;
  json["deadline_seconds"] = nullptr;
  if (options.deadline != absl::InfiniteDuration()) {
    json["deadline_seconds"] = absl::ToDoubleSeconds(options.deadline);
  }
  json["seed"] = options.seed;
  return json;
}

}  // namespace

double LoadReport::PerSecond(std::int64_t count) const {
  return static_cast<double>(count) / absl::ToDoubleSeconds(duration);
}

LoadReport MakeLoadReport(const LoadRecorder& recorder, double tolerance) {
  const std::vector<LoadWindow>& windows = recorder.windows();
  const SteadyState state = FindSteadyState(windows, tolerance);
  LoadReport report;
  report.steady = state.steady;
  report.discarded =
      recorder.window_length() * static_cast<std::int64_t>(state.first_window);
  report.duration =
      recorder.window_length() *
      static_cast<std::int64_t>(windows.size() - state.first_window);
  for (std::size_t i = state.first_window; i < windows.size(); ++i) {
    report.window.Add(windows[i]);
  }
  return report;
}

std::string FormatLoadReport(const LoadReport& report,
                             const LoadOptions& options) {
  const LoadWindow& window = report.window;
  std::string text =
      absl::StrFormat("%s, %s, %d text%s a request\n", options.settings.model,
                      FormatLoop(options), options.texts_per_request,
                      options.texts_per_request == 1 ? "" : "s");
  absl::StrAppendFormat(
      &text,
      "the last %.1f s, after %.1f s of warm-up and %.1f s discarded: %s\n\n",
      absl::ToDoubleSeconds(report.duration),
      absl::ToDoubleSeconds(options.warm_up),
      absl::ToDoubleSeconds(report.discarded),
      report.steady ? "steady" : "NOT STEADY");
  absl::StrAppend(&text, FormatRates(report), "\n", FormatStages(window), "\n",
                  FormatOutcomes(window));
  if (!report.steady && window.answered.requests > 0) {
    text +=
        "  Throughput or latency still changed: load above capacity, a run too "
        "short,\n  or other work on the machine.\n";
  }
  if (GeneratorWasLate(window)) {
    absl::StrAppendFormat(
        &text,
        "  The generator itself sent late, by %.1f ms at p99, "
        "which is in the latency.\n",
        Milliseconds(window.send_delay.Percentile(0.99)));
  }
  return text;
}

std::string ToJson(const LoadReport& report, const LoadOptions& options) {
  const LoadWindow& window = report.window;
  const LoadCounts& counts = window.answered;
  Json json = MakeJson(options);
  json["warm_up_seconds"] = absl::ToDoubleSeconds(options.warm_up);
  json["discarded_seconds"] = absl::ToDoubleSeconds(report.discarded);
  json["measured_seconds"] = absl::ToDoubleSeconds(report.duration);
  json["steady"] = report.steady;
  json["requests_per_second"] = report.PerSecond(counts.requests);
  json["sentences_per_second"] = report.PerSecond(counts.sentences);
  json["source_tokens_per_second"] = report.PerSecond(counts.source_tokens);
  json["target_tokens_per_second"] = report.PerSecond(counts.target_tokens);
  json["source_words_per_second"] = report.PerSecond(counts.source_words);
  json["latency_seconds"] = {{"end_to_end", MakeJson(window.latency)},
                             {"queue", MakeJson(window.queue)},
                             {"encode", MakeJson(window.encode)},
                             {"decode", MakeJson(window.decode)},
                             {"network", MakeJson(window.network)}};
  json["outcomes"] = Json::object();
  for (const auto& [code, count] : window.outcomes) {
    json["outcomes"][absl::StatusCodeToString(code)] = count;
  }
  json["unsent"] = window.unsent;
  json["send_delay_seconds"] = MakeJson(window.send_delay);
  return json.dump();
}

std::string FormatLoadProgress(const LoadProgress& progress,
                               const LoadOptions& options) {
  const bool warming_up = progress.elapsed < options.warm_up;
  std::string text = absl::StrFormat(
      "%.0f/%.0f s  %s  %.1f requests/s  p50 %.1f ms  p99 %.1f ms  "
      "%d in flight",
      absl::ToDoubleSeconds(progress.elapsed),
      absl::ToDoubleSeconds(options.warm_up + options.duration),
      warming_up ? "warm-up" : "measuring",
      static_cast<double>(progress.answered) /
          absl::ToDoubleSeconds(progress.interval),
      Milliseconds(progress.latency.Percentile(0.5)),
      Milliseconds(progress.latency.Percentile(0.99)), progress.in_flight);
  if (progress.failed > 0) {
    absl::StrAppend(&text, "  ", progress.failed, " failed");
  }
  return text;
}

}  // namespace peregrine::client
