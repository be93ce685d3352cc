#include "engine/kernels/cuda/emulation/grid.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "engine/base/check.h"
#include "engine/kernels/cuda/emulation/cuda_runtime.h"
#include "engine/kernels/cuda/emulation/fibre.h"
#include "engine/kernels/cuda/emulation/shared_memory.h"

thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_emulation {
namespace {

constexpr int kWarpSize = 32;
constexpr int kMaxBlocksUnderWay = 3;

// The threads of a block, run one at a time, each until it ends or waits at a
// barrier. Stacks are kept from block to block.
class Block {
 public:
  void Start(const KernelLaunch& launch, size_t index, bool downwards);

  // Runs every thread that can, once, and opens the barriers that all have
  // reached. False when all threads have ended.
  bool Advance();

  void Wait(bool whole_block);
  uint32_t ShuffleXor(uint32_t bits, int lanes);
  void CopyAsync(void* to, const void* from, size_t bytes);
  void CommitCopies();
  void AwaitCopies(size_t groups);
  void AwaitEarlierGrid() { threads_[current_]->awaited_earlier_grid = true; }

  SharedMemory& shared() { return shared_; }
  int current() const { return current_; }

 private:
  enum class State { kReady, kAtWarpBarrier, kAtBlockBarrier, kDone };
  struct Copy {
    void* to = nullptr;
    const void* from = nullptr;
    size_t bytes = 0;
  };
  using CopyGroup = std::vector<Copy>;
  struct Thread {
    State state = State::kDone;
    bool awaited_earlier_grid = false;
    CopyGroup copies;                 // since the last commit
    std::deque<CopyGroup> committed;  // and not done yet
    uint32_t shuffles = 0;
    uint32_t exchange[2] = {};
    Fibre fibre{&Block::ThreadMain};
  };

  static void ThreadMain();
  void CheckEnd(const Thread& thread) const;
  void Resume(int t);
  void Yield(Thread& thread) {
    Place::Switch(thread.fibre.place(), scheduler_);
  }
  void Release();
  bool ReleaseIfAll(int begin, int end, State state);

  const KernelLaunch* launch_ = nullptr;
  dim3 index_;
  int num_threads_ = 0;
  int current_ = 0;
  bool downwards_ = false;
  Place scheduler_;
  SharedMemory shared_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

thread_local Block* running = nullptr;

void Block::Start(const KernelLaunch& launch, size_t index, bool downwards) {
  launch_ = &launch;
  index_ = dim3(index % launch.grid.x, index / launch.grid.x % launch.grid.y,
                index / (size_t{launch.grid.x} * launch.grid.y));
  num_threads_ = static_cast<int>(launch.block.count());
  downwards_ = downwards;
  shared_.Reset(launch.shared_bytes);
  while (static_cast<int>(threads_.size()) < num_threads_) {
    threads_.push_back(std::make_unique<Thread>());
  }
  for (int t = 0; t < num_threads_; ++t) {
    threads_[t]->state = State::kReady;
    threads_[t]->awaited_earlier_grid = false;
    threads_[t]->committed.clear();
  }
}

// In turn upwards and downwards, so that neither order hides that a barrier is
// missing.
bool Block::Advance() {
  running = this;
  blockIdx = index_;
  downwards_ = !downwards_;
  bool live = false;
  for (int i = 0; i < num_threads_; ++i) {
    const int t = downwards_ ? num_threads_ - 1 - i : i;
    if (threads_[t]->state == State::kReady) Resume(t);
    live = live || threads_[t]->state != State::kDone;
  }
  if (live) {
    Release();
  } else {
    shared_.Check();
  }
  return live;
}

void Block::ThreadMain() {
  while (true) {
    running->launch_->kernel();
    Thread& thread = *running->threads_[running->current_];
    running->CheckEnd(thread);
    thread.state = State::kDone;
    running->Yield(thread);
  }
}

void Block::Resume(int t) {
  current_ = t;
  threadIdx.x = t % blockDim.x;
  threadIdx.y = t / blockDim.x % blockDim.y;
  threadIdx.z = t / (blockDim.x * blockDim.y);
  Place::Switch(scheduler_, threads_[t]->fibre.place());
}

// There must be a barrier that all have reached.
void Block::Release() {
  bool released = false;
  for (int begin = 0; begin < num_threads_; begin += kWarpSize) {
    const int end = std::min(begin + kWarpSize, num_threads_);
    released |= ReleaseIfAll(begin, end, State::kAtWarpBarrier);
  }
  if (!released)
    released = ReleaseIfAll(0, num_threads_, State::kAtBlockBarrier);
  PEREGRINE_CHECK(released)
      << launch_->name
      << ": threads of a block wait at different barriers, or have ended";
}

// A warp's barrier needs all its lanes; the block's only those not ended (as on
// devices), though none of ours relies on it.
bool Block::ReleaseIfAll(int begin, int end, State state) {
  for (int t = begin; t < end; ++t) {
    if (threads_[t]->state != state) return false;
  }
  for (int t = begin; t < end; ++t) threads_[t]->state = State::kReady;
  return true;
}

void Block::Wait(bool whole_block) {
  Thread& thread = *threads_[current_];
  thread.state = whole_block ? State::kAtBlockBarrier : State::kAtWarpBarrier;
  Yield(thread);
}

uint32_t Block::ShuffleXor(uint32_t bits, int lanes) {
  Thread& thread = *threads_[current_];
  const int parity = thread.shuffles++ & 1;
  thread.exchange[parity] = bits;
  Wait(/*whole_block=*/false);
  return threads_[current_ ^ lanes]->exchange[parity];
}

void Block::CopyAsync(void* to, const void* from, size_t bytes) {
  const auto is_aligned = [bytes](const void* data) {
    return reinterpret_cast<uintptr_t>(data) % bytes == 0;
  };
  PEREGRINE_CHECK((bytes == 4 || bytes == 8 || bytes == 16) && is_aligned(to) &&
                  is_aligned(from))
      << launch_->name << ": an asynchronous copy of " << bytes
      << " bytes, expected 4, 8 or 16, and addresses that are multiples of it";
  threads_[current_]->copies.push_back({to, from, bytes});
}

void Block::CommitCopies() {
  Thread& thread = *threads_[current_];
  thread.committed.push_back(std::move(thread.copies));
  thread.copies.clear();
}

void Block::AwaitCopies(size_t groups) {
  std::deque<CopyGroup>& committed = threads_[current_]->committed;
  for (; committed.size() > groups; committed.pop_front()) {
    for (const Copy& copy : committed.front()) {
      // Not memcpy, which is the sanitizer's own: it would be the host that
      // touches memory of a device.
      auto* const to = static_cast<volatile uint32_t*>(copy.to);
      const auto* const from = static_cast<const uint32_t*>(copy.from);
      for (size_t i = 0; i < copy.bytes / sizeof(uint32_t); ++i) {
        to[i] = from[i];
      }
    }
  }
}

void Block::CheckEnd(const Thread& thread) const {
  PEREGRINE_CHECK(!launch_->dependent || thread.awaited_earlier_grid)
      << launch_->name
      << ": a thread has not waited for the kernel before this one";
  bool all_done = thread.copies.empty();
  for (const CopyGroup& group : thread.committed) {
    all_done = all_done && group.empty();
  }
  PEREGRINE_CHECK(all_done)
      << launch_->name << ": a thread ended with copies under way";
}

// The blocks of this host thread's grids, and the order that they run in.
class Scheduler {
 public:
  void Run(const KernelLaunch& launch) {
    const auto set = [](const Extent& extent) {
      return dim3(extent.x, extent.y, extent.z);
    };
    gridDim = set(launch.grid);
    blockDim = set(launch.block);
    order_.resize(launch.grid.count());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::shuffle(order_.begin(), order_.end(), random_);
    const size_t at_once =
        std::min<size_t>(1 + random_() % kMaxBlocksUnderWay, order_.size());
    size_t next = 0;
    const auto start = [&](Block* block) {
      block->Start(launch, order_[next++], random_() % 2 == 0);
    };
    while (blocks_.size() < at_once) {
      blocks_.push_back(std::make_unique<Block>());
    }
    under_way_.clear();
    for (size_t i = 0; i < at_once; ++i) {
      under_way_.push_back(blocks_[i].get());
      start(under_way_.back());
    }
    while (!under_way_.empty()) {
      const size_t chosen = random_() % under_way_.size();
      if (under_way_[chosen]->Advance()) continue;
      if (next < order_.size()) {
        start(under_way_[chosen]);
      } else {
        under_way_.erase(under_way_.begin() + chosen);
      }
    }
  }

 private:
  std::minstd_rand random_{20260101};
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Block*> under_way_;
  std::vector<size_t> order_;
};

}  // namespace

void RunGrid(const KernelLaunch& launch) {
  thread_local Scheduler scheduler;
  scheduler.Run(launch);
}

void Wait(bool whole_block) { running->Wait(whole_block); }
uint32_t ShuffleXor(uint32_t bits, int lanes) {
  return running->ShuffleXor(bits, lanes);
}
void CopyAsync(void* to, const void* from, size_t bytes) {
  running->CopyAsync(to, from, bytes);
}
void CommitCopies() { running->CommitCopies(); }
void AwaitCopies(size_t groups) { running->AwaitCopies(groups); }
void AwaitEarlierGrid() { running->AwaitEarlierGrid(); }
bool IsFirstLane() { return running->current() % kWarpSize == 0; }
unsigned char* DynamicShared() { return running->shared().dynamic(); }
void* SharedVariable(int line, size_t bytes) {
  return running->shared().Variable(line, bytes);
}

}  // namespace cuda_emulation
