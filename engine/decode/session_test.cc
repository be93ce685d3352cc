#include "engine/decode/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/decode/session_fixture.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/device.h"
#include "engine/shapes/random_tensors.h"

namespace peregrine::decode {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

SentenceInput RandomSentence(uint64_t id, std::mt19937& random,
                             int max_beam = 5, int max_tokens = 40) {
  const auto pick = [&](int min, int max) {
    return std::uniform_int_distribution<int>(min, max)(random);
  };
  SentenceInput sentence;
  sentence.id = id;
  sentence.source.resize(pick(1, max_tokens));
  for (int32_t& token : sentence.source) token = pick(4, kVocabSize - 1);
  sentence.options.beam_size = pick(1, max_beam);
  sentence.options.num_hypotheses = pick(1, sentence.options.beam_size);
  sentence.options.length_penalty = 0.3f * pick(0, 4);
  sentence.options.max_length = pick(1, max_tokens);
  sentence.options.min_length =
      pick(0, std::min(5, sentence.options.max_length));
  sentence.options.use_shortlist = pick(0, 2) > 0;
  return sentence;
}

SentenceOutput Alone(Session& session, const SentenceInput& sentence) {
  session.Admit({sentence});
  while (true) {
    std::vector<SentenceOutput> outputs = session.Step();
    if (!outputs.empty()) return std::move(outputs[0]);
  }
}

// Bit for bit: scores are compared as they are.
void ExpectSame(const SentenceOutput& found, const SentenceOutput& expected) {
  ASSERT_EQ(found.hypotheses.size(), expected.hypotheses.size());
  for (size_t i = 0; i < found.hypotheses.size(); ++i) {
    EXPECT_EQ(found.hypotheses[i].tokens, expected.hypotheses[i].tokens);
    EXPECT_EQ(found.hypotheses[i].score, expected.hypotheses[i].score);
    EXPECT_EQ(found.hypotheses[i].truncated, expected.hypotheses[i].truncated);
  }
}

bool Fits(const Session& session, const SentenceInput& sentence) {
  const Room room = session.room();
  return sentence.options.beam_size <= room.rows &&
         session.BlockedTokens(static_cast<int>(sentence.source.size())) <=
             room.source_tokens;
}

int RoundsOf(const Computation& computation) {
  if (computation.device == kernels::Device::kReference) return 2;
  if (computation.emulated) return 1;
  return computation.state == model::DecoderState::kSelfAttention ? 200 : 50;
}

class SessionTest : public testing::TestWithParam<Computation> {
 protected:
  void SetUp() override {
    const auto kernels = MakeKernels(GetParam());
    if (!kernels.ok()) GTEST_SKIP() << "no such device: " << kernels.status();
  }

  // Short on an emulated GPU, which takes milliseconds a step.
  static SentenceInput RandomSentenceFor(uint64_t id, std::mt19937& random) {
    return GetParam().emulated ? RandomSentence(id, random, 3, 6)
                               : RandomSentence(id, random);
  }
  static int FewOr(int count) {
    return GetParam().emulated ? std::min(4, count) : count;
  }

