#include "server/security/authenticator.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "server/scheduling/errors.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kScheme = "Bearer ";

absl::string_view View(const grpc::string_ref& text) {
  return absl::string_view(text.data(), text.size());
}

// "authorization: Bearer TOKEN"
absl::StatusOr<absl::string_view> TokenOf(
    const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  if (found == metadata.end() ||
      !absl::StartsWithIgnoreCase(View(found->second), kScheme)) {
    return UnauthenticatedError(
        "found no token, needed metadata `authorization: Bearer TOKEN`");
  }
  return View(found->second).substr(kScheme.size());
}

// The common name of the client's certificate, which TLS has verified.
std::string CertificateName(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return "";
  const auto names = auth->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.empty()) return "";
  return std::string(names[0].data(), names[0].size());
}

}  // namespace

Authenticator::Authenticator(std::unique_ptr<TokenFile> tokens)
    : tokens_(std::move(tokens)),
      anyone_(std::make_shared<Client>("anyone", 0)) {}

absl::StatusOr<std::shared_ptr<Client>> Authenticator::Authenticate(
    const grpc::ServerContextBase& context, absl::Time now) {
  if (tokens_ == nullptr) {
    const std::string name = CertificateName(context);
    return name.empty() ? anyone_ : Named(name, {});
  }
  PEREGRINE_ASSIGN_OR_RETURN(const absl::string_view token, TokenOf(context));
  const std::shared_ptr<const TokenTable> table = tokens_->Current(now);
  const auto owner = table->find(HashToken(token));
  if (owner == table->end()) {
    return UnauthenticatedError("found a token that is not known");
  }
  return Named(owner->second.name, owner->second.limits);
}

absl::Status Authenticator::CheckAdmin(const grpc::ServerContextBase& context,
                                       absl::Time now) {
  if (tokens_ == nullptr) return absl::OkStatus();
  PEREGRINE_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                             Authenticate(context, now));
  if (client->limits().admin) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "the token's line in --token-file does not say `admin`");
}

std::shared_ptr<Client> Authenticator::Named(const std::string& name,
                                             const ClientLimits& limits) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<Client>& client = clients_[name];
  if (client == nullptr) client = std::make_shared<Client>(name, next_id_++);
  client->SetLimits(limits);
  return client;
}

}  // namespace peregrine::server
