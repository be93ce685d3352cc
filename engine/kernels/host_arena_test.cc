#include "engine/kernels/host_arena.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

TEST(HostArenaTest, BuffersAreZeroedAlignedAndApart) {
  HostArena arena;
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (size_t bytes :
       {size_t{1}, size_t{5000}, size_t{0}, size_t{4096}, size_t{1} << 20,
        (size_t{1} << 21) - 1, size_t{3} << 20, size_t{100000}}) {
    SCOPED_TRACE(bytes);
    buffers.push_back(arena.Allocate(bytes).value());
    ASSERT_EQ(buffers.back()->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffers.back()->data()) % 4096, 0u);
    auto* const data = static_cast<unsigned char*>(buffers.back()->data());
    for (size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(data[i], 0) << i;
      data[i] = static_cast<unsigned char>(buffers.size());
    }
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto* const data =
        static_cast<const unsigned char*>(buffers[i]->data());
    for (size_t j = 0; j < buffers[i]->bytes(); ++j) {
      ASSERT_EQ(data[j], i + 1) << i << ", " << j;
    }
  }
}

// Hundreds of MiB in all, many blocks.
TEST(HostArenaTest, TakesAsManyAsAModelHas) {
  HostArena arena;
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (int i = 0; i < 300; ++i) {
    buffers.push_back(arena.Allocate(1'500'000).value());
    static_cast<int*>(buffers.back()->data())[0] = i;
  }
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(static_cast<int*>(buffers[i]->data())[0], i);
  }
}

TEST(HostArenaTest, BuffersOutliveTheArenaAndEachOther) {
  std::unique_ptr<Buffer> kept;
  {
    HostArena arena;
    const auto gone = arena.Allocate(64).value();
    kept = arena.Allocate(64).value();
  }
  auto* const data = static_cast<unsigned char*>(kept->data());
  data[0] = data[63] = 7;
  EXPECT_EQ(data[0] + data[63], 14);
}

TEST(HostArenaTest, RefusesWhatNoMachineHas) {
  EXPECT_EQ(HostArena().Allocate(SIZE_MAX).status().code(),
            absl::StatusCode::kResourceExhausted);
}

#ifdef PEREGRINE_GUARD_PAGES
TEST(HostArenaDeathTest, RunningPastTheEndFaults) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  HostArena arena;
  const auto buffer = arena.Allocate(4096).value();
  const auto next = arena.Allocate(4096).value();
  auto* const data = static_cast<volatile char*>(buffer->data());
  EXPECT_DEATH(data[4096] = 1, "");
}
#endif

}  // namespace
}  // namespace peregrine::kernels
