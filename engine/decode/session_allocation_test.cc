// The step loop allocates nothing: every operator new of the process is
// counted.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <tuple>

#include "engine/decode/session_fixture.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t& nothrow) noexcept {
  return operator new(bytes, nothrow);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace peregrine::decode {
namespace {

// What costs memory in a step, if anything does.
void Demand(size_t i, DecodingOptions& options) {
  Steering& steering = options.steering;
  switch (i % 5) {
    case 1:
      steering.must_contain = {{10, 11, 12}, {13}};
      steering.must_not_contain = {{20, 21}};
      options.align = true;
      break;
    case 2:
      steering.repetition_penalty = 1.2f;
      steering.no_repeat_ngram_size = 3;
      options.use_shortlist = false;  // or there would soon be none left
      steering.coverage_penalty = 0.1f;
      break;
    case 3:
      steering.sampling.emplace().top_k = 10;
      steering.completion = {{5, 1, 9, 2}, {6, 2, 7, 2}};
      break;
    case 4:
      steering.alternatives = true;
      steering.prefix = {30, 31};
      steering.completion = {{5, 1, 9, 2}, {6, 2, 7, 2}};
      break;
    default:
      break;
  }
}

// Ten sentences that all run for 40 steps.
std::vector<SentenceInput> LongSentences(int beam_size) {
  std::vector<SentenceInput> sentences(10);
  for (size_t i = 0; i < sentences.size(); ++i) {
    sentences[i].id = i;
    sentences[i].source.assign(5 + 3 * i, static_cast<int32_t>(10 + i));
    sentences[i].options.beam_size = beam_size;
    sentences[i].options.use_shortlist = i % 2 == 0;
    sentences[i].options.min_length = sentences[i].options.max_length = 40;
    Demand(i, sentences[i].options);
  }
  return sentences;
}

class SessionAllocationTest
    : public testing::TestWithParam<std::tuple<int, Computation>> {};

TEST_P(SessionAllocationTest, StepAllocatesNothing) {
  const auto& [beam_size, computation] = GetParam();
  Engine engine(computation, SmallShortlist(3));
  auto session = engine.NewSession();
  // Once without counting: scratch grows to what these sentences need.
  session->Admit(LongSentences(beam_size));
  while (session->live_sentences() > 0) session->Step();

  session->Admit(LongSentences(beam_size));
  const int64_t before = allocations;
  for (int step = 0; step < 40; ++step) ASSERT_TRUE(session->Step().empty());
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(session->Step().size(), 10u);
  EXPECT_GT(allocations, before) << "the counter counts";
}

INSTANTIATE_TEST_SUITE_P(
    Beams, SessionAllocationTest,
    testing::Combine(testing::Values(1, 4),
                     testing::ValuesIn(ComputationsOn(kernels::Device::kCpu))),
    [](const auto& test) {
      return absl::StrCat("beam_", std::get<0>(test.param), "_",
                          ComputationName(std::get<1>(test.param)));
    });

}  // namespace
}  // namespace peregrine::decode
