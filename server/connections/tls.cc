#include "server/connections/tls.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace peregrine::server {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

absl::StatusOr<File> OpenFile(const char* flag, const std::string& path) {
  // To open one of another kind may take for ever.
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, " is not a regular file"));
  }
  File file(std::fopen(path.c_str(), "r"));
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": cannot read ", path));
  }
  return file;
}

absl::StatusOr<Certificate> ReadCertificate(const char* flag,
                                            const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const File file, OpenFile(flag, path));
  Certificate certificate(PEM_read_X509(file.get(), nullptr, nullptr, nullptr),
                          &X509_free);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": found no certificate in PEM in ", path));
  }
  return certificate;
}

// A key with a pass phrase is refused: nobody is there to be asked.
int NoPassPhrase(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ReadKey(const char* flag, const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const File file, OpenFile(flag, path));
  Key key(PEM_read_PrivateKey(file.get(), nullptr, &NoPassPhrase, nullptr),
          &EVP_PKEY_free);
  if (key == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": found no private key in PEM without a pass phrase in ", path));
  }
  return key;
}

absl::Time EndOf(const X509& certificate) {
  tm time = {};
  ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time);
  return absl::FromTM(time, absl::UTCTimeZone());
}

absl::Status CheckFiles(const TlsOptions& options) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const Certificate certificate,
      ReadCertificate("--tls-certificate", options.certificate));
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tls-certificate: the certificate in ", options.certificate,
        " ended on ", absl::FormatTime(EndOf(*certificate))));
  }
  PEREGRINE_ASSIGN_OR_RETURN(const Key key, ReadKey("--tls-key", options.key));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--tls-key: ", options.key, " is not the key of the certificate in ",
        options.certificate));
  }
  if (options.client_ca.empty()) return absl::OkStatus();
  return ReadCertificate("--tls-client-ca", options.client_ca).status();
}

}  // namespace

absl::StatusOr<absl::Time> CertificateEnd(const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const Certificate certificate,
                             ReadCertificate("--tls-certificate", path));
  return EndOf(*certificate);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  PEREGRINE_RETURN_IF_ERROR(CheckFiles(options));
  const auto seconds = static_cast<unsigned>(
      std::max<int64_t>(1, absl::ToInt64Seconds(options.refresh)));
  grpc::experimental::TlsServerCredentialsOptions credentials(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.key, options.certificate, options.client_ca, seconds));
  credentials.watch_identity_key_cert_pairs();
  if (!options.client_ca.empty()) {
    credentials.watch_root_certs();
    credentials.set_cert_request_type(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(credentials);
}

}  // namespace peregrine::server
