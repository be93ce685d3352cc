#ifndef PEREGRINE_ENGINE_BASE_DAMAGE_H_
#define PEREGRINE_ENGINE_BASE_DAMAGE_H_

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

#include "absl/functional/function_ref.h"

// For the tests of whatever reads files: what may befall their bytes.
namespace peregrine {

using DamagedReader = absl::FunctionRef<void(const std::string& content)>;

// Calls `read` with beginnings of `content`, every `step` bytes, but not with
// the whole.
inline void ForEachBeginning(const std::string& content, DamagedReader read,
                             size_t step = 1) {
  for (size_t size = 0; size < content.size(); size += step) {
    read(content.substr(0, size));
  }
}

struct DamageOptions {
  int rounds = 1000;
  // Random ones, at random places.
  int bytes = 3;
  // Above 0, half of them stand so near the start of the file, or in every
  // other round near its end: where the index is, in a file mostly of data.
  size_t edge_bytes = 0;
};

// Calls `read` in each round with a `content` that was damaged, and in every
// third is cut off as well. The same in each run.
inline void ForEachDamage(const std::string& content,
                          const DamageOptions& options, DamagedReader read) {
  std::mt19937 random(1);
  for (int round = 0; round < options.rounds; ++round) {
    std::string damaged = content;
    for (int i = 0; i < options.bytes; ++i) {
      const bool at_edge = options.edge_bytes > 0 && i % 2 == 0;
      const size_t range = at_edge
                               ? std::min(options.edge_bytes, damaged.size())
                               : damaged.size();
      const size_t place = random() % range;
      damaged[round % 2 == 0 ? place : damaged.size() - 1 - place] =
          static_cast<char>(random());
    }
    if (round % 3 == 0) damaged.resize(random() % damaged.size());
    read(damaged);
  }
}

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_DAMAGE_H_
