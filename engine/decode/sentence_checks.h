#ifndef PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_
#define PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "engine/decode/session.h"
#include "engine/model/model.h"

namespace peregrine::decode {

// Whether a session of `max_rows` rows can translate `sentence` with `model`:
// see Session::Validate.
absl::Status CheckSentence(const model::Model& model, int max_rows,
                           const SentenceInput& sentence);

// Whether `target` can be scored with `model`, as the translation that is
// given. `options` are those of ScoringOptions.
absl::Status CheckTarget(const model::Model& model,
                         const std::vector<int32_t>& target,
                         const DecodingOptions& options);

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_
