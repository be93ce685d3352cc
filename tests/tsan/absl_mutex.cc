// Tells the thread sanitizer what Debian's libabsl_synchronization, which is
// not instrumented, does: without it every access under an absl::Mutex looks
// like a race. Preloaded by scripts/test into the programs that are tested;
// gRPC's libraries call the same functions, and so are covered as well.
//
// Each function releases before the real one lets go of the mutex, and acquires
// after the real one has taken it.

#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
// Absent in programs without the sanitizer, which may be preloaded too.
void __tsan_acquire(void* address) __attribute__((weak));
void __tsan_release(void* address) __attribute__((weak));
}

namespace {

void Acquire(const void* address) {
  if (__tsan_acquire != nullptr) __tsan_acquire(const_cast<void*>(address));
}

void Release(const void* address) {
  if (__tsan_release != nullptr) __tsan_release(const_cast<void*>(address));
}

// The function that is hidden by the one of this file.
template <typename Function>
Function Next(const char* symbol) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol));
}

// A condition is looked at by whichever thread holds the mutex, from within the
// library.
struct SeenCondition {
  absl::Mutex* mutex;
  const absl::Condition* condition;

  static bool Eval(SeenCondition* seen) {
    Acquire(seen->mutex);
    const bool met = seen->condition->Eval();
    Release(seen->mutex);
    return met;
  }
};

}  // namespace

#define ABSL_SYMBOL(rest) "_ZN4absl7debian3" rest
#define ABSL_CONST_SYMBOL(rest) "_ZNK4absl7debian3" rest

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto next = Next<void (*)(Mutex*)>(ABSL_SYMBOL("5Mutex4LockEv"));
  next(this);
  Acquire(this);
}

void Mutex::Unlock() {
  static const auto next =
      Next<void (*)(Mutex*)>(ABSL_SYMBOL("5Mutex6UnlockEv"));
  Release(this);
  next(this);
}

bool Mutex::TryLock() {
  static const auto next =
      Next<bool (*)(Mutex*)>(ABSL_SYMBOL("5Mutex7TryLockEv"));
  const bool locked = next(this);
  if (locked) Acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  static const auto next =
      Next<void (*)(Mutex*)>(ABSL_SYMBOL("5Mutex10ReaderLockEv"));
  next(this);
  Acquire(this);
}

void Mutex::ReaderUnlock() {
  static const auto next =
      Next<void (*)(Mutex*)>(ABSL_SYMBOL("5Mutex12ReaderUnlockEv"));
  Release(this);
  next(this);
}

void Mutex::Await(const Condition& condition) {
  static const auto next = Next<void (*)(Mutex*, const Condition&)>(
      ABSL_SYMBOL("5Mutex5AwaitERKNS0_9ConditionE"));
  SeenCondition seen{this, &condition};
  Release(this);
  next(this, Condition(&SeenCondition::Eval, &seen));
  Acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto next = Next<bool (*)(Mutex*, const Condition&, Duration)>(
      ABSL_SYMBOL("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  SeenCondition seen{this, &condition};
  Release(this);
  const bool met = next(this, Condition(&SeenCondition::Eval, &seen), timeout);
  Acquire(this);
  return met;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto next = Next<bool (*)(Mutex*, const Condition&, Time)>(
      ABSL_SYMBOL("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  SeenCondition seen{this, &condition};
  Release(this);
  const bool met = next(this, Condition(&SeenCondition::Eval, &seen), deadline);
  Acquire(this);
  return met;
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto next = Next<void (*)(Mutex*, const Condition&)>(
      ABSL_SYMBOL("5Mutex8LockWhenERKNS0_9ConditionE"));
  SeenCondition seen{this, &condition};
  next(this, Condition(&SeenCondition::Eval, &seen));
  Acquire(this);
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static const auto next = Next<bool (*)(Mutex*, const Condition&, Time)>(
      ABSL_SYMBOL("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  SeenCondition seen{this, &condition};
  const bool met = next(this, Condition(&SeenCondition::Eval, &seen), deadline);
  Acquire(this);
  return met;
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static const auto next =
      Next<bool (*)(Mutex*, const Condition&, Duration)>(ABSL_SYMBOL(
          "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  SeenCondition seen{this, &condition};
  const bool met = next(this, Condition(&SeenCondition::Eval, &seen), timeout);
  Acquire(this);
  return met;
}

void CondVar::Wait(Mutex* mutex) {
  static const auto next = Next<void (*)(CondVar*, Mutex*)>(
      ABSL_SYMBOL("7CondVar4WaitEPNS0_5MutexE"));
  Release(mutex);
  next(this, mutex);
  Acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto next = Next<bool (*)(CondVar*, Mutex*, Duration)>(
      ABSL_SYMBOL("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE"));
  Release(mutex);
  const bool timed_out = next(this, mutex, timeout);
  Acquire(mutex);
  return timed_out;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto next = Next<bool (*)(CondVar*, Mutex*, Time)>(
      ABSL_SYMBOL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"));
  Release(mutex);
  const bool timed_out = next(this, mutex, deadline);
  Acquire(mutex);
  return timed_out;
}

void Notification::Notify() {
  static const auto next =
      Next<void (*)(Notification*)>(ABSL_SYMBOL("12Notification6NotifyEv"));
  Release(this);
  next(this);
}

void Notification::WaitForNotification() const {
  static const auto next = Next<void (*)(const Notification*)>(
      ABSL_CONST_SYMBOL("12Notification19WaitForNotificationEv"));
  next(this);
  Acquire(this);
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto next =
      Next<bool (*)(const Notification*, Duration)>(ABSL_CONST_SYMBOL(
          "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE"));
  const bool notified = next(this, timeout);
  if (notified) Acquire(this);
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl
