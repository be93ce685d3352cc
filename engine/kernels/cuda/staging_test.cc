#include "engine/kernels/cuda/staging.h"

#include <gtest/gtest.h>

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

TEST(StagingTest, PiecesAreFreedUpToAPosition) {
  auto staging = Staging::Create(64).value();
  void* const first = staging->Take(30);  // 32 with what is rounded up
  const uint64_t position = staging->Position();
  void* const second = staging->Take(32);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(static_cast<char*>(second) - static_cast<char*>(first), 32);
  EXPECT_EQ(staging->Take(1), nullptr);
  staging->Free(position);
  EXPECT_EQ(staging->Take(33), nullptr);
  EXPECT_EQ(staging->Take(32), first);
  EXPECT_EQ(staging->Take(1), nullptr) << "the second is still in use";
}

TEST(StagingTest, NoPieceLiesAcrossTheEnd) {
  auto staging = Staging::Create(64).value();
  void* const first = staging->Take(16);
  ASSERT_NE(staging->Take(32), nullptr);
  staging->Free(staging->Position());
  EXPECT_EQ(staging->Take(32), first) << "16 bytes before the end are skipped";
  EXPECT_EQ(staging->Take(32), nullptr);
}

TEST(StagingTest, AllCanBeTakenAfterReset) {
  auto staging = Staging::Create(64).value();
  void* const first = staging->Take(48);
  const uint64_t before = staging->Position();
  staging->Reset();
  EXPECT_EQ(staging->Take(64), first);
  staging->Free(before);  // of pieces that are free already
  EXPECT_EQ(staging->Take(1), nullptr);
}

}  // namespace
}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
