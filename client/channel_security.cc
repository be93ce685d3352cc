#include "client/channel_security.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/client_interceptor.h"

namespace peregrine::client {
namespace {

using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;

// Adds to the metadata of a call. Not gRPC's call credentials: they want an
// encrypted channel, and a proxy beside the client may encrypt.
class MetadataInterceptor final : public Interceptor {
 public:
  explicit MetadataInterceptor(const Metadata& metadata)
      : metadata_(metadata) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->insert(metadata_.begin(),
                                                metadata_.end());
    }
    methods->Proceed();
  }

 private:
  const Metadata& metadata_;
};

class MetadataInterceptorFactory final
    : public ClientInterceptorFactoryInterface {
 public:
  explicit MetadataInterceptorFactory(Metadata metadata)
      : metadata_(std::move(metadata)) {}

  Interceptor* CreateClientInterceptor(ClientRpcInfo*) override {
    return new MetadataInterceptor(metadata_);
  }

 private:
  const Metadata metadata_;
};

// Of "HOST:PORT", "[HOST]:PORT" or "HOST".
absl::string_view HostOf(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "[")) {
    return address.substr(0, address.find(']'));
  }
  const std::size_t colon = address.find(':');
  // Two of them: an IPv6 address without a port.
  if (colon != address.rfind(':')) return address;
  return address.substr(0, colon);
}

bool IsLoopback(absl::string_view host) {
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  const std::string text(host);
  in_addr ipv4;
  if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
    return (ntohl(ipv4.s_addr) >> 24) == 127;
  }
  in6_addr ipv6;
  return inet_pton(AF_INET6, text.c_str(), &ipv6) == 1 &&
         (IN6_IS_ADDR_LOOPBACK(&ipv6) != 0);
}

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(
    const ChannelSecurity& security) {
  if (!security.tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials(
      {security.authorities, security.key, security.certificate});
}

}  // namespace

absl::Status CheckToken(absl::string_view token) {
  if (token.empty()) return absl::InvalidArgumentError("found no token");
  if (!std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(
        "found more than a token: it has no white space, and ASCII only");
  }
  return absl::OkStatus();
}

bool IsLocalAddress(absl::string_view address) {
  if (absl::StartsWith(address, "unix:") ||
      absl::StartsWith(address, "unix-abstract:")) {
    return true;
  }
  if (absl::ConsumePrefix(&address, "dns:") &&
      absl::ConsumePrefix(&address, "//")) {
    // The name server that is asked.
    const std::size_t slash = address.find('/');
    if (slash == absl::string_view::npos) return false;
    address.remove_prefix(slash + 1);
  }
  if (!absl::ConsumePrefix(&address, "ipv4:")) {
    absl::ConsumePrefix(&address, "ipv6:");
  }
  const std::vector<absl::string_view> addresses = absl::StrSplit(address, ',');
  return std::all_of(
      addresses.begin(), addresses.end(),
      [](absl::string_view one) { return IsLoopback(HostOf(one)); });
}

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const ChannelSecurity& security,
    Metadata metadata, const grpc::ChannelArguments& arguments) {
  if (!security.token.empty()) {
    metadata.emplace_back("authorization",
                          absl::StrCat("Bearer ", security.token));
  }
  std::vector<std::unique_ptr<ClientInterceptorFactoryInterface>> interceptors;
  if (!metadata.empty()) {
    interceptors.push_back(
        std::make_unique<MetadataInterceptorFactory>(std::move(metadata)));
  }
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      address, MakeCredentials(security), arguments, std::move(interceptors));
}

}  // namespace peregrine::client
