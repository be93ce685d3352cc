#include "server/api/call_context.h"

#include <chrono>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

namespace peregrine::server {
namespace {

constexpr absl::Duration kLongestDeadline = absl::Hours(24);

// Empty: there is none.
absl::string_view Find(const grpc::ServerContextBase& context,
                       const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  return found == metadata.end()
             ? absl::string_view()
             : absl::string_view(found->second.data(), found->second.size());
}

// In the words of the API, "Bearer TOKEN".
std::string Authorization(const grpc::ServerContextBase& context) {
  absl::string_view token = Find(context, "authorization");
  if (absl::ConsumePrefix(&token, "DeepL-Auth-Key ") ||
      (token.empty() && !(token = Find(context, "x-goog-api-key")).empty())) {
    return absl::StrCat("Bearer ", token);
  }
  return std::string(token);
}

std::string CertificateName(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.empty()) return "";
  return std::string(names[0].data(), names[0].size());
}

// gRPC's word for no deadline is the last moment that it can express. One that
// no call will live to see is none either: it would only make the usual
// deadline look longer than it is.
absl::Time DeadlineOf(const grpc::ServerContextBase& context, absl::Time now) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return absl::InfiniteFuture();
  }
  const absl::Time time = absl::FromChrono(deadline);
  return time - now > kLongestDeadline ? absl::InfiniteFuture() : time;
}

// As of HTTP, which knows more words than are of use here.
bool AsksForNoCache(absl::string_view cache_control) {
  const std::string words = absl::AsciiStrToLower(cache_control);
  return absl::StrContains(words, "no-cache") ||
         absl::StrContains(words, "no-store");
}

}  // namespace

CallInfo InfoOf(const Method& method, const grpc::ServerContextBase& context) {
  CallInfo info;
  info.method = method;
  info.peer = context.peer();
  info.ids =
      MakeCallIds(Find(context, "x-request-id"), Find(context, "traceparent"));
  info.claims.authorization = Authorization(context);
  info.claims.certificate_name = [&context] {
    return CertificateName(context);
  };
  info.no_cache = AsksForNoCache(Find(context, "cache-control"));
  info.start = absl::Now();
  info.deadline = DeadlineOf(context, info.start);
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
