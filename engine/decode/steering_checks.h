#ifndef PEREGRINE_ENGINE_DECODE_STEERING_CHECKS_H_
#define PEREGRINE_ENGINE_DECODE_STEERING_CHECKS_H_

#include "absl/status/status.h"
#include "engine/decode/decoding_options.h"
#include "engine/model/config.h"

namespace peregrine::decode {

// Whether what is demanded is in range, can be met together and fits
// options.max_length. INVALID_ARGUMENT names the field.
absl::Status CheckSteering(const DecodingOptions& options,
                           const model::ModelConfig& model);

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_STEERING_CHECKS_H_
