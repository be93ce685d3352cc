#include "server/service/priority.h"

namespace peregrine::server {
namespace {

double WeightOf(v1::Priority priority) {
  switch (priority) {
    case v1::PRIORITY_BULK:
      return 1;
    case v1::PRIORITY_INTERACTIVE:
      return 16;
    default:
      return 4;
  }
}

}  // namespace

void CheckPriority(v1::Priority priority, Violations& violations) {
  if (v1::Priority_IsValid(priority)) return;
  violations.AddRange("priority", priority, v1::Priority_MIN, v1::Priority_MAX);
}

Flow FlowOf(const Client& client, v1::Priority priority) {
  Flow flow;
  flow.id = client.id() * v1::Priority_ARRAYSIZE +
            (v1::Priority_IsValid(priority) ? priority : 0);
  flow.weight = client.limits().weight * WeightOf(priority);
  flow.known = client.id() != 0;
  return flow;
}

}  // namespace peregrine::server
