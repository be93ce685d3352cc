// What a session on a GPU must do beyond what session_test.cc asks of every
// device: steps as graphs, no allocation, and what happens when the device
// fails. On an emulated GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
