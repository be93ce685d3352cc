// The queue and a worker under more load than they can bear, on a clock that
// only the work moves: what a real server does in a minute, exactly the same
// each time. The session computes nothing and takes the time of a cost model.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "server/scheduling/admission_queue.h"
#include "server/scheduling/intake.h"
#include "server/scheduling/sentence_group.h"
#include "server/scheduling/worker.h"

namespace peregrine::server {
namespace {

// What a session takes: for each step and each encoder run, and for each row
// and each source token of one.
struct Cost {
  absl::Duration step, row, encode, token;
};
constexpr Cost kCpu = {absl::Microseconds(1500), absl::Microseconds(150),
                       absl::Microseconds(1000), absl::Microseconds(40)};
// Rows cost next to nothing.
constexpr Cost kGpu = {absl::Microseconds(4000), absl::Microseconds(4),
                       absl::Microseconds(3000), absl::Microseconds(2)};

class CostedSession : public DecodeSession {
 public:
  CostedSession(const decode::SessionLimits& limits, const Cost& cost,
                absl::Time& clock)
      : limits_(limits), cost_(cost), clock_(clock) {}

  decode::Room room() const override {
    return {limits_.max_rows - rows_, limits_.max_source_tokens - tokens_};
  }
  int BlockedTokens(int source_length) const override { return source_length; }
  absl::Status Validate(const decode::SentenceInput&) const override {
    return absl::OkStatus();
  }
  void Admit(absl::Span<const decode::SentenceInput> sentences) override {
    clock_ += cost_.encode;
    for (const decode::SentenceInput& sentence : sentences) {
      const int length = static_cast<int>(sentence.source.size());
      const double ratio = std::lognormal_distribution<>(0, 0.2)(random_);
      live_[sentence.id] = {sentence.options.beam_size, length,
                            1 + static_cast<int>(ratio * length)};
      rows_ += sentence.options.beam_size;
      tokens_ += length;
      clock_ += cost_.token * length;
    }
  }
  std::vector<decode::SentenceOutput> Step() override {
    clock_ += cost_.step + cost_.row * rows_;
    std::vector<decode::SentenceOutput> outputs;
    for (auto& [id, live] : live_) {
      if (--live.steps > 0) continue;
      outputs.emplace_back();
      outputs.back().id = id;
      outputs.back().hypotheses.resize(1);
    }
    for (const decode::SentenceOutput& output : outputs) Cancel(output.id);
    return outputs;
  }
  bool Cancel(uint64_t id) override {
    const auto it = live_.find(id);
    if (it == live_.end()) return false;
    rows_ -= it->second.rows;
    tokens_ -= it->second.tokens;
    live_.erase(it);
    return true;
  }
  int live_rows() const override { return rows_; }

 private:
  struct Live {
    int rows = 0;
    int tokens = 0;
    int steps = 0;
  };
  const decode::SessionLimits limits_;
  const Cost cost_;
  absl::Time& clock_;
  std::mt19937 random_{1};
  std::unordered_map<uint64_t, Live> live_;
  int rows_ = 0;
  int tokens_ = 0;
};

struct Traffic {
  double rate = 0;  // sentences a second, at moments of a Poisson process
  absl::Duration deadline = absl::InfiniteDuration();
  int beam_size = 1;
  Flow flow = {};
};

constexpr int kMeanLength = 25;
constexpr int kLongLength = 60;

struct Outcome {
  int sent = 0;
  int in_time = 0;
  int late = 0;       // started, and not finished in time
  int sent_long = 0;  // of kLongLength and more
  int in_time_long = 0;
  absl::Duration time;

  void Add(const Outcome& other) {
    sent += other.sent;
    in_time += other.in_time;
    late += other.late;
    sent_long += other.sent_long;
    in_time_long += other.in_time_long;
    time += other.time;
  }
  double Goodput() const { return in_time / absl::ToDoubleSeconds(time); }
};

class Simulation {
 public:
  explicit Simulation(const Cost& cost, int seed = 1)
      : random_(seed),
        session_(limits_, cost, clock_),
        worker_(AdmissionPolicy{}, session_, metrics_),
        queue_(AdmissionOptions{}) {}

