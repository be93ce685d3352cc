// Beams that a device advances, against the search by the plain rule: sorted
// lists. Logits are small integers and inputs few, so that much is equal and
// ties decide.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/parity_fixture.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

constexpr int kInputs = 6;
constexpr int kVocab = 40;
constexpr int32_t kEos = 7;  // which is likely
constexpr int kMaxRows = 48;
constexpr int kMaxPositions = 10;
constexpr int32_t kStart = 5;
constexpr int kRounds = 12;

struct Hypothesis {
  double score = 0;
  int32_t token = kStart;
  std::vector<int32_t> cells;  // of all its positions
};

// A beam as the test knows it.
struct Beam {
  QueuedBeam queued;
  int places = 0;
  std::vector<Hypothesis> live = {Hypothesis()};
};

class BeamQueueTest : public KernelsTest {
 protected:
  void SetUp() override {
    KernelsTest::SetUp();
    if (IsSkipped()) return;
    auto queue = device_->NewBeamQueue({kMaxRows, kMaxPositions}, kEos);
    ASSERT_TRUE(queue.ok()) << queue.status();
    queue_ = *std::move(queue);
    if (queue_ == nullptr) GTEST_SKIP() << "works as it is called";
    memory_ = std::make_unique<DeviceMemory>(*device_);
    std::vector<float> bias(kVocab, 0.0f);
    bias[kEos] = 2.0f;
    // A few tokens only for some: fewer continuations than candidates.
    for (int token = 12; token < kVocab; ++token) suppressed_.push_back(token);
    projection_ = device_
                      ->PackLinear({RandomIntegers(kVocab, kInputs, 2).data,
                                    bias, kVocab, kInputs})
                      .value();
    inputs_ = RandomIntegers(2, kInputs, 2);
    logits_ = memory_->Put(Array(kMaxRows, kVocab));
    cells_ = memory_->Put(std::vector<int32_t>(kMaxRows * kMaxPositions));
  }

  Beam NewBeam();
  int LayOut(std::vector<Beam>& beams);
  void Follow(std::vector<Beam>& beams, int num_rows);
  void Start(std::vector<Beam>& beams, int num_rows);
  std::vector<BeamCandidate> Candidates(const Beam& beam, const Array& x);
  void Choose(Beam& beam, std::vector<BeamCandidate> candidates);

  std::unique_ptr<BeamQueue> queue_;
  std::unique_ptr<DeviceMemory> memory_;
  std::unique_ptr<LinearWeight> projection_;
  std::vector<int32_t> suppressed_;
  Array inputs_{0, 0};
  Matrix logits_;
  int32_t* cells_ = nullptr;
  int32_t next_cell_ = 0;
  // What the steps under way must find, in their order.
  std::vector<std::vector<BeamCandidate>> expected_;
};

Beam BeamQueueTest::NewBeam() {
  Beam beam;
  beam.queued.beam_size = 1 + UniformInt(0, 5);
  beam.queued.shrinks = UniformInt(0, 1) == 0;
  if (UniformInt(0, 3) == 0)
    beam.queued.constraint.only = kEos + UniformInt(0, 1);
  beam.places = beam.queued.beam_size;
  return beam;
}

// Rows of the next step.
int BeamQueueTest::LayOut(std::vector<Beam>& beams) {
  int num_rows = 0;
  for (Beam& beam : beams) {
    const bool has_begun = beam.queued.step > 0;
    beam.queued.followed_row = has_begun ? beam.queued.first_row : -1;
    beam.queued.first_row = num_rows;
    beam.queued.is_free = UniformInt(0, 4) == 0;
    num_rows += beam.queued.beam_size;
  }
  return num_rows;
}

// Begins a step and looks at its rows.
void BeamQueueTest::Follow(std::vector<Beam>& beams, int num_rows) {
  std::vector<QueuedBeam> queued;
  std::vector<int32_t> new_cells;
  std::vector<int32_t> lengths;
  for (const Beam& beam : beams) {
    queued.push_back(beam.queued);
    for (int j = 0; j < beam.queued.beam_size; ++j) {
      new_cells.push_back(next_cell_++);
      lengths.push_back(beam.queued.step + 1);
    }
  }
  const int stride = kMaxPositions - UniformInt(0, 1);
  const BeamRows rows = {memory_->Put(std::vector<int32_t>(num_rows, kStart)),
                         memory_->Put(lengths), cells_, stride,
                         memory_->Put(new_cells)};
  queue_->Follow(queued, rows);
  const std::vector<int32_t> tokens = memory_->Get(rows.tokens, num_rows);
  lengths = memory_->Get(rows.lengths, num_rows);
  const std::vector<int32_t> cells = memory_->Get(cells_, num_rows * stride);
  for (Beam& beam : beams) {
    for (int j = 0; j < beam.queued.beam_size; ++j) {
      const int row = beam.queued.first_row + j;
      if (j >= static_cast<int>(beam.live.size())) {
        ASSERT_EQ(lengths[row], 0);
        continue;
      }
      ASSERT_EQ(lengths[row], beam.queued.step + 1);
      ASSERT_EQ(tokens[row], beam.live[j].token);
      beam.live[j].cells.push_back(new_cells[row]);
      const int32_t* found = cells.data() + row * stride;
      ASSERT_EQ(std::vector<int32_t>(found, found + lengths[row]),
                beam.live[j].cells);
    }
  }
}

