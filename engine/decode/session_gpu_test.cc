// What a session on a GPU must do beyond what session_test.cc asks of every
// device: steps as graphs, no allocation, and what happens when the device
// fails. On an emulated GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/decode/session_fixture.h"
#include "engine/kernels/cuda/emulation/emulated_kernels.h"

namespace peregrine::decode {
namespace {

using kernels::CountEmulated;
using kernels::EmulatedCounts;
using kernels::EmulatedFault;
using testing::HasSubstr;

const Computation kEmulated = {{kernels::Device::Kind::kCuda},
                               kernels::Precision::kFloat16,
                               model::DecoderState::kSelfAttention,
                               /*emulated=*/true};

SentenceInput Sentence(uint64_t id, int beam_size, int target_length) {
  SentenceInput sentence;
  sentence.id = id;
  sentence.source = {5, 6, 7, 8};
  sentence.options.beam_size = beam_size;
  sentence.options.num_hypotheses = 1;
  sentence.options.max_length = target_length;
  sentence.options.min_length = target_length;
  return sentence;
}

class SessionGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto kernels = MakeKernels(kEmulated);
    if (!kernels.ok()) GTEST_SKIP() << kernels.status();
  }
  void TearDown() override { kernels::InjectFault(EmulatedFault::kNone); }
};

// Steps of a shape are captured when it comes for the second time, and never
// again: whichever sentences they are of.
TEST_F(SessionGpuTest, StepsOfAShapeAreCapturedOnce) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  const auto run = [&](uint64_t id) {
    session->Admit({Sentence(id, 3, 10)});
    while (session->live_sentences() > 0) session->Step();
  };
  run(1);
  run(2);
  const EmulatedCounts before = CountEmulated();
  run(3);
  const EmulatedCounts after = CountEmulated();
  EXPECT_EQ(after.captures, before.captures);
  EXPECT_EQ(after.graph_launches, before.graph_launches + 11);
  EXPECT_EQ(after.allocations, before.allocations);
  // Outside graphs: the encoder, and two kernels a step for the output.
  EXPECT_LE(after.direct_launches, before.direct_launches + 2 * 11 + 40);
}

SentenceInput Greedy(uint64_t id) {
  SentenceInput sentence = Sentence(id, 1, 9);
  sentence.source = {static_cast<int32_t>(5 + id), 9, 4};
  sentence.options.min_length = static_cast<int>(id % 3);
  sentence.options.max_length = 4 + static_cast<int>(id % 5);
  return sentence;
}

// A session that is profiled waits for every step: the search of the host.
Hypothesis ByTheHost(Engine& engine, const SentenceInput& sentence) {
  model::StageProfile profile;
  auto session = engine.NewSession({8, 256});
  session->set_profile(&profile);
  session->Admit({sentence});
  while (true) {
    for (SentenceOutput& output : session->Step()) {
      return output.hypotheses.at(0);
    }
  }
}

// Greedy sentences, some of which join while steps are under way, end by their
// own or are cancelled, with a beam among them for a while: each has the tokens
// and the bits of the score that the host's search finds for it alone.
TEST_F(SessionGpuTest, StepsAheadFindWhatTheHostFinds) {
  Engine engine(kEmulated);
  std::map<uint64_t, Hypothesis> expected;
  for (uint64_t id = 0; id < 10; ++id) {
    expected[id] = ByTheHost(engine, Greedy(id));
  }
  SentenceInput beam = Sentence(10, 2, 3);
  expected[10] = ByTheHost(engine, beam);
  auto session = engine.NewSession({6, 256});
  uint64_t next = 0;
  size_t found = 0;
  for (int step = 0; found < 9 + 1; ++step) {
    ASSERT_LT(step, 100);
    while (next < 10 && session->room().rows > 2) {
      session->Admit({Greedy(next++)});
      if (next % 2 == 0) break;
    }
    if (step == 2) EXPECT_TRUE(session->Cancel(1));
    if (step == 5) session->Admit({beam});
    for (const SentenceOutput& output : session->Step()) {
      SCOPED_TRACE(output.id);
      EXPECT_EQ(output.hypotheses[0].tokens, expected[output.id].tokens);
      EXPECT_EQ(output.hypotheses[0].score, expected[output.id].score);
      EXPECT_EQ(output.hypotheses[0].truncated, expected[output.id].truncated);
      EXPECT_NE(output.id, 1u) << "was cancelled";
      ++found;
    }
  }
  EXPECT_EQ(session->room().rows, 6);
}

