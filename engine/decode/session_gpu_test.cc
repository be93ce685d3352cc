// What a session on a GPU must do beyond what session_test.cc asks of every
// device: steps as graphs, no allocation, and what happens when the device
// fails. On an emulated GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
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
  // Outside graphs: the encoder, and four kernels a step: the rows that follow,
  // output projection, top-k, beams.
  EXPECT_LE(after.direct_launches, before.direct_launches + 4 * 11 + 40);
}

using Found = std::map<uint64_t, std::vector<Hypothesis>>;

// A session that is profiled waits for every step: the search of the host.
Found ByTheHost(Engine& engine, const std::vector<SentenceInput>& sentences) {
  Found found;
  model::StageProfile profile;
  auto session = engine.NewSession({64, 512});
  session->set_profile(&profile);
  const auto finish = [&] {
    while (session->live_sentences() > 0) {
      for (SentenceOutput& output : session->Step()) {
        found[output.id] = std::move(output.hypotheses);
      }
    }
  };
  for (const SentenceInput& sentence : sentences) {
    if (session->room().rows < sentence.options.beam_size) finish();
    session->Admit({sentence});
  }
  finish();
  return found;
}

// Bit for bit: scores are compared as they are.
void ExpectSame(const std::vector<Hypothesis>& found,
                const std::vector<Hypothesis>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].tokens, expected[i].tokens) << i;
    EXPECT_EQ(found[i].score, expected[i].score) << i;
    EXPECT_EQ(found[i].truncated, expected[i].truncated) << i;
  }
}

// Any beam under any rules.
SentenceInput RandomSentence(uint64_t id, std::mt19937& random) {
  const auto pick = [&](int min, int max) {
    return std::uniform_int_distribution<int>(min, max)(random);
  };
  SentenceInput sentence;
  sentence.id = id;
  sentence.source.resize(pick(1, 5));
  for (int32_t& token : sentence.source) token = pick(4, kVocabSize - 1);
  DecodingOptions& options = sentence.options;
  options.beam_size = pick(0, 2) == 0 ? 1 : pick(2, 5);
  options.num_hypotheses = pick(1, options.beam_size);
  options.length_penalty = 0.4f * pick(0, 3);
  options.max_length = pick(0, 8);
  options.min_length = pick(0, options.max_length / 2);
  options.use_shortlist = pick(0, 1) > 0;
  options.rules.stopping = static_cast<model::Stopping>(pick(0, 4));
  options.rules.length_limit = static_cast<model::LengthLimit>(pick(0, 2));
  options.rules.renormalize_min_length = pick(0, 1) > 0;
  options.rules.forced_first_token = pick(0, 3) == 0 ? 12 : -1;
  options.rules.word_penalty = pick(0, 2) == 0 ? 0.3f : 0.0f;
  return sentence;
}

// Sentences join while steps are under way, end by their own or are cancelled:
// each has the tokens and the bits of the scores that the host's search finds.
void ExpectWhatTheHostFinds(Engine& engine, int seed) {
  constexpr int kCount = 24;
  std::mt19937 random(seed);
  std::vector<SentenceInput> sentences;
  for (uint64_t id = 0; id < kCount; ++id) {
    sentences.push_back(RandomSentence(id, random));
  }
  const Found expected = ByTheHost(engine, sentences);
  auto session = engine.NewSession({12, 256});
  std::set<uint64_t> live;
  size_t done = 0;
  size_t next = 0;
  size_t num_ended = 0;
  size_t num_cancelled = 0;
  for (int step = 0; done < kCount; ++step) {
    ASSERT_LT(step, 500);
    while (next < kCount && random() % 4 != 0 &&
           session->room().rows >= sentences[next].options.beam_size) {
      live.insert(next);
      session->Admit({sentences[next++]});
    }
    if (random() % 8 == 0 && !live.empty()) {
      EXPECT_TRUE(session->Cancel(*live.begin()));
      live.erase(live.begin());
      ++num_cancelled;
      ++done;
    }
    for (const SentenceOutput& output : session->Step()) {
      SCOPED_TRACE(output.id);
      EXPECT_EQ(live.erase(output.id), 1u);
      ExpectSame(output.hypotheses, expected.at(output.id));
      for (const Hypothesis& one : output.hypotheses) {
        num_ended += !one.truncated;
      }
      ++done;
    }
  }
  EXPECT_EQ(session->room().rows, 12);
  EXPECT_GT(num_ended, 3u) << "before their limits";
  EXPECT_GT(num_cancelled, 0u);
}

