#ifndef PEREGRINE_CLIENT_COMMAND_JSON_H_
#define PEREGRINE_CLIENT_COMMAND_JSON_H_

#include <string>

#include "client/bulk_scoring.h"
#include "client/bulk_window.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

// One line of JSON each, fields named as in the contract, durations in
// seconds. Bytes that are not UTF-8 become U+FFFD.

// {"source": ..., "hypotheses": [{"text": ..., "score": ...}], "flags": [...],
// "cost": {...}} or {"source": ..., "error": {"code": ..., "message": ...}}.
std::string ToJson(const BulkResult& result);

// {"source": ..., "stable_text": all of it so far}
std::string ToJson(const BulkBeginning& beginning);

// {"source": ..., "target": ..., "score": ..., "log_probability": ...,
// "tokens": [...], "flags": [...], "cost": {...}}, or with "error" as above.
std::string ToJson(const ScoredPair& pair);

std::string ToJson(const v1::Model& model);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_JSON_H_
