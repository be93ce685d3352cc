#include "server/scheduling/fair_order.h"

#include <algorithm>

#include "engine/base/check.h"

namespace peregrine::server {

double FairOrder::Join(const Flow& flow, int tokens) {
  State& state = flows_[flow.id];
  state.weight = flow.weight;
  const double start = std::max(virtual_time_, state.finish);
  state.finish = start + tokens / flow.weight;
  state.queued.sentences += 1;
  state.queued.tokens += tokens;
  return start;
}

void FairOrder::AdvanceTo(double tag) {
  virtual_time_ = std::max(virtual_time_, tag);
}

void FairOrder::Leave(uint64_t flow, int tokens) {
  const auto it = flows_.find(flow);
  PEREGRINE_CHECK(it != flows_.end());
  Queued& queued = it->second.queued;
  queued.sentences -= 1;
  queued.tokens -= tokens;
  if (queued.sentences == 0) flows_.erase(it);
}

FairOrder::Queued FairOrder::OfFlow(uint64_t flow) const {
  const auto it = flows_.find(flow);
  return it == flows_.end() ? Queued{} : it->second.queued;
}

int FairOrder::TokensBefore(const Flow& flow, int tokens) const {
  const auto own = flows_.find(flow.id);
  const double start = own == flows_.end()
                           ? virtual_time_
                           : std::max(virtual_time_, own->second.finish);
  // How far each flow comes while this one gets its share up to there.
  const double reach = start + tokens / flow.weight - virtual_time_;
  double before = 0;
  for (const auto& [id, state] : flows_) {
    before += id == flow.id
                  ? state.queued.tokens
                  : std::min<double>(state.queued.tokens, reach * state.weight);
  }
  return static_cast<int>(before);
}

}  // namespace peregrine::server
