// What is wrong with the files; that handshakes work, and go on when files
// change, is in tests/e2e/test_security.py, which has openssl make some.
#include "server/connections/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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

// A certificate of its own key that ends so many seconds from now.
void WriteCertificate(const std::string& path, const std::string& key_path,
                      long seconds) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TEST(TlsTest, ACertificateThatHasEndedIsAStartError) {
  TlsOptions options;
  options.certificate = absl::StrCat(::testing::TempDir(), "tls_test.pem");
  options.key = absl::StrCat(::testing::TempDir(), "tls_test.key");
  WriteCertificate(options.certificate, options.key, 3600);
  EXPECT_TRUE(MakeServerCredentials(options).ok());
  const auto end = CertificateEnd(options.certificate);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_GT(*end, absl::Now());
  EXPECT_LE(*end, absl::Now() + absl::Hours(1));
  WriteCertificate(options.certificate, options.key, -3600);
  EXPECT_THAT(MakeServerCredentials(options).status().message(),
              HasSubstr(absl::StrCat("the certificate in ", options.certificate,
                                     " ended on ")));
  std::remove(options.certificate.c_str());
  std::remove(options.key.c_str());
}

// Which might never be opened.
TEST(TlsTest, SpecialFilesAreRefused) {
  TlsOptions options;
  options.certificate = "/dev/null";
  options.key = "/dev/null";
  EXPECT_EQ(MakeServerCredentials(options).status().message(),
            "--tls-certificate: /dev/null is not a regular file");
}

}  // namespace
}  // namespace peregrine::server
