#ifndef PEREGRINE_SERVER_SERVICE_PRIORITY_H_
#define PEREGRINE_SERVER_SERVICE_PRIORITY_H_

#include "server/clients/client.h"
#include "server/clients/flow.h"
#include "server/service/request_checks.h"
#include "server/service/translation.h"

namespace peregrine::server {

// Adds to `violations` unless this is a Priority.
void CheckPriority(int priority, Violations& violations);

// The flow of what a client asks for at a priority: each of its priorities is
// one, with the client's weight times 1 (bulk), 4 or 16 (interactive).
Flow FlowOf(const Client& client, int priority);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_PRIORITY_H_
