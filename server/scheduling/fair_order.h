#ifndef PEREGRINE_SERVER_SCHEDULING_FAIR_ORDER_H_
#define PEREGRINE_SERVER_SCHEDULING_FAIR_ORDER_H_

#include <cstdint>
#include <unordered_map>

#include "server/clients/flow.h"

namespace peregrine::server {

// Says in which order the sentences of several flows go, so that each flow
// gets its share whatever the others bring: start-time fair queueing (Goyal,
// Vin, Cheng, "Start-time Fair Queuing", SIGCOMM 1996). Every sentence gets a
// tag, the virtual time at which its flow's share allows it to start; the
// least tag goes first. With one flow that is the order of arrival. Pure and
// not thread-safe.
class FairOrder {
 public:
  // The tag of a sentence that joins.
  double Join(const Flow& flow, int tokens);

  // The sentence with this tag goes next of all: virtual time comes this far.
  void AdvanceTo(double tag);

  // A sentence left, served or not.
  void Leave(uint64_t flow, int tokens);

  struct Queued {
    int sentences = 0;
    int tokens = 0;
  };
  Queued OfFlow(uint64_t flow) const;

  // Of the sentences that are there, the tokens that go before the last of
  // `tokens` more of this flow.
  int TokensBefore(const Flow& flow, int tokens) const;

 private:
  struct State {
    double weight = 1;
    double finish = 0;  // tag of the next sentence, unless time is past it
    Queued queued;
  };

  double virtual_time_ = 0;
  std::unordered_map<uint64_t, State> flows_;  // those with sentences here
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_FAIR_ORDER_H_
