// What is wrong with the files; that handshakes work, and go on when files
// change, is in tests/e2e/test_security.py, which has openssl make some.
#include "server/connections/tls.h"

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

TEST(TlsTest, WithoutACertificateThereIsNoEncryption) {
  EXPECT_TRUE(MakeServerCredentials({}).ok());
}

TEST(TlsTest, SaysWhichFileIsWrong) {
  const std::string garbage = absl::StrCat(::testing::TempDir(), "tls_test");
  std::ofstream(garbage) << "-----BEGIN CERTIFICATE-----\nnonsense\n";
  TlsOptions options;
  options.certificate = "/nonexistent/cert.pem";
  options.key = garbage;
  EXPECT_EQ(MakeServerCredentials(options).status().message(),
            "--tls-certificate: cannot read /nonexistent/cert.pem");
  options.certificate = garbage;
  EXPECT_THAT(MakeServerCredentials(options).status().message(),
              HasSubstr("--tls-certificate: found no certificate in PEM in"));
  std::remove(garbage.c_str());
}

}  // namespace
}  // namespace peregrine::server
