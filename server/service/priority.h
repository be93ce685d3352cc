#ifndef PEREGRINE_SERVER_SERVICE_PRIORITY_H_
#define PEREGRINE_SERVER_SERVICE_PRIORITY_H_

#include "peregrine/v1/translation.pb.h"
#include "server/scheduling/client.h"
#include "server/scheduling/flow.h"
#include "server/service/request_checks.h"

namespace peregrine::server {

// Adds to `violations` unless the contract knows this priority.
void CheckPriority(v1::Priority priority, Violations& violations);

// The flow of what a client asks for at a priority: each of its priorities is
// one, with the client's weight times 1 (bulk), 4 or 16 (interactive).
Flow FlowOf(const Client& client, v1::Priority priority);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_PRIORITY_H_