  static void ExpectTheSameInAnyCompany(Engine& engine, int rounds);
};

// Sentences arrive in any order and beside any others; each must come out as
// alone.
void SessionTest::ExpectTheSameInAnyCompany(Engine& engine, int rounds) {
  std::mt19937 random(11);
  auto alone = engine.NewSession();
  for (int round = 0; round < rounds; ++round) {
    auto together = engine.NewSession({40, 512});
    std::vector<SentenceInput> waiting;
    std::map<uint64_t, SentenceOutput> expected;
    const int count = FewOr(20);
    for (int id = 0; id < count; ++id) {
      waiting.push_back(RandomSentenceFor(id, random));
      expected[id] = Alone(*alone, waiting.back());
    }
    size_t finished = 0;
    while (finished < expected.size()) {
      while (!waiting.empty() && Fits(*together, waiting.back()) &&
             random() % 3 != 0) {
        together->Admit({waiting.back()});
        waiting.pop_back();
      }
      for (const SentenceOutput& output : together->Step()) {
        SCOPED_TRACE(testing::Message()
                     << "round " << round << " sentence " << output.id);
        ExpectSame(output, expected.at(output.id));
        ++finished;
      }
    }
    EXPECT_EQ(together->live_rows(), 0);
    EXPECT_EQ(together->room().rows, 40);
  }
}

TEST_P(SessionTest, OutputDoesNotDependOnCompany) {
  Engine engine(GetParam());
  ExpectTheSameInAnyCompany(engine, RoundsOf(GetParam()));
}

// Each with its own list, some without.
TEST_P(SessionTest, OutputUnderShortlistsDoesNotDependOnCompany) {
  Engine engine(GetParam(), SmallShortlist(3));
  ExpectTheSameInAnyCompany(engine, RoundsOf(GetParam()) / 4 + 1);
}

TEST_P(SessionTest, TranslatesWithTheTokensOfTheShortlist) {
  if (GetParam().device.kind == kernels::Device::Kind::kCuda) {
    GTEST_SKIP() << "GPUs do without shortlists: session_gpu_test";
  }
  Engine engine(GetParam(), SmallShortlist(3));
  const auto shortlist = SmallShortlist(3);
  auto session = engine.NewSession();
  std::mt19937 random(7);
  int outside = 0;
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = RandomSentenceFor(id, random);
    std::vector<int32_t> allowed;
    shortlist->TargetsOf(sentence.source, {}, allowed);
    for (bool use_shortlist : {true, false}) {
      sentence.options.use_shortlist = use_shortlist;
      const SentenceOutput output = Alone(*session, sentence);
      for (int32_t token : output.hypotheses[0].tokens) {
        const bool is_listed =
            std::binary_search(allowed.begin(), allowed.end(), token);
        EXPECT_TRUE(is_listed || !use_shortlist) << token;
        outside += !is_listed;
      }
    }
  }
  EXPECT_GT(outside, 0) << "without it others are used, too";
}

TEST_P(SessionTest, ShortlistOfTheWholeVocabularyChangesNothing) {
  Engine plain(GetParam());
  Engine listed(GetParam(), SmallShortlist(kVocabSize));
  auto plain_session = plain.NewSession();
  auto listed_session = listed.NewSession();
  std::mt19937 random(19);
  for (int id = 0; id < FewOr(10); ++id) {
    SentenceInput sentence = RandomSentenceFor(id, random);
    sentence.options.use_shortlist = true;
    ExpectSame(Alone(*listed_session, sentence),
               Alone(*plain_session, sentence));
  }
}

// A device that advances beams itself finds what the host does, to the bit: a
// profiled session waits for each step and searches on the host.
TEST_P(SessionTest, SearchesAlikeOnHostAndDevice) {
  Engine engine(GetParam());
  auto session = engine.NewSession();
  auto host_session = engine.NewSession();
  model::StageProfile profile;
  host_session->set_profile(&profile);
  std::mt19937 random(29);
  for (int id = 0; id < FewOr(10); ++id) {
    const SentenceInput sentence = RandomSentenceFor(id, random);
    ExpectSame(Alone(*session, sentence), Alone(*host_session, sentence));
  }
}

// Each stage takes some time, and together no more than all.
TEST_P(SessionTest, ProfilesItsStages) {
  Engine engine(GetParam());
  auto session = engine.NewSession();
  model::StageProfile profile;
  session->set_profile(&profile);
  std::mt19937 random(3);
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t id = 0; id < 3; ++id) {
    Alone(*session, RandomSentenceFor(id, random));
  }
  const std::chrono::duration<double> all =
      std::chrono::steady_clock::now() - begin;
  double sum = 0;
  for (size_t i = 0; i < model::kNumStages; ++i) {
    const auto stage = static_cast<model::Stage>(i);
    const bool is_part_of_can = stage == model::Stage::kCrossAttention ||
                                stage == model::Stage::kFeedForward;
    if (GetParam().state == model::DecoderState::kCan && is_part_of_can) {
      EXPECT_EQ(profile.seconds(stage), 0) << model::StageName(stage);
    } else {
      EXPECT_GT(profile.seconds(stage), 0) << model::StageName(stage);
    }
    sum += profile.seconds(stage);
  }
  EXPECT_LE(sum, all.count());
}

TEST_P(SessionTest, AdmittingTogetherIsAdmittingOneByOne) {
  Engine engine(GetParam());
  std::mt19937 random(5);
  std::vector<SentenceInput> sentences;
  const int count = FewOr(12);
  for (int id = 0; id < count; ++id)
    sentences.push_back(RandomSentenceFor(id, random));
  auto alone = engine.NewSession();
  auto together = engine.NewSession();
  together->Admit(sentences);
  EXPECT_EQ(together->live_sentences(), count);
  std::map<uint64_t, SentenceOutput> outputs;
  while (together->live_sentences() > 0) {
    for (SentenceOutput& output : together->Step())
      outputs[output.id] = std::move(output);
  }
  for (const SentenceInput& sentence : sentences) {
    ExpectSame(outputs.at(sentence.id), Alone(*alone, sentence));
    EXPECT_EQ(outputs.at(sentence.id).source_tokens,
              static_cast<int>(sentence.source.size()));
  }
}

