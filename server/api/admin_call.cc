#include "server/api/admin_call.h"

#include "server/api/status_mapping.h"
#include "server/process/logging.h"
#include "server/service/call.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {

grpc::Status AnswerAdmin(const Method& method, grpc::ServerContext& context,
                         const CallEnvironment& environment,
                         const std::string& subject,
                         absl::FunctionRef<absl::Status()> act) {
  Call call(environment, InfoOf(method, context));
  SendIds(call.info().ids, context);
  absl::Status status = call.Begin();
  if (status.ok()) status = Authenticator::CheckAdmin(call.caller());
  if (status.ok()) status = act();
  if (status.ok()) {
    spdlog::info("admin: {} {} by {}", method.name, Loggable(subject),
                 Loggable(call.client()->name()));
  } else {
    spdlog::warn("admin: {} {}: {}", method.name, Loggable(subject),
                 Loggable(std::string(status.message())));
  }
  call.End(status, {});
  return ToGrpcStatus(status);
}

}  // namespace peregrine::server
