#ifndef PEREGRINE_CLIENT_LOAD_LOAD_RECORDER_H_
#define PEREGRINE_CLIENT_LOAD_LOAD_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/load/latency_histogram.h"

namespace peregrine::client {

struct LoadCounts {
  std::int64_t requests = 0;
  std::int64_t sentences = 0;
  std::int64_t source_tokens = 0;
  std::int64_t target_tokens = 0;
  std::int64_t source_words = 0;

  void Add(const LoadCounts& other);
};

// One request of a load, once it is over.
struct RequestOutcome {
  // When it was to be sent. Latency counts from here, not from `sent`: what a
  // stalled server, or a late generator, keeps from being sent in time has
  // waited for it all the same (else: coordinated omission).
  absl::Time due;
  absl::Time sent;
  absl::Time done;

  absl::StatusCode code = absl::StatusCode::kOk;

  // Of one that succeeded, from the cost in its answer: of the text that took
  // longest, and of all texts.
  absl::Duration queue;
  absl::Duration encode;
  absl::Duration decode;
  LoadCounts counts;
};

// What happened in a span of time.
struct LoadWindow {
  // Of the answers that came in it: throughput.
  LoadCounts answered;

  // Of the requests that were due in it.
  std::map<absl::StatusCode, std::int64_t> outcomes;
  // Due, but as many as allowed were in flight already.
  std::int64_t unsent = 0;
  LatencyHistogram send_delay;  // of all that were sent
  // Of those that succeeded.
  LatencyHistogram latency;
  LatencyHistogram queue;
  LatencyHistogram encode;
  LatencyHistogram decode;
  // What the other three leave of the latency: network, parsing, splitting,
  // putting together, and the generator.
  LatencyHistogram network;

  void Add(const LoadWindow& other);
};

// Sorts outcomes into windows of equal length. Not thread-safe.
class LoadRecorder {
 public:
  // Records [start, end); what is due or answered outside is no part of it.
  LoadRecorder(absl::Time start, absl::Time end, int num_windows);

  void Record(const RequestOutcome& outcome);
  void RecordUnsent(absl::Time due);

  absl::Duration window_length() const { return window_length_; }
  const std::vector<LoadWindow>& windows() const { return windows_; }

 private:
  // Null: outside.
  LoadWindow* Find(absl::Time time);

  const absl::Time start_;
  const absl::Time end_;
  const absl::Duration window_length_;
  std::vector<LoadWindow> windows_;
};

// Where the start of a series, still under the influence of how it began, ends:
// the first of the values to keep. By the marginal standard error rule (MSER,
// White 1997): keep those whose mean has the least standard error, but at least
// half. It cuts off a beginning and nothing else, so that no stall of the
// server can be taken for noise and left out.
std::size_t EndOfTransient(absl::Span<const double> values);

// Whether the halves of a series differ in their means by more than `tolerance`
// of the mean, and by more than chance explains (three standard errors).
bool Drifts(absl::Span<const double> values, double tolerance);

struct SteadyState {
  std::size_t first_window = 0;  // those before it are the transient
  // From there on, neither throughput nor latency drifts. False, too, where
  // nothing was answered.
  bool steady = false;
};

SteadyState FindSteadyState(absl::Span<const LoadWindow> windows,
                            double tolerance);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LOAD_RECORDER_H_
