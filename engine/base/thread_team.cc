#include "engine/base/thread_team.h"

#include <chrono>
#include <utility>

#include "engine/base/check.h"

namespace peregrine {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than what lies between two large products of a step; short beside the
// time slice of a scheduler, for others may want the core.
constexpr std::chrono::microseconds kSpinTime(200);
constexpr int kPausesPerLook = 32;  // at the clock, or at other threads
constexpr uint32_t kNextMask = 0xffff;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

bool Remain(uint32_t pieces) { return (pieces & kNextMask) < pieces >> 16; }

}  // namespace

ThreadTeam::ThreadTeam(int num_threads) {
  PEREGRINE_CHECK(num_threads >= 2 && num_threads <= kMaxThreads)
      << num_threads;
  for (int i = 1; i < num_threads; ++i) {
    helpers_.emplace_back([this] { Help(); });
  }
}

ThreadTeam::~ThreadTeam() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadTeam::Run(int num_pieces, absl::FunctionRef<void(int piece)> work) {
  PEREGRINE_CHECK(num_pieces >= 0 && num_pieces <= static_cast<int>(kNextMask))
      << num_pieces;
  work_ = &work;
  unfinished_.store(num_pieces, std::memory_order_relaxed);
  // This store and the load after it, and in AwaitPieces the count of sleepers
  // and the look at the pieces, are in one order for all: either the helper
  // sees the pieces or it is seen here.
  pieces_.store(static_cast<uint32_t>(num_pieces) << 16);
  if (num_sleeping_.load() > 0) {
    absl::MutexLock lock(&mutex_);  // whose release looks who should wake
  }
  while (DoPiece()) {
  }
  for (int pauses = 1; unfinished_.load(std::memory_order_acquire) > 0;
       ++pauses) {
    Pause();
    // The helper may be waiting for this very core.
    if (pauses % kPausesPerLook == 0) std::this_thread::yield();
  }
}

bool ThreadTeam::DoPiece() {
  uint32_t pieces = pieces_.load(std::memory_order_relaxed);
  do {
    if (!Remain(pieces)) return false;
  } while (!pieces_.compare_exchange_weak(pieces, pieces + 1,
                                          std::memory_order_acquire,
                                          std::memory_order_relaxed));
  (*work_)(static_cast<int>(pieces & kNextMask));
  unfinished_.fetch_sub(1, std::memory_order_release);
  return true;
}

void ThreadTeam::Help() {
  while (AwaitPieces()) {
    while (DoPiece()) {
    }
  }
}

bool ThreadTeam::HasPieces() const { return Remain(pieces_.load()); }

bool ThreadTeam::ShouldWake() const { return ending_ || HasPieces(); }

bool ThreadTeam::SpinForPieces() const {
  const Clock::time_point end = Clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (HasPieces()) return true;
      Pause();
    }
  } while (Clock::now() < end);
  return false;
}

bool ThreadTeam::AwaitPieces() {
  if (SpinForPieces()) return true;
  absl::MutexLock lock(&mutex_);
  num_sleeping_.fetch_add(1);
  mutex_.Await(absl::Condition(this, &ThreadTeam::ShouldWake));
  num_sleeping_.fetch_sub(1);
  return !ending_;
}

absl::Status ForParts(ThreadTeam* team, int num_parts,
                      absl::FunctionRef<absl::Status(int part)> work) {
  absl::Mutex mutex;
  absl::Status status;  // guarded by `mutex`
  const auto do_part = [&](int part) {
    absl::Status done = work(part);
    if (done.ok()) return;
    absl::MutexLock lock(&mutex);
    status.Update(std::move(done));
  };
  if (team == nullptr) {
    for (int part = 0; part < num_parts; ++part) do_part(part);
  } else {
    team->Run(num_parts, do_part);
  }
  return status;
}

}  // namespace peregrine
