// A sentence that cannot be translated fails by itself, and the session goes
// on. Nothing ends the process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/decode/decode_all.h"
#include "engine/decode/session_fixture.h"

namespace peregrine::decode {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr float kHuge = 3e38f;  // its square is infinite

// Random tensors, of which one has another value in some rows.
class TensorsWithHugeRows final : public model::TensorSource {
 public:
  TensorsWithHugeRows(std::string name, int first_row, int num_rows)
      : name_(std::move(name)), first_row_(first_row), num_rows_(num_rows) {}

  const std::string& path() const override { return tensors_.path(); }
  bool Has(const std::string& name) const override {
    return tensors_.Has(name);
  }
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override {
    auto values = tensors_.Read(name, shape);
    if (values.ok() && name == name_) {
      const size_t width = values->size() / shape[0];
      std::fill_n(values->begin() + first_row_ * width, num_rows_ * width,
                  kHuge);
    }
    return values;
  }
  std::vector<std::string> Unread() const override { return {}; }

 private:
  shapes::RandomTensors tensors_{/*seed=*/1};
  const std::string name_;
  const int first_row_;
  const int num_rows_;
};

SentenceInput SentenceOf(uint64_t id, std::vector<int32_t> source,
                         int beam_size) {
  SentenceInput sentence;
  sentence.id = id;
  sentence.source = std::move(source);
  sentence.options.beam_size = beam_size;
  sentence.options.max_length = 6;
  return sentence;
}

std::vector<SentenceOutput> Decode(Session& session,
                                   std::vector<SentenceInput> sentences) {
  std::vector<SentenceOutput> outputs(sentences.size());
  const absl::Status status = DecodeAll(
      session, sentences,
      [&](SentenceOutput output) { outputs[output.id] = std::move(output); });
  EXPECT_TRUE(status.ok()) << status;
  return outputs;
}

class SessionFailureTest : public testing::TestWithParam<Computation> {
 protected:
  static std::unique_ptr<const model::Shortlist> OnlyEosFor(int32_t source) {
    model::Shortlist::Lists lists = {{}, {0}, {}};
    for (int token = 0; token < kVocabSize; ++token) {
      if (token != source) lists.targets.insert(lists.targets.end(), {5, 9});
      lists.offsets.push_back(static_cast<int32_t>(lists.targets.size()));
    }
    return *model::Shortlist::Create(std::move(lists), kVocabSize, kVocabSize,
                                     "shortlist");
  }
};

TEST_P(SessionFailureTest, ShortlistOfTheEndSymbolAlone) {
  if (!MakeKernels(GetParam()).value()->gains_by_selections()) {
    GTEST_SKIP() << "this device does without shortlists";
  }
  Engine engine(GetParam(), OnlyEosFor(/*source=*/20));
  auto session = engine.NewSession();
  for (int beam_size : {1, 3}) {
    std::vector<SentenceInput> sentences = {SentenceOf(0, {20}, beam_size),
                                            SentenceOf(1, {21}, beam_size),
                                            SentenceOf(2, {20}, beam_size)};
    sentences[0].options.min_length = sentences[1].options.min_length = 1;
    const auto outputs = Decode(*session, sentences);
    EXPECT_EQ(outputs[0].status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(outputs[0].status.message()),
                HasSubstr("the first position"));
    EXPECT_THAT(outputs[0].hypotheses, IsEmpty());
    EXPECT_TRUE(outputs[1].status.ok());
    EXPECT_FALSE(outputs[1].hypotheses[0].tokens.empty());
    ASSERT_TRUE(outputs[2].status.ok()) << "the end symbol may come at once";
    EXPECT_THAT(outputs[2].hypotheses[0].tokens, IsEmpty());
  }
  EXPECT_EQ(session->room().rows, 256);
}

TEST_P(SessionFailureTest, LogitsThatAreNoNumbers) {
  auto kernels = *MakeKernels(GetParam());
  TensorsWithHugeRows tensors("decoder.norm.weight", 0, 48);
  const auto model =
      model::Model::Load(SmallRandomConfig(GetParam().state), tensors, *kernels,
                         GetParam().precision);
  ASSERT_TRUE(model.ok()) << model.status();
  auto session = *Session::Create(**model, *kernels, {});
  for (int beam_size : {1, 3}) {
    for (const SentenceOutput& output :
         Decode(*session, {SentenceOf(0, {20, 21, 22}, beam_size)})) {
      if (output.status.ok()) {
        EXPECT_FALSE(output.hypotheses.empty());
      } else {
        EXPECT_EQ(output.status.code(), absl::StatusCode::kInternal);
      }
    }
  }
  EXPECT_EQ(session->live_sentences(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, SessionFailureTest,
    testing::Values(
        Computation{kernels::Device::kReference},
        Computation{kernels::Device::kCpu},
        Computation{kernels::Device::kCpu, kernels::Precision::kInt8},
        Computation{kernels::Device{kernels::Device::Kind::kCuda},
                    kernels::Precision::kFloat16,
                    model::DecoderState::kSelfAttention, /*emulated=*/true}),
    [](const auto& test) { return ComputationName(test.param); });

// A row that only its own token looks at: no trial translation would see it.
TEST(EmbeddingTest, RowsWhoseSquaresOverflowAreRefused) {
  auto kernels = *kernels::MakeKernels(kernels::Device::kCpu);
  for (const char* name : {"encoder.embedding", "decoder.embedding"}) {
    TensorsWithHugeRows tensors(name, 41, 1);
    const auto model =
        model::Model::Load(SmallRandomConfig(), tensors, *kernels);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(model.status().message()),
                HasSubstr(std::string(name) + ": row 41: found a sum of"));
  }
}

// In a process of its own, which may map little more than it has.
absl::StatusCode DecodeWithoutMemory(Session& session) {
  std::vector<SentenceInput> sentences(8);
  for (size_t i = 0; i < sentences.size(); ++i) {
    sentences[i] = SentenceOf(i, std::vector<int32_t>(60, 7), 8);
  }
  // Memory that malloc has is enough for all but scratch, which is mapped.
  std::vector<std::unique_ptr<char[]>> heap;
  for (int i = 0; i < 256; ++i) heap.emplace_back(new char[1 << 12]);
  heap.clear();
  rlimit limit = {};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = 1;
  setrlimit(RLIMIT_AS, &limit);
  const absl::Status status =
      DecodeAll(session, sentences, [](const SentenceOutput&) {});
  return status.code();
}

TEST(SessionMemoryTest, WithoutMemoryTheSessionFailsAndNotTheProcess) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map memory of their own";
#endif
  Engine engine({kernels::Device::kCpu});
  auto session = engine.NewSession();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(static_cast<int>(DecodeWithoutMemory(*session)));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace peregrine::decode
