#ifndef PEREGRINE_CLIENT_COMMAND_COMMAND_FLAGS_H_
#define PEREGRINE_CLIENT_COMMAND_COMMAND_FLAGS_H_

#include <functional>
#include <string>

#include "CLI/App.hpp"
#include "absl/time/time.h"
#include "client/channel_security.h"
#include "client/translation_client.h"
#include "peregrine/v1/translation.pb.h"

// Flags that several commands have. The values must outlive `command`.
namespace peregrine::client {

// Which server, and how it is reached.
struct ServerFlags {
  std::string address = "localhost:50051";
  ChannelSecurity security;
  bool token_in_clear = false;
  absl::Duration keepalive = ClientOptions().keepalive_time;
};

// --address and PEREGRINE_ADDRESS; --tls and its like; --token-file and
// PEREGRINE_TOKEN; --keepalive. Files are read as the command line is parsed;
// one that cannot be used is wrong usage, and so is a token that would be sent
// to another host for all between to read.
void AddServerFlags(ServerFlags* flags, CLI::App* command);

// Of the channel of a command: as the flags say, and with the trace context
// that the environment names as the command's own (TRACEPARENT, TRACESTATE), so
// that what calls the command finds the server's side of its trace.
ClientOptions CommandOptions(const ServerFlags& flags);

// --priority: bulk, normal or interactive; `set` gets it where it is given.
// `by_default` is for the help.
void AddPriorityFlag(const std::string& by_default,
                     std::function<void(v1::Priority)> set, CLI::App* command);

// "500ms", "1m30s", or seconds without a unit; more than 0 unless `allow_zero`.
void AddDurationFlag(const std::string& name, const std::string& help,
                     bool allow_zero, absl::Duration* value, CLI::App* command);

// --from and --to.
void AddLanguageFlags(std::string* source, std::string* target,
                      CLI::App* command);

// --beam-size and its like.
void AddDecodingFlags(v1::DecodingOptions* decoding, CLI::App* command);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_COMMAND_FLAGS_H_
