#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FIBRE_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FIBRE_H_

#include <memory>

#include "engine/kernels/kernels.h"
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace cuda_emulation {

// Where some code stands, on whichever stack. The functions of the C library
// for this are used on few machines only: they are slow, and sanitizers replace
// some of them by their own, which know no other stacks.
class Place {
 public:
  // Remembers this place in `from` and goes on at `to`, until someone comes
  // back to `from`.
  static void Switch(Place& from, Place& to);

 private:
  friend class Fibre;
#ifdef __x86_64__
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
};

// A stack on which `main`, which never returns, waits to be started.
class Fibre {
 public:
  explicit Fibre(void (*main)());
  Place& place() { return place_; }

 private:
  const std::unique_ptr<peregrine::kernels::Buffer> stack_;
  Place place_;
};

}  // namespace cuda_emulation

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FIBRE_H_
