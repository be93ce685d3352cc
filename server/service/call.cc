#include "server/service/call.h"

#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

// What the headers of a call take, with what else its connection sends for a
// message.
constexpr size_t kHeaderBytes = 1024;

}  // namespace

Call::Call(const CallEnvironment& environment, CallInfo info)
    : environment_(environment),
      info_(std::move(info)),
      open_(environment.open_calls.Enter()) {}

void Call::AddBytes(size_t bytes) const {
  if (environment_.peers == nullptr) return;
  environment_.peers->Account(info_.peer,
                              static_cast<int64_t>(kHeaderBytes + bytes));
}

void Call::Allow(int64_t bytes) {
  if (environment_.peers == nullptr) return;
  allowed_ += bytes;
  environment_.peers->Allow(info_.peer, bytes);
}

Call::~Call() {
  if (allowed_ != 0) environment_.peers->Allow(info_.peer, -allowed_);
  environment_.open_calls.Leave();
}

absl::Status Call::Begin() {
  const int max_calls = environment_.options.max_open_calls;
  if (open_ > max_calls) return TooManyCallsError(max_calls);
  PEREGRINE_ASSIGN_OR_RETURN(
      caller_, environment_.authenticator.Authenticate(info_.claims));
  return absl::OkStatus();
}

void Call::End(const absl::Status& status, const Summary& summary) const {
  Metrics& metrics = environment_.metrics;
  metrics.CallsOf(info_.method.api, info_.method.name).Add(status.code());
  if (!summary.counted) metrics.CountRefusal(ReasonOf(status));
  if (!environment_.request_log.on()) return;
  CallRecord record;
  record.api = info_.method.api;
  record.method = info_.method.name;
  record.ids = info_.ids;
  if (client() != nullptr) record.client = client()->name();
  if (summary.model != nullptr) record.model = summary.model->info().name;
  record.status = status;
  record.start = info_.start;
  record.duration = absl::Now() - info_.start;
  record.sentences = summary.sentences;
  record.texts = summary.texts;
  environment_.request_log.Write(record);
}

}  // namespace peregrine::server
