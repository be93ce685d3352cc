#include "engine/kernels/cuda/cuda_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/kernels/cuda/emulation/cublas_lt.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

TEST(CudaDeviceTest, TellsTheMemoryOfDevicesInUse) {
  EXPECT_TRUE(CudaDevice::InUse().empty());
  auto device = CudaDevice::Shared(0, size_t{64} << 20).value();
  EXPECT_EQ(CudaDevice::Shared(0, size_t{8} << 20).value(), device)
      << "whoever comes first decides on the memory";
  {
    auto stream = device->NewStream().value();
    auto buffer = device->Allocate(1000, stream).value();
    ASSERT_EQ(CudaDevice::InUse().size(), 1u);
    EXPECT_EQ(CudaDevice::InUse()[0]->name(), "cuda:0");
    EXPECT_EQ(CudaDevice::InUse()[0]->memory_bytes(), size_t{64} << 20);
    EXPECT_EQ(CudaDevice::InUse()[0]->memory_bytes_in_use(), 1024u)
        << "a multiple of the alignment";
  }
  EXPECT_EQ(CudaDevice::InUse()[0]->memory_bytes_in_use(), 0u);
  device = nullptr;
  EXPECT_TRUE(CudaDevice::InUse().empty());
}

TEST(CudaDeviceTest, TellsWhichLibraryMultiplies) {
  using cuda_emulation::Blas;
  EXPECT_EQ(LibraryName(0).value(), "cuBLASLt 13.1.2 (emulated)");
  cuda_emulation::SetBlas(Blas::kAbsent);
  EXPECT_THAT(std::string(LibraryName(0).status().message()),
              testing::HasSubstr("left out"));
  auto device = CudaDevice::Shared(0, size_t{64} << 20).value();
  EXPECT_EQ(device->library(), nullptr);
  cuda_emulation::SetBlas(Blas::kKeepsRows);
  EXPECT_THAT(std::string(LibraryName(0).status().message()),
              testing::HasSubstr("left out"))
      << "as it was when the device was first used";
}

}  // namespace
}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
