// Sentences whose targets do not all have room at once: they wait inside the
// session, and come out as they would alone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/decode/session_fixture.h"

namespace peregrine::decode {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Computation kCpu = {kernels::Device::kCpu};

SentenceInput Sentence(uint64_t id, int beam_size, int max_length) {
  SentenceInput sentence;
  sentence.id = id;
  sentence.source = {static_cast<int32_t>(5 + id), 6, 7};
  sentence.options.beam_size = beam_size;
  sentence.options.max_length = max_length;
  sentence.options.min_length = max_length;
  return sentence;
}

std::map<uint64_t, std::vector<int32_t>> Finish(Session& session) {
  std::map<uint64_t, std::vector<int32_t>> found;
  for (int step = 0; session.live_sentences() > 0; ++step) {
    EXPECT_LT(step, 1000);
    if (step == 1000) break;
    for (const SentenceOutput& output : session.Step()) {
      found[output.id] = output.hypotheses[0].tokens;
    }
  }
  return found;
}

TEST(SessionMemoryTest, CountsWholeBlocksForEachHypothesis) {
  DecodingOptions options;
  options.beam_size = 3;
  options.max_length = 15;  // and the end symbol
  EXPECT_EQ(Session::TargetTokens(options), 3 * 16);
  options.max_length = 16;
  EXPECT_EQ(Session::TargetTokens(options), 3 * 32);
}

TEST(SessionMemoryTest, SentencesWaitForRoom) {
  Engine engine(kCpu);
  auto roomy = engine.NewSession({16, 256});
  // The longest target has 64 positions: one beam of two at a time, or so.
  auto tight = engine.NewSession({16, 256, 128});
  std::vector<SentenceInput> sentences;
  for (uint64_t id = 0; id < 8; ++id) {
    sentences.push_back(Sentence(id, 1 + static_cast<int>(id % 2), 20 + id));
  }
  roomy->Admit(sentences);
  const auto expected = Finish(*roomy);
  tight->Admit(sentences);
  EXPECT_EQ(tight->live_sentences(), 8) << "those that wait among them";
  tight->Step();
  EXPECT_LT(tight->live_rows(), 12);
  EXPECT_EQ(Finish(*tight), expected);
  EXPECT_EQ(tight->room().rows, 16);

  tight->Admit({Sentence(9, 4, 20)});
  EXPECT_EQ(Finish(*tight).size(), 1u) << "all room was given back";
}

TEST(SessionMemoryTest, ASentenceThatWaitsCanBeCancelled) {
  Engine engine(kCpu);
  auto session = engine.NewSession({16, 256, 64});
  session->Admit({Sentence(1, 1, 40), Sentence(2, 1, 40), Sentence(3, 1, 10)});
  session->Step();
  EXPECT_TRUE(session->Cancel(2));
  EXPECT_FALSE(session->Cancel(2));
  const auto found = Finish(*session);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(found.count(2), 0u);
  EXPECT_EQ(session->room().rows, 16);
}

TEST(SessionMemoryTest, ABeamThatCanNeverHaveRoomIsRefused) {
  Engine engine(kCpu);
  auto session = engine.NewSession({16, 256, 128});
  EXPECT_TRUE(session->Validate(Sentence(1, 8, 15)).ok());
  const absl::Status refused = session->Validate(Sentence(1, 8, 16));
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("beam_size 8"), HasSubstr("max_length 16"),
                    HasSubstr("256"), HasSubstr("at most 128")));
}

TEST(SessionMemoryTest, TheLongestGreedySentenceAlwaysHasRoom) {
  Engine engine(kCpu);
  auto session = engine.NewSession({16, 256, 1});
  session->Admit({Sentence(1, 1, 50), Sentence(2, 1, 50)});
  EXPECT_EQ(Finish(*session).size(), 2u);
}

}  // namespace
}  // namespace peregrine::decode
