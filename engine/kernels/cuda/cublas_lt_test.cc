// The library that is installed here, without a GPU: is all there that is
// called?

#include "engine/kernels/cuda/cublas_lt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace peregrine::kernels::cuda {
namespace {

TEST(CublasLtTest, HasAllThatIsCalled) {
  const auto functions = CublasLt::Load();
  if (!functions.ok()) {
    const std::string reason(functions.status().message());
    EXPECT_THAT(reason, testing::HasSubstr("libcublasLt.so.13"));
    EXPECT_THAT(reason, testing::HasSubstr("libcublasLt.so.11"));
    EXPECT_THAT(reason, testing::HasSubstr("cannot open shared object file"));
    GTEST_SKIP() << reason;
  }
  EXPECT_THAT((*functions)->name,
              testing::MatchesRegex("cuBLASLt [0-9]+\\.[0-9]+\\.[0-9]+ "
                                    "\\(libcublasLt\\.so\\.1[1-9]\\)"));
  EXPECT_NE((*functions)->matmul, nullptr);
  cublasLtMatmulPreference_t preference = nullptr;
  ASSERT_EQ((*functions)->preference_create(&preference),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ((*functions)->preference_destroy(preference),
            CUBLAS_STATUS_SUCCESS);
}

// cublas_lt_older_test runs this where that is all there is.
TEST(CublasLtTest, DISABLED_TakesAnOlderMajorVersion) {
  const auto functions = CublasLt::Load();
  ASSERT_TRUE(functions.ok()) << functions.status();
  EXPECT_EQ((*functions)->name, "cuBLASLt 12.8.4 (libcublasLt.so.12)");
}

}  // namespace
}  // namespace peregrine::kernels::cuda
