#include "engine/kernels/cuda/emulation/device_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "engine/base/check.h"
#include "engine/kernels/host_buffer.h"
#ifdef PEREGRINE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace cuda_emulation {
namespace {

struct Allocation {
  std::unique_ptr<peregrine::kernels::Buffer> buffer;
  int device = kHostMemory;
};

// Held for reading while the only device in use works, for writing while one of
// two does.
std::shared_mutex work_mutex;
bool two_devices = false;  // ever
int device_at_work = kHostMemory;

std::mutex mutex;
auto& allocations = *new std::map<uintptr_t, Allocation>;  // by address
int first_device = kHostMemory;                            // that took memory

// The code of the host may not touch memory of a device. By the functions,
// since the macros do nothing in a file that is itself compiled without the
// sanitizer.
void Poison(void* data, size_t bytes) {
#ifdef PEREGRINE_ADDRESS_SANITIZER
  __asan_poison_memory_region(data, bytes);
#else
  (void)data, (void)bytes;
#endif
}

void Unpoison(void* data, size_t bytes) {
#ifdef PEREGRINE_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(data, bytes);
#else
  (void)data, (void)bytes;
#endif
}

// That `address` lies in, or null.
const Allocation* Find(uintptr_t address) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return nullptr;
  const Allocation& found = std::prev(next)->second;
  return address < std::prev(next)->first + found.buffer->bytes() ? &found
                                                                  : nullptr;
}

void Protect(const Allocation& allocation, bool accessible) {
  if (allocation.buffer->bytes() == 0) return;
  PEREGRINE_CHECK(
      mprotect(allocation.buffer->data(), allocation.buffer->bytes(),
               accessible ? PROT_READ | PROT_WRITE : PROT_NONE) == 0);
}

// All that is not of `device` faults.
void GiveTurnTo(int device) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (device_at_work == device) return;
  for (const auto& [address, allocation] : allocations) {
    if (allocation.device == kHostMemory) continue;
    Protect(allocation, allocation.device == device);
  }
  device_at_work = device;
}

}  // namespace

void* AllocateMemory(size_t bytes, int device) {
  auto buffer = peregrine::kernels::AllocateHostBuffer(bytes);
  if (!buffer.ok()) return nullptr;
  void* const data = (*buffer)->data();
  bool is_second = false;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (device != kHostMemory) {
      Poison(data, bytes);
      if (first_device == kHostMemory) first_device = device;
      is_second = device != first_device;
    }
    allocations[reinterpret_cast<uintptr_t>(data)] = {*std::move(buffer),
                                                      device};
  }
  const std::unique_lock<std::shared_mutex> turn(work_mutex);
  if (is_second) two_devices = true;
  device_at_work = kHostMemory;  // the new allocation is accessible to all
  return data;
}

void FreeMemory(void* data) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = allocations.find(reinterpret_cast<uintptr_t>(data));
  if (found == allocations.end()) return;
  Unpoison(data, found->second.buffer->bytes());
  allocations.erase(found);
}

bool IsDeviceMemory(const void* data, size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const Allocation* const found = Find(begin);
  return found != nullptr && found->device != kHostMemory &&
         (bytes == 0 || Find(begin + bytes - 1) == found);
}

DeviceAtWork::DeviceAtWork(int device)
    : alone_([] {
        work_mutex.lock_shared();
        if (!two_devices) return false;
        work_mutex.unlock_shared();
        work_mutex.lock();
        return true;
      }()) {
  if (alone_) GiveTurnTo(device);
}

DeviceAtWork::~DeviceAtWork() {
  if (alone_) {
    work_mutex.unlock();
  } else {
    work_mutex.unlock_shared();
  }
}

// Sixteen bytes at a time, with a barrier to the compiler after each, which
// would make calls of the C library of them, which sanitizers replace.
void CopyBytes(void* to, const void* from, size_t bytes) {
  auto* const target = static_cast<unsigned char*>(to);
  const auto* const source = static_cast<const unsigned char*>(from);
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    __builtin_memcpy(target + i, source + i, 16);
    asm volatile("" : : : "memory");
  }
  for (; i < bytes; ++i) {
    target[i] = source[i];
    asm volatile("" : : : "memory");
  }
}

void SetBytes(void* to, int value, size_t bytes) {
  auto* const target = static_cast<unsigned char*>(to);
  unsigned char values[16];
  for (unsigned char& one : values) one = static_cast<unsigned char>(value);
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16) {
    __builtin_memcpy(target + i, values, 16);
    asm volatile("" : : : "memory");
  }
  for (; i < bytes; ++i) {
    target[i] = values[0];
    asm volatile("" : : : "memory");
  }
}

}  // namespace cuda_emulation
