#include "engine/document/placement.h"

#include <algorithm>

namespace peregrine::document {
namespace {

// How many units on either side of a gap say where it is, and how much each
// counts relative to the one nearer.
constexpr size_t kReach = 3;
constexpr float kDecay = 0.4f;
// How much that counts beside standing next to what a neighbour became, and how
// much the other side of it does.
constexpr float kOrderWeight = 0.1f;
constexpr float kOtherSide = 0.7f;
// A sibling changes places only if its words are this much surer there.
constexpr float kReorderFactor = 2.0f;
constexpr float kReorderMargin = 0.3f;

// How much of target unit `t` comes from `source`.
float Mass(const UnitAlignment& alignment, size_t t, UnitRange source) {
  return alignment.Mass(t, source.begin, source.end);
}

struct ScoredRange {
  UnitRange range;
  float score = 0.0f;
};

// The run of free units of `within` whose sum of (mass - 1/2) is largest, with
// what must be at its ends.
ScoredRange BestRun(const UnitAlignment& alignment, const Node& node,
                    UnitRange within, const std::vector<bool>& taken) {
  ScoredRange best{{within.begin, within.begin}, 0.0f};
  float sum = 0.0f;
  size_t begin = within.begin;
  for (size_t t = within.begin; t < within.end; ++t) {
    if (taken[t]) {
      sum = 0.0f;
      begin = t + 1;
      continue;
    }
    if (sum <= 0.0f && !node.open_in_front) {
      sum = 0.0f;
      begin = t;
    }
    sum += Mass(alignment, t, node.source) - 0.5f;
    if (node.open_behind) continue;
    if (sum > best.score) best = {{begin, t + 1}, sum};
  }
  if (node.open_behind) {
    // A suffix, the best of all.
    best = {{within.end, within.end}, 0.0f};
    sum = 0.0f;
    for (size_t t = within.end; t-- > within.begin && !taken[t];) {
      sum += Mass(alignment, t, node.source) - 0.5f;
      if (sum > best.score || (node.open_in_front && t == within.begin)) {
        best = {{t, within.end}, sum};
      }
    }
  }
  return best;
}

class Placer {
 public:
  Placer(const UnitAlignment& alignment, const TargetGaps& gaps)
      : alignment_(alignment), gaps_(gaps) {}

  void PlaceAll(std::vector<Node>* nodes, UnitRange within) {
    const size_t units = alignment_.target().size();
    std::vector<bool> taken(units, false);
    std::vector<bool> free_gaps = gaps_.closed;
    free_gaps.flip();
    // Those that go on beyond the sentence first: no other is outside of them.
    for (Node& node : *nodes) {
      if (!node.open_in_front && !node.open_behind) continue;
      PlaceOne(&node, within, within.begin, &taken);
      PlaceAll(&node.children, node.target);
      if (node.open_in_front) {
        within.begin = node.target.end;
      } else {
        within.end = node.target.begin;
      }
    }
    size_t next = within.begin;  // behind the siblings so far
    for (Node& node : *nodes) {
      if (node.is_point || node.open_in_front || node.open_behind) continue;
      PlaceOne(&node, within, next, &taken);
      for (size_t t = node.target.begin; t < node.target.end; ++t) {
        taken[t] = true;
        if (t > node.target.begin) free_gaps[t] = false;
      }
      next = std::max(next, node.target.end);
      PlaceAll(&node.children, node.target);
    }
    size_t last_gap = within.begin;
    size_t last_source = static_cast<size_t>(-1);
    for (Node& node : *nodes) {
      if (!node.is_point) continue;
      // What stood side by side stays so.
      size_t gap = last_gap;
      if (node.source.begin != last_source) {
        gap = PlacePoint(node, within, free_gaps);
      }
      node.target = {gap, gap};
      last_gap = gap;
      last_source = node.source.begin;
    }
  }

