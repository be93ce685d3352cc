#ifndef PEREGRINE_CLIENT_CHANNEL_SECURITY_H_
#define PEREGRINE_CLIENT_CHANNEL_SECURITY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace peregrine::client {

// How a channel is protected, and as whom it calls. Contents, not file names.
struct ChannelSecurity {
  bool tls = false;
  std::string authorities;  // in PEM; empty: those that the system trusts
  std::string certificate;  // in PEM, with its key: for servers that want one
  std::string key;
  std::string token;  // sent with every call, where not empty
};

// Names, in lower case, and values.
using Metadata = std::vector<std::pair<std::string, std::string>>;

// INVALID_ARGUMENT: not what a header can carry as a token.
absl::Status CheckToken(absl::string_view token);

// Whether what gRPC is told by `address` is on this machine alone: a loopback
// address, "localhost" or a socket file. A name is not looked up.
bool IsLocalAddress(absl::string_view address);

// Does not wait for the connection. `metadata` goes with every call.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const ChannelSecurity& security,
    Metadata metadata, const grpc::ChannelArguments& arguments);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CHANNEL_SECURITY_H_