// Of a model that may say so little that any beam has an end among its
// candidates, and a small beam not as many candidates as it could take.
TEST_F(SessionGpuTest, StepsAheadFindWhatTheHostFinds) {
  using kernels::EmulatedLibrary;
  using kernels::Precision;
  model::ModelConfig config = SmallRandomConfig();
  config.decoding.suppressed_tokens.clear();
  for (int32_t token = 0; token < kVocabSize; ++token) {
    const bool is_said = token == config.tokens.eos || (token > 4 && token < 9);
    if (!is_said) config.decoding.suppressed_tokens.push_back(token);
  }
  int seed = 1;
  kernels::GpuTuning tuning;
  tuning.eight_bits = true;
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kFloat16,
        Precision::kInt8, Precision::kFloat8}) {
    SCOPED_TRACE(kernels::PrecisionName(precision));
    Engine engine(
        config, precision,
        kernels::MakeEmulatedKernels(0,
                                     precision == Precision::kBFloat16
                                         ? EmulatedLibrary::kForAll
                                         : EmulatedLibrary::kAsOnDevices,
                                     0, tuning)
            .value());
    ExpectWhatTheHostFinds(engine, seed++);
  }
}

// What is tuned without another order of sums changes no bit, in any state.
TEST_F(SessionGpuTest, TuningFindsTheSame) {
  kernels::GpuTuning tuning;
  tuning.keys_ahead = tuning.tiles_ahead = tuning.dependent_launch = true;
  tuning.fused_norms = tuning.one_upload = true;
  tuning.max_graphs = 2;
  for (model::DecoderState state : kDecoderStates) {
    SCOPED_TRACE(static_cast<int>(state));
    Computation computation = kEmulated;
    computation.state = state;
    const std::vector<SentenceInput> sentences = {
        Sentence(1, 4, 20), Sentence(2, 1, 9), Sentence(3, 3, 35)};
    Engine plain(computation);
    const Found expected = ByTheHost(plain, sentences);
    computation.device.tuning = tuning;
    Engine tuned(computation);
    auto session = tuned.NewSession({8, 256});
    session->Admit(sentences);
    size_t found = 0;
    while (session->live_sentences() > 0) {
      for (const SentenceOutput& output : session->Step()) {
        ExpectSame(output.hypotheses, expected.at(output.id));
        ++found;
      }
    }
    EXPECT_EQ(found, sentences.size());
  }
}

TEST_F(SessionGpuTest, OneUploadIsOneCopyAStep) {
  for (bool one_upload : {false, true}) {
    Computation computation = kEmulated;
    computation.device.tuning.one_upload = one_upload;
    Engine engine(computation);
    auto session = engine.NewSession({8, 256});
    session->Admit({Sentence(1, 4, 40), Sentence(2, 1, 40)});
    session->Step();
    const EmulatedCounts before = CountEmulated();
    for (int step = 0; step < 10; ++step) session->Step();
    const EmulatedCounts after = CountEmulated();
    EXPECT_EQ(after.copies_to_device - before.copies_to_device,
              one_upload ? 10 : 30);
    EXPECT_EQ(after.copies_to_host - before.copies_to_host, 10);
  }
}

// Each state of the decoder reads the cells that the device wrote down.
TEST_F(SessionGpuTest, StepsAheadFindWhatTheHostFindsInEveryState) {
  for (model::DecoderState state : kDecoderStates) {
    SCOPED_TRACE(static_cast<int>(state));
    Computation computation = kEmulated;
    computation.state = state;
    Engine engine(computation);
    std::vector<SentenceInput> sentences = {Sentence(1, 4, 20),
                                            Sentence(2, 1, 20)};
    sentences[0].options.num_hypotheses = 4;
    const Found expected = ByTheHost(engine, sentences);
    auto session = engine.NewSession({8, 256});
    session->Admit(sentences);
    size_t found = 0;
    while (session->live_sentences() > 0) {
      for (const SentenceOutput& output : session->Step()) {
        ExpectSame(output.hypotheses, expected.at(output.id));
        ++found;
      }
    }
    EXPECT_EQ(found, sentences.size());
  }
}

// It would multiply by the whole vocabulary, then copy and wait for each row.
TEST_F(SessionGpuTest, DoesWithoutShortlists) {
  Engine plain(kEmulated);
  Engine listed(kEmulated, SmallShortlist(3));
  SentenceInput sentence = Sentence(1, 2, 12);
  sentence.options.use_shortlist = true;
  const Found expected = ByTheHost(plain, {sentence});
  const int64_t before = CountEmulated().waits;
  auto session = listed.NewSession({8, 256});
  session->Admit({sentence});
  session->Step();
  const int64_t admitted = CountEmulated().waits;
  EXPECT_LE(admitted, before + 20);
  for (int step = 0; step < 5; ++step) session->Step();
  EXPECT_EQ(CountEmulated().waits, admitted);
  std::vector<SentenceOutput> outputs;
  while (outputs.empty()) outputs = session->Step();
  ExpectSame(outputs[0].hypotheses, expected.at(1));
}

