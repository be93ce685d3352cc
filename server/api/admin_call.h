#ifndef PEREGRINE_SERVER_API_ADMIN_CALL_H_
#define PEREGRINE_SERVER_API_ADMIN_CALL_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "server/api/call_context.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// The life of an administrator's call, which is logged: `act` is what it is
// there for, about what `subject` names.
grpc::Status AnswerAdmin(const Method& method, grpc::ServerContext& context,
                         const CallEnvironment& environment,
                         const std::string& subject,
                         absl::FunctionRef<absl::Status()> act);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_ADMIN_CALL_H_