TEST_P(SessionTest, DoesNotDoubleTheEndSymbolOfTheCaller) {
  Engine engine(GetParam());
  std::mt19937 random(6);
  auto session = engine.NewSession();
  SentenceInput sentence = RandomSentenceFor(1, random);
  sentence.source.back() = 7;
  const SentenceOutput expected = Alone(*session, sentence);
  sentence.source.push_back(SmallRandomConfig().tokens.source_suffix[0]);
  ExpectSame(Alone(*session, sentence), expected);
}

TEST_P(SessionTest, KeepsItsPromisesOnLength) {
  Engine engine(GetParam());
  auto session = engine.NewSession();
  std::mt19937 random(3);
  for (int max_length : {0, 1, 7}) {
    SentenceInput sentence = RandomSentence(1, random);
    sentence.options.max_length = max_length;
    sentence.options.min_length = max_length;
    const SentenceOutput output = Alone(*session, sentence);
    for (const Hypothesis& hypothesis : output.hypotheses) {
      EXPECT_EQ(hypothesis.tokens.size(), static_cast<size_t>(max_length));
      EXPECT_TRUE(hypothesis.truncated);
      for (int32_t token : hypothesis.tokens) {
        EXPECT_NE(token, 3) << "pad is suppressed";
        EXPECT_NE(token, 2) << "eos ends a hypothesis";
      }
    }
  }
}

TEST_P(SessionTest, CancelFreesTheRoomAtOnce) {
  Engine engine(GetParam());
  auto session = engine.NewSession({8, 128});
  std::mt19937 random(3);
  const int length = GetParam().emulated ? 5 : 20;
  const Room before = session->room();
  SentenceInput first = RandomSentence(1, random, 2);
  SentenceInput second = RandomSentence(2, random, 2);
  first.options.max_length = second.options.max_length = length + 10;
  first.options.min_length = second.options.min_length = length;
  session->Admit({first, second});
  session->Step();
  session->Step();
  EXPECT_TRUE(session->Cancel(1));
  EXPECT_FALSE(session->Cancel(1));
  EXPECT_EQ(session->live_sentences(), 1);
  SentenceOutput output;
  while (session->live_sentences() > 0) {
    for (SentenceOutput& finished : session->Step())
      output = std::move(finished);
  }
  EXPECT_EQ(output.id, 2u);
  auto alone = engine.NewSession();
  ExpectSame(output, Alone(*alone, second));
  EXPECT_EQ(session->room().rows, before.rows);
  EXPECT_EQ(session->room().source_tokens, before.source_tokens);
  EXPECT_THAT(session->Step(), IsEmpty());
}

TEST_P(SessionTest, ValidateNamesFieldFoundAndAllowed) {
  Engine engine(GetParam());
  auto session = engine.NewSession({16, 256});
  std::mt19937 random(3);
  const SentenceInput good = RandomSentence(1, random);
  ASSERT_TRUE(session->Validate(good).ok());
  const auto error_of = [&](const auto& change) {
    SentenceInput sentence = good;
    change(sentence);
    const absl::Status status = session->Validate(sentence);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error_of([](auto& s) { s.source.assign(64, 5); }),
              HasSubstr("number of source tokens: found 64, allowed 0 to 63"));
  EXPECT_THAT(error_of([](auto& s) { s.source[0] = kVocabSize; }),
              HasSubstr("source token: found 97, allowed 0 to 96"));
  EXPECT_THAT(error_of([](auto& s) { s.source[0] = -1; }),
              HasSubstr("found -1"));
  EXPECT_THAT(error_of([](auto& s) { s.options.beam_size = 17; }),
              HasSubstr("beam_size: found 17, allowed 1 to 16"));
  EXPECT_THAT(error_of([](auto& s) { s.options.num_hypotheses = 0; }),
              HasSubstr("num_hypotheses: found 0"));
  EXPECT_THAT(error_of([](auto& s) { s.options.max_length = 64; }),
              HasSubstr("max_length: found 64, allowed 0 to 63"));
  EXPECT_THAT(error_of([](auto& s) { s.options.min_length = 41; }),
              HasSubstr("min_length: found 41"));
  EXPECT_THAT(error_of([](auto& s) { s.options.length_penalty = NAN; }),
              HasSubstr("length_penalty: found nan"));
}