// Ends a step, and advances the beams as the device should.
void BeamQueueTest::Start(std::vector<Beam>& beams, int num_rows) {
  Array x(num_rows, kInputs);
  for (int row = 0; row < num_rows; ++row) {
    std::copy_n(inputs_.row(UniformInt(0, 1)), kInputs, x.row(row));
  }
  std::vector<BeamCandidate> expected;
  for (Beam& beam : beams) {
    std::vector<BeamCandidate> candidates = Candidates(beam, x);
    Choose(beam, candidates);
    candidates.resize(2 * beam.queued.beam_size, {-INFINITY, -1, -1});
    expected.insert(expected.end(), candidates.begin(), candidates.end());
    ++beam.queued.step;
  }
  expected_.push_back(expected);
  queue_->Start(*projection_, memory_->Put(x), suppressed_,
                logits_.Rows(0, num_rows));
}

std::vector<BeamCandidate> BeamQueueTest::Candidates(const Beam& beam,
                                                     const Array& x) {
  const int live = static_cast<int>(beam.live.size());
  const int k = 2 * beam.queued.beam_size;
  if (live == 0) return {};
  Array rows(live, kInputs);
  std::copy_n(x.row(beam.queued.first_row), live * kInputs, rows.row(0));
  std::vector<float> log_probs(live * k);
  std::vector<int32_t> tokens(live * k);
  device_->OutputTopK(
      *projection_, memory_->Put(rows), suppressed_,
      std::vector<TokenConstraint>(live, beam.queued.constraint),
      memory_->Put(Array(live, kVocab)), {k, log_probs.data(), tokens.data()});
  std::vector<BeamCandidate> candidates;
  for (int i = 0; i < live * k; ++i) {
    if (tokens[i] < 0) continue;
    const double added = beam.queued.is_free ? 0.0 : log_probs[i];
    candidates.push_back({beam.live[i / k].score + added, i / k, tokens[i]});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const auto& a, const auto& b) { return a.score > b.score; });
  if (candidates.size() > static_cast<size_t>(k)) candidates.resize(k);
  return candidates;
}

void BeamQueueTest::Choose(Beam& beam, std::vector<BeamCandidate> candidates) {
  const size_t places = beam.places;
  if (beam.queued.shrinks && candidates.size() > places) {
    candidates.resize(places);
  }
  std::vector<Hypothesis> next;
  for (const BeamCandidate& candidate : candidates) {
    if (next.size() == places) break;
    if (candidate.token == kEos) {
      if (beam.queued.shrinks) --beam.places;
      continue;
    }
    next.push_back({candidate.score, candidate.token,
                    beam.live[candidate.hypothesis].cells});
  }
  beam.live = next;
}

// Beams join and leave while steps are under way.
TEST_P(BeamQueueTest, ChoosesAsByTheRule) {
  std::vector<Beam> beams;
  int num_ties = 0;
  int num_short = 0;
  for (int round = 0; round < kRounds; ++round) {
    beams.erase(std::remove_if(beams.begin(), beams.end(),
                               [&](const Beam& beam) {
                                 return beam.queued.step == kMaxPositions - 1 ||
                                        UniformInt(0, 5) == 0;
                               }),
                beams.end());
    while (beams.size() < 5) beams.insert(beams.begin(), NewBeam());
    const int num_rows = LayOut(beams);
    Follow(beams, num_rows);
    if (HasFatalFailure()) return;
    Start(beams, num_rows);
    if (round == 0) continue;
    const std::vector<BeamCandidate> expected = expected_.front();
    expected_.erase(expected_.begin());
    std::vector<BeamCandidate> found(expected.size());
    queue_->Await(absl::MakeSpan(found));
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].token, expected[i].token) << round << ", " << i;
      ASSERT_EQ(found[i].hypothesis, expected[i].hypothesis) << i;
      ASSERT_EQ(found[i].score, expected[i].score) << round << ", " << i;
      num_short += found[i].token < 0;
      num_ties += i > 0 && found[i].token >= 0 &&
                  found[i].score == found[i - 1].score &&
                  found[i].hypothesis != found[i - 1].hypothesis;
    }
  }
  EXPECT_GT(num_ties, 10) << "between hypotheses";
  EXPECT_GT(num_short, 10) << "fewer continuations than candidates";
}

// All beams as large as they may be.
TEST_P(BeamQueueTest, TakesTheLargestBeam) {
  std::vector<Beam> beams(1);
  beams[0].queued.beam_size = beams[0].places = kMaxQueuedBeamSize;
  for (int step = 0; step < 4; ++step) {
    const int num_rows = LayOut(beams);
    Follow(beams, num_rows);
    if (HasFatalFailure()) return;
    Start(beams, num_rows);
    std::vector<BeamCandidate> found(2 * num_rows);
    queue_->Await(absl::MakeSpan(found));
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].token, expected_[step][i].token) << step << ", " << i;
      ASSERT_EQ(found[i].score, expected_[step][i].score) << step << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, BeamQueueTest,
                         ::testing::ValuesIn(GpusUnderTest()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(TunedGpus, BeamQueueTest,
                         ::testing::ValuesIn(TunedGpusUnderTest()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace peregrine::kernels
