#include "server/clients/authenticator.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kScheme = "Bearer ";

absl::StatusOr<absl::string_view> TokenOf(const Claims& claims) {
  if (!absl::StartsWithIgnoreCase(claims.authorization, kScheme)) {
    return UnauthenticatedError(
        "found no token, needed metadata `authorization: Bearer TOKEN`");
  }
  return absl::string_view(claims.authorization).substr(kScheme.size());
}

}  // namespace

Authenticator::Authenticator(std::unique_ptr<TokenFile> tokens)
    : tokens_(std::move(tokens)),
      anyone_(std::make_shared<Client>("anyone", 0)) {}

absl::StatusOr<std::shared_ptr<Client>> Authenticator::Authenticate(
    const Claims& claims, absl::Time now) {
  if (tokens_ == nullptr) {
    const std::string name = claims.certificate_name();
    return name.empty() ? anyone_ : Named(name, {});
  }
  PEREGRINE_ASSIGN_OR_RETURN(const absl::string_view token, TokenOf(claims));
  const std::shared_ptr<const TokenTable> table = tokens_->Current(now);
  const auto owner = table->find(HashToken(token));
  if (owner == table->end()) {
    return UnauthenticatedError("found a token that is not known");
  }
  return Named(owner->second.name, owner->second.limits);
}

absl::Status Authenticator::CheckAdmin(const Claims& claims, absl::Time now) {
  if (tokens_ == nullptr) return absl::OkStatus();
  PEREGRINE_ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                             Authenticate(claims, now));
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
