#include "engine/kernels/host_buffer.h"

#include <cstdint>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

TEST(HostBufferTest, IsZeroedAlignedAndWritableToTheEnd) {
  for (size_t bytes :
       {size_t{1}, size_t{4096}, size_t{5000}, size_t{3} << 20}) {
    SCOPED_TRACE(bytes);
    const auto buffer = AllocateHostBuffer(bytes).value();
    EXPECT_EQ(buffer->bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    auto* data = static_cast<unsigned char*>(buffer->data());
    EXPECT_EQ(data[0], 0);
    EXPECT_EQ(data[bytes - 1], 0);
    data[0] = data[bytes - 1] = 7;
  }
}

TEST(HostBufferTest, MayBeEmpty) {
  EXPECT_EQ(AllocateHostBuffer(0).value()->bytes(), 0u);
}

// More than this machine has, since pages are committed when first touched.
TEST(HostBufferTest, AGenerousReservationCostsNothing) {
  const auto buffer = AllocateHostBuffer(size_t{1} << 40).value();
  static_cast<char*>(buffer->data())[size_t{1} << 39] = 1;
}

TEST(HostBufferTest, RefusesWhatNoMachineHas) {
  for (size_t bytes : {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 8}) {
    const absl::Status status = AllocateHostBuffer(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << bytes;
  }
}

TEST(HostBufferDeathTest, RunningPastTheEndFaults) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (size_t bytes : {size_t{4096}, size_t{4} << 20}) {
    const auto buffer = AllocateHostBuffer(bytes).value();
    auto* data = static_cast<volatile char*>(buffer->data());
    EXPECT_DEATH(data[bytes] = 1, "");
  }
}

}  // namespace
}  // namespace peregrine::kernels
