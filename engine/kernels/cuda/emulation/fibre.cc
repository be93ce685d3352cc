#include "engine/kernels/cuda/emulation/fibre.h"

#include <cstddef>
#include <cstdint>

#include "engine/kernels/host_buffer.h"

#ifdef __x86_64__
// Saves what a function must preserve on the stack that it leaves, and takes it
// from the one that it enters.
extern "C" void PeregrineSwitchStack(void** from, void* to);
asm(R"(
.text
.type PeregrineSwitchStack, @function
PeregrineSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size PeregrineSwitchStack, . - PeregrineSwitchStack
)");
#endif

namespace cuda_emulation {
namespace {

constexpr size_t kStackBytes = 128 << 10;

}  // namespace

#ifdef __x86_64__

void Place::Switch(Place& from, Place& to) {
  PeregrineSwitchStack(&from.stack_pointer_, to.stack_pointer_);
}

Fibre::Fibre(void (*main)())
    : stack_(peregrine::kernels::AllocateHostBuffer(kStackBytes).value()) {
  constexpr int kSavedRegisters = 6;
  auto* const end = reinterpret_cast<uintptr_t*>(
      static_cast<char*>(stack_->data()) + kStackBytes);
  // Below a return address that nobody uses, `main` to return to; then
  // registers of any value.
  end[-2] = reinterpret_cast<uintptr_t>(main);
  place_.stack_pointer_ = end - 2 - kSavedRegisters;
}

#else

void Place::Switch(Place& from, Place& to) {
  swapcontext(&from.context_, &to.context_);
}

Fibre::Fibre(void (*main)())
    : stack_(peregrine::kernels::AllocateHostBuffer(kStackBytes).value()) {
  getcontext(&place_.context_);
  place_.context_.uc_stack.ss_sp = stack_->data();
  place_.context_.uc_stack.ss_size = kStackBytes;
  place_.context_.uc_link = nullptr;
  makecontext(&place_.context_, main, 0);
}

#endif

}  // namespace cuda_emulation
