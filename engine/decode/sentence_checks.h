#ifndef PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_
#define PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_

#include "absl/status/status.h"
#include "engine/decode/session.h"
#include "engine/model/model.h"

namespace peregrine::decode {

// Whether a session of `max_rows` rows can translate `sentence` with `model`:
// see Session::Validate.
absl::Status CheckSentence(const model::Model& model, int max_rows,
                           const SentenceInput& sentence);

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SENTENCE_CHECKS_H_
