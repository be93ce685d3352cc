#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PREFETCH_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PREFETCH_H_

#include <stddef.h>

namespace peregrine::kernels {

constexpr int kLineFloats = 16;  // of a cache line; or other lanes of 4 bytes

// The lines of [p, p + count) into the L1 cache. This and all that call it and
// do nothing else are always inlined: g++ takes a function that only prefetches
// for one without effect, and drops the call.
template <class V, class Lane>
inline __attribute__((always_inline)) void PrefetchNear(const Lane* p,
                                                        int count) {
  static_assert(sizeof(Lane) == 4);
  for (int i = 0; i < count; i += kLineFloats) __builtin_prefetch(p + i);
}

// The same into the L2 cache: for what is needed later than L1 would keep it.
template <class V, class Element>
inline __attribute__((always_inline)) void PrefetchFar(const Element* p,
                                                       int count) {
  constexpr int kLineElements = kLineFloats * 4 / sizeof(Element);
  for (int i = 0; i < count; i += kLineElements) {
    __builtin_prefetch(p + i, /*rw=*/0, /*locality=*/2);
  }
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PREFETCH_H_