  // What came out of the traffic of `time` from now on.
  Outcome Run(const Traffic& traffic, absl::Duration time) {
    return RunAll({traffic}, time)[0];
  }

  // The same of several kinds at once.
  std::vector<Outcome> RunAll(const std::vector<Traffic>& traffics,
                              absl::Duration time) {
    std::vector<Outcome> outcomes(traffics.size());
    std::vector<absl::Time> next(traffics.size(), clock_);
    const absl::Time end = clock_ + time;
    const auto arrive = [&] {
      while (true) {
        const size_t i =
            std::min_element(next.begin(), next.end()) - next.begin();
        if (next[i] > std::min(clock_, end)) return next[i];
        Send(traffics[i], next[i], end, outcomes[i]);
        next[i] += absl::Seconds(
            std::exponential_distribution<>(traffics[i].rate)(random_));
      }
    };
    for (Outcome& outcome : outcomes) outcome.time = time;
    absl::Time soonest = clock_;
    while (soonest <= end || !worker_.idle() || !queue_.empty()) {
      if (worker_.idle() && queue_.empty()) {
        clock_ = std::max(clock_, soonest);
        arrive();
        intake_.Resume(clock_);
      }
      Turn();
      soonest = arrive();
    }
    return outcomes;
  }

 private:
  void Send(const Traffic& traffic, absl::Time due, absl::Time end,
            Outcome& outcome) {
    const double length = std::lognormal_distribution<>(
        std::log(kMeanLength) - 0.125, 0.5)(random_);
    Sentence sentence;
    sentence.source.resize(std::clamp(static_cast<int>(length), 1, 200));
    sentence.source_tokens = static_cast<int>(sentence.source.size());
    sentence.options.beam_size = traffic.beam_size;
    sentence.options.max_length = 2 * sentence.source_tokens + 10;
    sentence.deadline = due + traffic.deadline;
    sentence.flow = traffic.flow;
    const bool is_long = sentence.source_tokens >= kLongLength;
    outcome.sent += 1;
    outcome.sent_long += is_long;

    const absl::Time deadline = sentence.deadline;
    // To `end`, since what is finished after it counts for no rate.
    const size_t slot = groups_.size();
    groups_.push_back(nullptr);
    groups_[slot] = std::make_unique<SentenceGroup>(1, [=, &outcome] {
      const absl::Status status = groups_[slot]->status();
      const bool ok = status.ok() && clock_ <= std::min(deadline, end);
      outcome.in_time += ok;
      outcome.late += clock_ > deadline;
      outcome.in_time_long += ok && is_long;
    });
    sentence.group = groups_[slot].get();
    (void)queue_.Push({sentence}, due, worker_.idle());
  }

  // As in Batcher::Loop.
  void Turn() {
    const absl::Time start = clock_;
    Taken taken = intake_.Take(queue_, worker_, 0, start);
    for (Refusal& refusal : taken.refusals) {
      Refuse(refusal.sentence, std::move(refusal.status), metrics_);
    }
    if (!taken.sentences.empty()) {
      worker_.Admit(std::move(taken.sentences), start);
      worker_.AdmissionEnded(clock_);
    }
    worker_.Step(clock_);
  }

