#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_FOR_EACH_VECTOR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_FOR_EACH_VECTOR_H_

namespace peregrine::kernels {

// Calls full(i) for the whole vectors of [0, count), then part(i, rest) for the
// elements left, if any.
template <class V, class Full, class Part>
inline void ForEachVector(int count, Full full, Part part) {
  int i = 0;
  for (; i + V::kWidth <= count; i += V::kWidth) full(i);
  if (i < count) part(i, count - i);
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_FOR_EACH_VECTOR_H_
