#include "server/service/priority.h"

namespace peregrine::server {
namespace {

bool IsPriority(int priority) {
  return priority >= 0 && priority < kPriorities;
}

double WeightOf(Priority priority) {
  switch (priority) {
    case Priority::kBulk:
      return 1;
    case Priority::kInteractive:
      return 16;
    case Priority::kUnspecified:
      break;
  }
  return 4;
}

}  // namespace

void CheckPriority(int priority, Violations& violations) {
  if (IsPriority(priority)) return;
  violations.AddRange("priority", priority, 0, kPriorities - 1);
}

Flow FlowOf(const Client& client, int priority) {
  if (!IsPriority(priority))
    priority = 0;  // refused later, where it is checked
  Flow flow;
  flow.id = client.id() * kPriorities + priority;
  flow.weight =
      client.limits().weight * WeightOf(static_cast<Priority>(priority));
  flow.known = client.id() != 0;
  return flow;
}

}  // namespace peregrine::server