// The encoder's work is asked for in no time, and done when someone waits.
TEST_F(SessionGpuTest, TheTimeOfEncodingIsThatOfTheDevice) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  session->Admit({Sentence(1, 1, 3)});
  std::vector<SentenceOutput> outputs;
  while (outputs.empty()) outputs = session->Step();
  EXPECT_GT(outputs[0].encode_time, absl::ZeroDuration());
  EXPECT_GE(outputs[0].decode_time, absl::ZeroDuration());
}

TEST_F(SessionGpuTest, WhoWaitsSleeps) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  const int64_t before = CountEmulated().spinning_waits;
  session->Admit({Sentence(1, 1, 5), Sentence(2, 3, 5)});
  while (session->live_sentences() > 0) session->Step();
  EXPECT_EQ(CountEmulated().spinning_waits, before);
}

// What docs/gpu.md counts, of the small model here: 11 kernels a layer, then
// embedding, last norm, output, top-k and beams.
TEST_F(SessionGpuTest, AStepHasTheKernelsThatAreExpected) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  session->Admit({Sentence(1, 1, 20)});
  for (int step = 0; step < 4; ++step) session->Step();
  kernels::TakeEmulatedKernels();
  session->Step();
  const std::map<std::string, int64_t> expected = {
      {"FollowBeamsKernel", 1},       {"EmbedKernel", 1},
      {"LayerNormKernel", 3 * 2 + 1}, {"FewRowsKernel", 6 * 2 + 1},
      {"StepAttentionKernel", 2 * 2}, {"TopTokensKernel", 1},
      {"AdvanceBeamsKernel", 1}};
  EXPECT_EQ(kernels::TakeEmulatedKernels(), expected);
}

// Room for the worst case is no free choice on a device that commits memory at
// once.
TEST_F(SessionGpuTest, TakesMemoryForTargetsOfTheUsualLength) {
  model::ModelConfig config = SmallRandomConfig();
  config.architecture.max_positions = 4096;
  constexpr size_t kArena = size_t{200} << 20;
  Engine engine(config, kernels::Precision::kFloat16,
                kernels::MakeEmulatedKernels(kArena).value());
  // 256 rows of 4,096 positions, 2 layers of keys and values of 32 elements in
  // 16 bits, would take 256 MiB.
  EXPECT_TRUE(engine.TryNewSession({256, 16384}).ok());
  EXPECT_EQ(engine.TryNewSession({256, 16384, 256 * 4096}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

// Beams beyond kMaxQueuedBeamSize are the host's.
TEST_F(SessionGpuTest, HostAndDeviceSearchSideBySide) {
  Engine engine(kEmulated, SmallShortlist(3));
  std::vector<SentenceInput> sentences;
  for (uint64_t id = 0; id < 6; ++id) {
    sentences.push_back(Sentence(id, 1 + static_cast<int>(id % 3), 5));
    sentences.back().source = {static_cast<int32_t>(9 + id), 50};
    sentences.back().options.use_shortlist = id % 2 == 0;
  }
  sentences.push_back(Sentence(6, kernels::kMaxQueuedBeamSize + 1, 4));
  sentences.back().options.use_shortlist = false;
  const Found expected = ByTheHost(engine, sentences);
  auto session = engine.NewSession({64, 256});
  size_t found = 0;
  for (const SentenceInput& sentence : sentences) {
    session->Admit({sentence});
    for (int step = 0; step < 2; ++step) {
      for (const SentenceOutput& output : session->Step()) {
        ExpectSame(output.hypotheses, expected.at(output.id));
        ++found;
      }
    }
  }
  while (session->live_sentences() > 0) {
    for (const SentenceOutput& output : session->Step()) {
      SCOPED_TRACE(output.id);
      ExpectSame(output.hypotheses, expected.at(output.id));
      ++found;
    }
  }
  EXPECT_EQ(found, sentences.size());
}

// The host waits for results of a step, never for all that the device was
// given, whatever the beams.
TEST_F(SessionGpuTest, StepsAreGivenAheadOfTheHost) {
  Engine engine(kEmulated);
  auto session = engine.NewSession({8, 256});
  session->Admit({Sentence(1, 1, 40), Sentence(2, 4, 40), Sentence(3, 2, 40)});
  session->Step();
  const EmulatedCounts before = CountEmulated();
  for (int step = 0; step < 30; ++step) session->Step();
  EXPECT_EQ(session->live_sentences(), 3);
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
  ExpectSame(hypotheses, ByTheHost(engine, {Sentence(2, 1, 20)}).at(2));
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
