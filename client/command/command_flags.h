#ifndef PEREGRINE_CLIENT_COMMAND_COMMAND_FLAGS_H_
#define PEREGRINE_CLIENT_COMMAND_COMMAND_FLAGS_H_

#include <string>

#include "CLI/App.hpp"
#include "absl/time/time.h"
#include "client/channel_security.h"
#include "client/translation_client.h"
#include "peregrine/v1/translation.pb.h"

// Flags that several commands have. The values must outlive `command`.
namespace peregrine::client {

// --address, PEREGRINE_ADDRESS.
void AddAddressFlag(std::string* address, CLI::App* command);

// --tls and its like, --token-file, PEREGRINE_TOKEN. The files are read as the
// command line is parsed; one that cannot be used is wrong usage.
void AddSecurityFlags(ChannelSecurity* security, CLI::App* command);

// Of the channel of a command: so protected, and with the trace context that
// the environment names as the command's own (TRACEPARENT, TRACESTATE), so that
// what calls the command finds the server's side of its trace.
ClientOptions CommandOptions(const ChannelSecurity& security);

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