 private:
  void PlaceOne(Node* node, UnitRange within, size_t next,
                std::vector<bool>* taken) {
    if (node->open_in_front && node->open_behind) {
      node->target = within;
      return;
    }
    const ScoredRange in_order =
        BestRun(alignment_, *node, {next, within.end}, *taken);
    const ScoredRange anywhere = BestRun(alignment_, *node, within, *taken);
    const bool moves =
        anywhere.score > in_order.score * kReorderFactor + kReorderMargin;
    const ScoredRange& chosen = moves ? anywhere : in_order;
    node->target = chosen.range;
    if (chosen.score > 0.0f || node->open_in_front || node->open_behind) return;
    // No word is its own: next to those of its neighbours.
    std::vector<bool> allowed(alignment_.target().size() + 1, true);
    const size_t gap =
        PlaceGap(alignment_, node->source.begin, {next, within.end}, allowed);
    node->target = {gap, gap};
    // The unit that its word most likely became, where one is free.
    if (node->source.end > node->source.begin && gap < within.end &&
        !(*taken)[gap] && Mass(alignment_, gap, node->source) > 0.2f) {
      node->target.end = gap + 1;
    }
  }

  size_t PlacePoint(const Node& node, UnitRange within,
                    const std::vector<bool>& free_gaps) const {
    const bool at_an_end = node.source.begin == 0 ||
                           node.source.begin >= alignment_.source().size();
    if (!node.wants_space || at_an_end) {
      return PlaceGap(alignment_, node.source.begin, within, free_gaps);
    }
    std::vector<bool> spaces = free_gaps;
    bool any = false;
    for (size_t g = within.begin; g <= within.end; ++g) {
      spaces[g] = spaces[g] && gaps_.has_space[g];
      any |= spaces[g];
    }
    return PlaceGap(alignment_, node.source.begin, within,
                    any ? spaces : free_gaps);
  }

  const UnitAlignment& alignment_;
  const TargetGaps& gaps_;
};

}  // namespace

size_t PlaceGap(const UnitAlignment& alignment, size_t gap, UnitRange within,
                const std::vector<bool>& allowed) {
  const size_t sources = alignment.source().size();
  // The ends stay the ends.
  if (gap == 0 && allowed[within.begin]) return within.begin;
  if (gap >= sources && allowed[within.end]) return within.end;
  // order(t): how much unit t belongs in front of the gap (> 0) or behind.
  std::vector<float> order(within.end, 0.0f);
  float sum = 0.0f;
  for (size_t t = within.begin; t < within.end; ++t) {
    float weight = 1.0f;
    for (size_t i = 0; i < kReach; ++i, weight *= kDecay) {
      if (gap > i) order[t] += weight * alignment.at(t, gap - 1 - i);
      if (gap + i < sources) order[t] -= weight * alignment.at(t, gap + i);
    }
    sum -= order[t];
  }
  // Next to what the neighbours became, best on the same side of it; then with
  // as much as can be on the right side.
  const auto left = [&](size_t t) {
    return gap > 0 ? alignment.at(t, gap - 1) : 0.0f;
  };
  const auto right = [&](size_t t) {
    return gap < sources ? alignment.at(t, gap) : 0.0f;
  };
  size_t best = within.end;
  float best_score = -1e30f;
  for (size_t g = within.begin; g <= within.end; ++g) {
    if (allowed[g]) {
      float score = kOrderWeight * sum;
      if (g > 0) score += left(g - 1) + kOtherSide * right(g - 1);
      // A neighbour outside counts as well.
      if (g < alignment.target().size()) {
        score += right(g) + kOtherSide * left(g);
      }
      if (score > best_score + 1e-6f) {
        best_score = score;
        best = g;
      }
    }
    if (g < within.end) sum += 2.0f * order[g];
  }
  return best;
}

UnitRange PlaceRange(const UnitAlignment& alignment, UnitRange source,
                     UnitRange within) {
  Node node;
  node.source = source;
  return BestRun(alignment, node, within,
                 std::vector<bool>(alignment.target().size(), false))
      .range;
}

void Place(const UnitAlignment& alignment, const TargetGaps& gaps,
           std::vector<Node>* nodes) {
  Placer(alignment, gaps).PlaceAll(nodes, {0, alignment.target().size()});
}

}  // namespace peregrine::document
