#ifndef PEREGRINE_CLIENT_COMMAND_STEERING_FLAGS_H_
#define PEREGRINE_CLIENT_COMMAND_STEERING_FLAGS_H_

#include "peregrine/v1/translation.pb.h"

namespace CLI {
class App;
}  // namespace CLI

namespace peregrine::client {

// What a translation must be like and what is told of it: the flags of
// docs/decoding.md. `decoding` must outlive `command`.
void AddSteeringFlags(v1::DecodingOptions* decoding, CLI::App* command);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_STEERING_FLAGS_H_