// The host waits for results of a step, never for all that the device was
// given, while greedy sentences alone are live.
TEST_F(SessionGpuTest, GreedyStepsAreGivenAheadOfTheHost) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  session->Admit({Sentence(1, 1, 40), Sentence(2, 1, 40)});
  session->Step();
  const EmulatedCounts before = CountEmulated();
  for (int step = 0; step < 30; ++step) session->Step();
  EXPECT_EQ(CountEmulated().waits, before.waits);
  EXPECT_EQ(CountEmulated().allocations, before.allocations);
}

TEST_F(SessionGpuTest, ASessionMayGoWithStepsUnderWay) {
  Engine engine(kEmulated);
  auto other = engine.NewSession({8, 256});
  {
    auto session = engine.NewSession({8, 256});
    session->Admit({Sentence(1, 1, 20)});
    session->Step();
    other->Admit({Sentence(2, 1, 20)});
    other->Step();
  }
  std::vector<Hypothesis> hypotheses;
  while (hypotheses.empty()) {
    for (SentenceOutput& output : other->Step()) hypotheses = output.hypotheses;
  }
  EXPECT_EQ(hypotheses[0].tokens, ByTheHost(engine, Sentence(2, 1, 20)).tokens);
}

TEST_F(SessionGpuTest, SessionsOnOneDeviceKeepTheirSteps) {
  Engine engine(kEmulated);
  auto first = engine.NewSession({8, 256});
  auto second = engine.NewSession({8, 256});
  std::vector<std::vector<Hypothesis>> found;
  for (Session* session : {first.get(), second.get(), first.get()}) {
    session->Admit({Sentence(1, 2, 8)});
    while (session->live_sentences() > 0) {
      for (SentenceOutput& output : session->Step()) {
        found.push_back(std::move(output.hypotheses));
      }
    }
  }
  ASSERT_EQ(found.size(), 3u);
  for (const auto& hypotheses : found) {
    EXPECT_EQ(hypotheses[0].tokens, found[0][0].tokens);
    EXPECT_EQ(hypotheses[0].score, found[0][0].score);
  }
}

TEST_F(SessionGpuTest, ALostDeviceIsAStatusAndNoCrash) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  session->Admit({Sentence(1, 2, 20), Sentence(2, 4, 20)});
  session->Step();
  ASSERT_TRUE(session->status().ok()) << session->status();
  kernels::InjectFault(EmulatedFault::kDeviceLost);
  session->Step();
  EXPECT_EQ(session->status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(session->status().message()), HasSubstr("cuda:0"));
  // It stays so, even where the device answers again.
  kernels::InjectFault(EmulatedFault::kNone);
  session->Step();
  EXPECT_FALSE(session->status().ok());
}

TEST_F(SessionGpuTest, ADeviceLostWhileEncodingIsAStatus) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  kernels::InjectFault(EmulatedFault::kDeviceLost);
  session->Admit({Sentence(1, 2, 20)});
  session->Step();
  EXPECT_EQ(session->status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SessionGpuTest, AModelThatDoesNotFitSaysByHowMuch) {
  auto kernels = kernels::MakeEmulatedKernels(size_t{40} << 20).value();
  Engine engine(kEmulated, std::move(kernels));
  const absl::Status status = engine.TryNewSession({4096, 1 << 20}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot allocate"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("of 40.0 MiB are in use"));
  EXPECT_NE(engine.NewSession({8, 256}), nullptr) << "what was taken is back";
}

TEST_F(SessionGpuTest, ABudgetBeyondTheDeviceSaysByHowMuch) {
  const absl::Status status =
      kernels::MakeEmulatedKernels(size_t{1} << 40).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a budget of 1048576.0 MiB of memory, but 16384.0 MiB "
                        "of 16384.0 MiB are free"));
}

}  // namespace
}  // namespace peregrine::decode
