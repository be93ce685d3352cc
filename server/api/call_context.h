#ifndef PEREGRINE_SERVER_API_CALL_CONTEXT_H_
#define PEREGRINE_SERVER_API_CALL_CONTEXT_H_

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "server/service/call.h"

// What gRPC knows of a call, in the server's words.
namespace peregrine::server {

// `context` must outlive the claims in it. A call that ends without being read
// has its start as its deadline or is told by `context.IsCancelled()`.
CallInfo InfoOf(const Method& method, const grpc::ServerContextBase& context);

// Tells the caller its request id and its `traceresponse`, before the call
// finishes. In the trailers: a refusal with headers of its own would not be
// repeated by gRPC's clients, which take headers for the beginning of an
// answer.
void SendIds(const CallIds& ids, grpc::ServerContextBase& context);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_CALL_CONTEXT_H_
