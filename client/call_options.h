#ifndef PEREGRINE_CLIENT_CALL_OPTIONS_H_
#define PEREGRINE_CLIENT_CALL_OPTIONS_H_

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/cancellation.h"
#include "client/channel_security.h"

namespace peregrine::client {

// Of one call.
struct CallOptions {
  // In place of ClientOptions::deadline.
  absl::optional<absl::Duration> deadline;

  // Ends the call early. Not owned; may be null.
  Cancellation* cancellation = nullptr;

  // Beside ClientOptions::metadata.
  Metadata metadata;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CALL_OPTIONS_H_
