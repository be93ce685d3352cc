#ifndef PEREGRINE_CLIENT_ROUTE_H_
#define PEREGRINE_CLIENT_ROUTE_H_

#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

// Who translated a text: what the text says itself where the texts of a request
// went to different models, else what its response says of all.
template <typename Response>
v1::TextRoute RouteOf(const Response& response,
                      const v1::Translation& translation) {
  if (translation.has_route()) return translation.route();
  v1::TextRoute route;
  route.set_model(response.model());
  route.set_revision(response.revision());
  route.set_target_language(response.target_language());
  if (response.has_pivot()) *route.mutable_pivot() = response.pivot();
  return route;
}

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_ROUTE_H_
