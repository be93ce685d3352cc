#ifndef PEREGRINE_ENGINE_BASE_THREAD_TEAM_H_
#define PEREGRINE_ENGINE_BASE_THREAD_TEAM_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace peregrine {

// Helpers of one thread, for tasks of tens of microseconds, which waking a
// thread for would not pay. So helpers look for the next task for a bounded
// time, spinning, and sleep after that: an idle team burns nothing. Pieces are
// taken by whoever is free. One that a late or sleeping helper does not take
// is done by the caller, so that a team on too few cores is slow, not stuck.
class ThreadTeam {
 public:
  static constexpr int kMaxThreads = 1024;

  // `num_threads` in [2, kMaxThreads], that which calls Run among them.
  explicit ThreadTeam(int num_threads);
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();

  int num_threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // work(piece) for each piece in [0, num_pieces), up to 65535 of them, in any
  // order and by any thread of the team; returns when all are done. By one
  // thread at a time, and never from inside `work`. Allocates nothing.
  void Run(int num_pieces, absl::FunctionRef<void(int piece)> work);

 private:
  void Help();
  // False: the team ends.
  bool AwaitPieces();
  bool SpinForPieces() const;
  bool HasPieces() const;
  bool ShouldWake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes a piece, if there is one, and does it.
  bool DoPiece();

  // On cache lines of their own: what is waited for, and what is counted down.
  alignas(64) std::atomic<uint32_t> pieces_{0};  // number << 16 | next one
  alignas(64) std::atomic<int> unfinished_{0};   // pieces
  // Written while there are no pieces; read by who has taken one.
  alignas(64) const absl::FunctionRef<void(int)>* work_ = nullptr;

  std::atomic<int> num_sleeping_{0};
  absl::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> helpers_;
};

// work(part) for each part in [0, num_parts), by `team` or, where that is null,
// by the caller alone. The first error; the other parts are done all the same.
absl::Status ForParts(ThreadTeam* team, int num_parts,
                      absl::FunctionRef<absl::Status(int part)> work);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_THREAD_TEAM_H_
