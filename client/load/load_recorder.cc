#include "client/load/load_recorder.h"

#include <algorithm>
#include <cmath>

namespace peregrine::client {
namespace {

struct Moments {
  double mean = 0;
  double squares = 0;  // sum of the squared differences from the mean
  double size = 0;
};

Moments ComputeMoments(absl::Span<const double> values) {
  Moments moments;
  moments.size = static_cast<double>(values.size());
  for (const double value : values) moments.mean += value / moments.size;
  for (const double value : values) {
    moments.squares += (value - moments.mean) * (value - moments.mean);
  }
  return moments;
}

// The squared standard error of the mean.
double ErrorOfMean(const Moments& moments) {
  if (moments.size < 2) return 0;
  return moments.squares / (moments.size - 1) / moments.size;
}

}  // namespace

void LoadCounts::Add(const LoadCounts& other) {
  requests += other.requests;
  sentences += other.sentences;
  source_tokens += other.source_tokens;
  target_tokens += other.target_tokens;
  source_words += other.source_words;
}

void LoadWindow::Add(const LoadWindow& other) {
  answered.Add(other.answered);
  for (const auto& [code, count] : other.outcomes) outcomes[code] += count;
  unsent += other.unsent;
  send_delay.Merge(other.send_delay);
  latency.Merge(other.latency);
  queue.Merge(other.queue);
  encode.Merge(other.encode);
  decode.Merge(other.decode);
  network.Merge(other.network);
}

LoadRecorder::LoadRecorder(absl::Time start, absl::Time end, int num_windows)
    : start_(start),
      end_(end),
      window_length_((end - start) / num_windows),
      windows_(static_cast<std::size_t>(num_windows)) {}

LoadWindow* LoadRecorder::Find(absl::Time time) {
  if (time < start_ || time >= end_) return nullptr;
  const double position = absl::FDivDuration(time - start_, window_length_);
  return &windows_[std::min(static_cast<std::size_t>(position),
                            windows_.size() - 1)];
}

void LoadRecorder::Record(const RequestOutcome& outcome) {
  const bool ok = outcome.code == absl::StatusCode::kOk;
  if (LoadWindow* window = Find(outcome.done); window != nullptr && ok) {
    window->answered.Add(outcome.counts);
  }
  LoadWindow* window = Find(outcome.due);
  if (window == nullptr) return;
  ++window->outcomes[outcome.code];
  window->send_delay.Add(outcome.sent - outcome.due);
  if (!ok) return;
  const absl::Duration latency = outcome.done - outcome.due;
  window->latency.Add(latency);
  window->queue.Add(outcome.queue);
  window->encode.Add(outcome.encode);
  window->decode.Add(outcome.decode);
  window->network.Add(latency - outcome.queue - outcome.encode -
                      outcome.decode);
}

void LoadRecorder::RecordUnsent(absl::Time due) {
  if (LoadWindow* window = Find(due); window != nullptr) ++window->unsent;
}

std::size_t EndOfTransient(absl::Span<const double> values) {
  std::size_t best = 0;
  double least = 0;
  for (std::size_t first = 0; first <= values.size() / 2; ++first) {
    const Moments moments = ComputeMoments(values.subspan(first));
    const double error = moments.squares / (moments.size * moments.size);
    if (first == 0 || error < least) {
      best = first;
      least = error;
    }
  }
  return best;
}

bool Drifts(absl::Span<const double> values, double tolerance) {
  const std::size_t half = values.size() / 2;
  const Moments first = ComputeMoments(values.first(half));
  const Moments second = ComputeMoments(values.subspan(half));
  const double difference = std::abs(first.mean - second.mean);
  const double mean = ComputeMoments(values).mean;
  const double chance = std::sqrt(ErrorOfMean(first) + ErrorOfMean(second));
  return difference > tolerance * std::abs(mean) && difference > 3 * chance;
}

SteadyState FindSteadyState(absl::Span<const LoadWindow> windows,
                            double tolerance) {
  // One value a window; where nothing succeeded, the latency of the one before.
  std::vector<double> throughput, latency;
  std::int64_t requests = 0;
  for (const LoadWindow& window : windows) {
    requests += window.answered.requests;
    throughput.push_back(static_cast<double>(window.answered.requests));
    latency.push_back(window.latency.count() > 0
                          ? absl::ToDoubleSeconds(window.latency.mean())
                      : latency.empty() ? 0
                                        : latency.back());
  }
  SteadyState result;
  if (requests == 0) return result;
  result.first_window =
      std::max(EndOfTransient(throughput), EndOfTransient(latency));
  const auto kept = [&result](const std::vector<double>& values) {
    return absl::MakeConstSpan(values).subspan(result.first_window);
  };
  result.steady =
      !Drifts(kept(throughput), tolerance) && !Drifts(kept(latency), tolerance);
  return result;
}

}  // namespace peregrine::client
