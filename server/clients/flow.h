#ifndef PEREGRINE_SERVER_CLIENTS_FLOW_H_
#define PEREGRINE_SERVER_CLIENTS_FLOW_H_

#include <cstdint>

namespace peregrine::server {

// Sentences that share one share of the workers: those of one client at one
// priority.
struct Flow {
  uint64_t id = 0;
  // While there is a backlog, flows get tokens in proportion to their weights.
  double weight = 1;
  // Whether it is of a client that is known by name: these may not fill the
  // queue before each other. All others are one flow.
  bool known = false;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_FLOW_H_
