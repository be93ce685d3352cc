#ifndef PEREGRINE_SERVER_BACKEND_WARM_UP_H_
#define PEREGRINE_SERVER_BACKEND_WARM_UP_H_

#include "absl/status/status.h"
#include "server/backend/model_backend.h"

namespace peregrine::server {

// Translates a few made-up sentences, alone and together, so that the first
// caller does not pay for what a session does once: memory pages, prepared
// kernels. `session` is of `model`, empty, and is empty again afterwards.
// INTERNAL: a score that is not a number, as broken weights give.
absl::Status WarmUp(const ModelBackend& model, DecodeSession& session);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_BACKEND_WARM_UP_H_