  decode::SessionLimits limits_;
  std::mt19937 random_;
  absl::Time clock_ = absl::UnixEpoch();
  ModelMetrics metrics_;
  CostedSession session_;
  Worker worker_;
  AdmissionQueue queue_;
  Intake intake_;
  std::vector<std::unique_ptr<SentenceGroup>> groups_;
};

struct Case {
  const char* name;
  Cost cost;
  int beam_size;
  absl::Duration deadline;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class OverloadTest : public ::testing::TestWithParam<Case> {
 protected:
  // Sentences a second that a full session can translate if time is no object.
  double Capacity() {
    Simulation simulation(GetParam().cost);
    return simulation
        .Run({5000, absl::InfiniteDuration(), GetParam().beam_size},
             absl::Seconds(10))
        .Goodput();
  }
  Traffic TrafficOf(double rate) {
    return {rate, GetParam().deadline, GetParam().beam_size};
  }
  // In the steady state, of several runs.
  Outcome Run(double rate) {
    Outcome sum;
    for (int seed = 1; seed <= 3; ++seed) {
      Simulation simulation(GetParam().cost, seed);
      simulation.Run(TrafficOf(rate), absl::Seconds(5));
      sum.Add(simulation.Run(TrafficOf(rate), absl::Seconds(20)));
    }
    return sum;
  }
};

TEST_P(OverloadTest, OverloadCostsNoGoodput) {
  const double capacity = Capacity();
  double peak = 0;
  for (double times : {0.8, 1.0, 1.2}) {
    peak = std::max(peak, Run(times * capacity).Goodput());
  }
  EXPECT_GT(peak, 0.6 * capacity);
  const Outcome twice = Run(2 * capacity);
  const Outcome tenfold = Run(10 * capacity);
  peak = std::max({peak, twice.Goodput(), tenfold.Goodput()});
  EXPECT_GE(twice.Goodput(), 0.95 * peak);
  EXPECT_GE(tenfold.Goodput(), 0.90 * peak);
  // What is begun is finished.
  EXPECT_LE(twice.late, 0.02 * twice.in_time);
  EXPECT_LE(tenfold.late, 0.02 * tenfold.in_time);
}

TEST_P(OverloadTest, NoLengthStarves) {
  const Outcome twice = Run(2 * Capacity());
  EXPECT_GT(static_cast<double>(twice.in_time_long) / twice.sent_long,
            0.3 * twice.in_time / twice.sent);
}

TEST_P(OverloadTest, ItIsOverWhenTheLoadIs) {
  const double capacity = Capacity();
  Simulation simulation(GetParam().cost);
  simulation.Run(TrafficOf(10 * capacity), absl::Seconds(10));
  const Outcome after =
      simulation.Run(TrafficOf(0.5 * capacity), absl::Seconds(5));
  EXPECT_GE(after.in_time, 0.95 * after.sent);
}

// One client floods without deadlines, and may fill a session with them;
// another brings little, and has one.
TEST_P(OverloadTest, ADeadlineIsMetBesideAFloodThatHasNone) {
  const double capacity = Capacity();
  Traffic flood = TrafficOf(2 * capacity);
  flood.deadline = absl::InfiniteDuration();
  flood.flow = {1, 1, true};
  Traffic little = TrafficOf(0.02 * capacity);
  little.flow = {2, 1, true};
  Simulation simulation(GetParam().cost);
  simulation.RunAll({flood, little}, absl::Seconds(5));
  const std::vector<Outcome> outcomes =
      simulation.RunAll({flood, little}, absl::Seconds(20));
  std::printf("in time: %d of %d; the flood at %.0f %% of the capacity\n",
              outcomes[1].in_time, outcomes[1].sent,
              100 * outcomes[0].Goodput() / capacity);
  EXPECT_GE(outcomes[1].in_time, 0.9 * outcomes[1].sent);
  EXPECT_GE(outcomes[0].Goodput(), 0.5 * capacity);
}

INSTANTIATE_TEST_SUITE_P(All, OverloadTest,
                         ::testing::Values(Case{"a short deadline", kCpu, 1,
                                                absl::Milliseconds(500)},
                                           Case{"a long deadline", kCpu, 4,
                                                absl::Milliseconds(1500)},
                                           Case{"rows that cost little", kGpu,
                                                4, absl::Milliseconds(1000)}));

}  // namespace
}  // namespace peregrine::server
