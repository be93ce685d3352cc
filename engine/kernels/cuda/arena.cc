#include "engine/kernels/cuda/arena.h"

#include <algorithm>
#include <iterator>

#include "engine/base/check.h"

namespace peregrine::kernels {

Arena::Arena(size_t bytes) : bytes_(bytes / kAlignment * kAlignment) {
  if (bytes_ > 0) gaps_[0] = bytes_;
}

std::optional<size_t> Arena::Take(size_t bytes) {
  if (bytes > bytes_) return std::nullopt;  // and no overflow below
  const size_t size = std::max<size_t>(
      (bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
  auto best = gaps_.end();
  for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
    if (gap->second < size) continue;
    if (best == gaps_.end() || gap->second < best->second) best = gap;
  }
  if (best == gaps_.end()) return std::nullopt;
  const auto [offset, gap_size] = *best;
  gaps_.erase(best);
  if (gap_size > size) gaps_[offset + size] = gap_size - size;
  taken_[offset] = size;
  bytes_in_use_ += size;
  return offset;
}

void Arena::Give(size_t offset) {
  const auto taken = taken_.find(offset);
  PEREGRINE_CHECK(taken != taken_.end()) << "nothing taken at " << offset;
  size_t begin = offset;
  size_t size = taken->second;
  bytes_in_use_ -= size;
  taken_.erase(taken);
  const auto next = gaps_.lower_bound(begin);
  if (next != gaps_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == begin) {
      begin = previous->first;
      size += previous->second;
      gaps_.erase(previous);
    }
  }
  if (next != gaps_.end() && begin + size == next->first) {
    size += next->second;
    gaps_.erase(next);
  }
  gaps_[begin] = size;
}

size_t Arena::largest_gap() const {
  size_t largest = 0;
  for (const auto& gap : gaps_) largest = std::max(largest, gap.second);
  return largest;
}

}  // namespace peregrine::kernels
