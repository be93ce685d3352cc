#include "server/service/call.h"

#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {

Call::Call(const CallEnvironment& environment, CallInfo info)
    : environment_(environment), info_(std::move(info)) {
  environment_.open_calls.Enter();
}

Call::~Call() { environment_.open_calls.Leave(); }

absl::Status Call::Authenticate() {
  PEREGRINE_ASSIGN_OR_RETURN(client_, environment_.authenticator.Authenticate(
                                          info_.claims, info_.start));
  return absl::OkStatus();
}

void Call::End(const absl::Status& status, const Summary& summary) const {
  if (!environment_.request_log.on()) return;
  CallRecord record;
  record.method = info_.method;
  record.ids = info_.ids;
  if (client_ != nullptr) record.client = client_->name();
  if (summary.model != nullptr) record.model = summary.model->info().name;
  record.status = status;
  record.start = info_.start;
  record.duration = absl::Now() - info_.start;
  record.sentences = summary.sentences;
  record.texts = summary.texts;
  environment_.request_log.Write(record);
}

}  // namespace peregrine::server