TEST_P(SessionTest, LongestSentenceFitsTheSmallestSession) {
  Engine engine(GetParam());
  auto session = engine.NewSession({1, 1});
  std::mt19937 random(3);
  SentenceInput sentence = RandomSentence(1, random, 1);
  sentence.source.assign(63, 7);
  sentence.options.max_length = 63;
  ASSERT_TRUE(session->Validate(sentence).ok());
  ASSERT_TRUE(Fits(*session, sentence));
  EXPECT_FALSE(Alone(*session, sentence).hypotheses.empty());
}

// Less of what is slow: the reference.
std::vector<Computation> Computations() {
  std::vector<Computation> computations = ComputationsOn(kernels::Device::kCpu);
  for (const Computation& computation :
       ComputationsOn(kernels::Device::kReference)) {
    if (computation.precision == kernels::Precision::kFloat32 ||
        computation.state == model::DecoderState::kSelfAttention) {
      computations.push_back(computation);
    }
  }
  for (bool emulated : {true, false}) {
    for (const Computation& computation : ComputationsOnGpu(emulated)) {
      computations.push_back(computation);
    }
  }
  return computations;
}

INSTANTIATE_TEST_SUITE_P(All, SessionTest, testing::ValuesIn(Computations()),
                         [](const auto& test) {
                           return ComputationName(test.param);
                         });

class SessionDevicesTest : public SessionTest {};

TEST_P(SessionDevicesTest, FindsWhatTheReferenceFinds) {
  Engine reference(
      {kernels::Device::kReference, GetParam().precision, GetParam().state});
  Engine device(GetParam());
  auto reference_session = reference.NewSession();
  auto device_session = device.NewSession();
  std::mt19937 random(23);
  const uint64_t count = FewOr(30);
  for (uint64_t id = 0; id < count; ++id) {
    const SentenceInput sentence = RandomSentenceFor(id, random);
    const SentenceOutput expected = Alone(*reference_session, sentence);
    const SentenceOutput found = Alone(*device_session, sentence);
    ASSERT_EQ(found.hypotheses.size(), expected.hypotheses.size());
    for (size_t i = 0; i < found.hypotheses.size(); ++i) {
      EXPECT_EQ(found.hypotheses[i].tokens, expected.hypotheses[i].tokens)
          << id;
      EXPECT_NEAR(found.hypotheses[i].score, expected.hypotheses[i].score, 1e-4)
          << id;
    }
  }
}

// In float32: in fewer bits a tie in all but name may fall either way.
std::vector<Computation> Float32Computations() {
  const kernels::Device gpu{kernels::Device::Kind::kCuda};
  std::vector<Computation> computations;
  for (model::DecoderState state : kDecoderStates) {
    const auto precision = kernels::Precision::kFloat32;
    computations.push_back({kernels::Device::kCpu, precision, state});
    for (bool emulated : {true, false}) {
      computations.push_back({gpu, precision, state, emulated});
    }
  }
  return computations;
}

INSTANTIATE_TEST_SUITE_P(Devices, SessionDevicesTest,
                         testing::ValuesIn(Float32Computations()),
                         [](const auto& test) {
                           return ComputationName(test.param);
                         });

// All that can be shared is: three threads, however small the operation.
TEST(SessionThreadsTest, ThreadsChangeNoBit) {
  const kernels::Isa isa = kernels::SupportedIsas().back();
  for (const Computation& computation : ComputationsOn(kernels::Device::kCpu)) {
    SCOPED_TRACE(ComputationName(computation));
    Engine one(computation, std::make_unique<kernels::CpuKernels>(isa),
               SmallShortlist(3));
    Engine three(
        computation,
        std::make_unique<kernels::CpuKernels>(isa, kernels::CpuThreads{3, 0}),
        SmallShortlist(3));
    auto expected = one.NewSession();
    auto found = three.NewSession();
    std::mt19937 random(7);
    for (int id = 0; id < 20; ++id) {
      const SentenceInput sentence = RandomSentence(id, random);
      ExpectSame(Alone(*found, sentence), Alone(*expected, sentence));
    }
  }
}

TEST(SessionLimitsTest, RefusesSenselessLimits) {
  const auto kernels = *kernels::MakeKernels(kernels::Device::kReference);
  shapes::RandomTensors tensors(1);
  const auto model =
      *model::Model::Load(SmallRandomConfig(), tensors, *kernels);
  EXPECT_THAT(
      std::string(
          Session::Create(*model, *kernels, {0, 10}).status().message()),
      HasSubstr("found 0 rows"));
}

}  // namespace
}  // namespace peregrine::decode
