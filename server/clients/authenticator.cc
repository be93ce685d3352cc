#include "server/clients/authenticator.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxClients = 10000;
constexpr size_t kMaxCounted = 200;  // each is some lines of the metrics page
constexpr absl::string_view kScheme = "Bearer ";

absl::StatusOr<absl::string_view> TokenOf(const Claims& claims) {
  if (!absl::StartsWithIgnoreCase(claims.authorization, kScheme)) {
    return UnauthenticatedError(
        "found no token, needed metadata `authorization: Bearer TOKEN`");
  }
  return absl::string_view(claims.authorization).substr(kScheme.size());
}

}  // namespace

Authenticator::Authenticator(std::unique_ptr<TokenFile> tokens,
                             int max_streams_per_client)
    : tokens_(std::move(tokens)),
      max_streams_per_client_(max_streams_per_client),
      anyone_(std::make_shared<Client>("anyone", 0)) {}

absl::StatusOr<Caller> Authenticator::Authenticate(const Claims& claims) {
  if (tokens_ == nullptr) {
    const std::string name = claims.certificate_name();
    return Caller{name.empty() ? anyone_ : Named(name, {}), "", true};
  }
  PEREGRINE_ASSIGN_OR_RETURN(const absl::string_view token, TokenOf(claims));
  const std::shared_ptr<const TokenTable> table = tokens_->Current();
  std::string hash = HashToken(token);
  const auto owner = table->find(hash);
  if (owner == table->end()) {
    return UnauthenticatedError("found a token that is not known");
  }
  return Caller{Named(owner->second.name, owner->second.limits),
                std::move(hash), owner->second.admin};
}

absl::Status Authenticator::CheckAdmin(const Caller& caller) {
  if (caller.admin) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "the token's line in --token-file does not say `admin`");
}

bool Authenticator::IsStillGood(const Caller& caller) const {
  return tokens_ == nullptr || tokens_->Current()->count(caller.token_hash) > 0;
}

std::vector<std::shared_ptr<Client>> Authenticator::clients() const {
  std::vector<std::shared_ptr<Client>> clients = {anyone_};
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, client] : clients_) {
    if (clients.size() > kMaxCounted) break;
    clients.push_back(client);
  }
  return clients;
}

std::shared_ptr<Client> Authenticator::Named(const std::string& name,
                                             ClientLimits limits) {
  limits.max_streams = max_streams_per_client_;
  absl::MutexLock lock(&mutex_);
  auto found = clients_.find(name);
  if (found == clients_.end()) {
    // An authority may give out names without end.
    if (clients_.size() >= kMaxClients) return anyone_;
    found = clients_.emplace(name, std::make_shared<Client>(name, next_id_++))
                .first;
  }
  found->second->SetLimits(limits);
  return found->second;
}

}  // namespace peregrine::server
