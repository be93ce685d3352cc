#include "server/api/call_context.h"

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

namespace peregrine::server {
namespace {

// Empty: there is none.
absl::string_view Find(const grpc::ServerContextBase& context,
                       const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  return found == metadata.end()
             ? absl::string_view()
             : absl::string_view(found->second.data(), found->second.size());
}

std::string CertificateName(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.empty()) return "";
  return std::string(names[0].data(), names[0].size());
}

}  // namespace

CallInfo InfoOf(const char* method, const grpc::ServerContextBase& context) {
  CallInfo info;
  info.method = method;
  info.ids =
      MakeCallIds(Find(context, "x-request-id"), Find(context, "traceparent"));
  info.claims.authorization = std::string(Find(context, "authorization"));
  info.claims.certificate_name = [&context] {
    return CertificateName(context);
  };
  info.start = absl::Now();
  info.deadline = absl::FromChrono(context.deadline());
  return info;
}

void SendIds(const CallIds& ids, grpc::ServerContextBase& context) {
  context.AddTrailingMetadata("x-request-id", ids.request_id);
  const std::string response = TraceResponse(ids);
  if (!response.empty()) {
    context.AddTrailingMetadata("traceresponse", response);
  }
}

}  // namespace peregrine::server
