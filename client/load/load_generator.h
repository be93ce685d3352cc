#ifndef PEREGRINE_CLIENT_LOAD_LOAD_GENERATOR_H_
#define PEREGRINE_CLIENT_LOAD_LOAD_GENERATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/load/load_recorder.h"
#include "client/load/load_schedule.h"
#include "client/load/load_texts.h"
#include "client/translation_settings.h"
#include "grpcpp/completion_queue.h"
#include "peregrine/v1/translation.grpc.pb.h"

namespace peregrine::client {

struct LoadOptions {
  TranslationSettings settings;
  int texts_per_request = 1;
  absl::Duration deadline = absl::InfiniteDuration();  // of each request

  // A closed loop of so many senders; or, where `rate` is set, an open loop of
  // so many requests a second. See LoadSchedule.
  int concurrency = 1;
  double rate = 0;
  Arrivals arrivals = Arrivals::kPoisson;
  std::uint64_t seed = 1;

  // Not measured, then measured.
  absl::Duration warm_up = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(20);
  int num_windows = 20;  // of the measured time, see LoadRecorder

  // Requests of an open loop at a time; others are not sent, but counted.
  int max_in_flight = 10'000;

  // After the end, answers are waited for, and then cancelled.
  absl::Duration drain_timeout = absl::Seconds(60);
};

struct LoadProgress {
  absl::Duration elapsed;  // of warm-up and measured time
  int in_flight = 0;
  std::int64_t failed = 0;  // since the start
  // Since the last progress.
  std::int64_t answered = 0;
  absl::Duration interval;
  LatencyHistogram latency;
};

// Puts a server under load. One thread sends when requests are due, another
// receives, so that no answer, however slow, delays another request.
// Requests are never repeated. Good for one Run.
class LoadGenerator {
 public:
  using Stubs =
      std::vector<std::unique_ptr<v1::TranslationService::StubInterface>>;

  // Requests take turns on `stubs`, at least one. `texts` must outlive this.
  LoadGenerator(Stubs stubs, LoadTexts* texts, const LoadOptions& options);

  // Blocks until all is over. `observe` is called some times a second, from
  // this thread.
  LoadRecorder Run(const std::function<void(const LoadProgress&)>& observe);

 private:
  struct Call;

  void SendUntilEnd();
  // Waits; false: nothing is due before the end.
  bool AwaitDue(absl::Time* due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send(absl::Time due);
  // Takes the answers out of `answers_`.
  void ReceiveUntilShutdown();
  void Finish(Call* call);
  LoadProgress TakeProgress() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Observe(const std::function<void(const LoadProgress&)>& observe);
  void AwaitAnswers();

  const Stubs stubs_;
  LoadTexts* const texts_;
  const LoadOptions options_;
  const absl::Time start_;
  const absl::Time end_;
  std::size_t next_stub_ = 0;  // the sending thread's
  grpc::CompletionQueue answers_;

  absl::Mutex mutex_;
  absl::CondVar sooner_;  // than was planned the next request is due
  std::unique_ptr<LoadSchedule> schedule_ ABSL_GUARDED_BY(mutex_);
  LoadRecorder recorder_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<Call*> calls_ ABSL_GUARDED_BY(mutex_);
  bool all_sent_ ABSL_GUARDED_BY(mutex_) = false;
  LoadProgress progress_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_progress_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LOAD_GENERATOR_H_
