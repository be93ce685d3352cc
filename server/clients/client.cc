#include "server/clients/client.h"

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

// For want of knowing when one of the requests under way ends.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

}  // namespace

absl::Status Client::Enter(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (limits_.max_requests > 0 && requests_ >= limits_.max_requests) {
    return ClientLimitError(
        absl::StrCat(requests_, " requests of ", name_,
                     " are under way, allowed ", limits_.max_requests),
        kRetryDelay);
  }
  if (limits_.requests_per_second > 0) {
    const absl::Duration wait = rate_.Take(limits_.requests_per_second, now);
    if (wait > absl::ZeroDuration()) {
      return ClientLimitError(
          absl::StrCat("requests of ", name_, " come too fast, allowed ",
                       limits_.requests_per_second, " a second"),
          wait);
    }
  }
  ++requests_;
  return absl::OkStatus();
}

void Client::Leave() {
  absl::MutexLock lock(&mutex_);
  --requests_;
}

absl::Status Client::EnterStream() {
  absl::MutexLock lock(&mutex_);
  if (limits_.max_streams > 0 && streams_ >= limits_.max_streams) {
    return ClientLimitError(
        absl::StrCat(streams_, " streams of ", name_, " are open, allowed ",
                     limits_.max_streams),
        kRetryDelay);
  }
  ++streams_;
  return absl::OkStatus();
}

void Client::LeaveStream() {
  absl::MutexLock lock(&mutex_);
  --streams_;
}

void Client::SetLimits(const ClientLimits& limits) {
  absl::MutexLock lock(&mutex_);
  limits_ = limits;
}

ClientLimits Client::limits() const {
  absl::MutexLock lock(&mutex_);
  return limits_;
}

absl::Status ClientTicket::Enter(std::shared_ptr<Client> client,
                                 absl::Time now) {
  PEREGRINE_RETURN_IF_ERROR(client->Enter(now));
  client_ = std::move(client);
  return absl::OkStatus();
}

}  // namespace peregrine::server
