// Beam search: the best candidates of each beam, which of them go on, and the
// rows of the next step. The same choice as decode::BeamSearch, bit for bit.

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;
constexpr int kMaxBeam = kMaxQueuedBeamSize;

// A block a hypothesis: blockIdx.y of beam blockIdx.x.
__global__ void FollowBeamsKernel(const QueuedBeam* beams,
                                  LiveHypotheses chosen,
                                  const int32_t* new_cells, LiveHypotheses rows,
                                  int32_t* lengths,
                                  TokenConstraint* constraints) {
  AwaitEarlierKernel();
  const QueuedBeam& beam = beams[blockIdx.x];
  const int hypothesis = blockIdx.y;
  if (hypothesis >= beam.beam_size) return;
  const int row = beam.first_row + hypothesis;
  const int before = beam.followed_row;
  const int num_live = before < 0 ? 1 : chosen.num_live[before];
  const bool is_live = hypothesis < num_live;
  if (threadIdx.x == 0) {
    constraints[row] = beam.constraint;
    if (hypothesis == 0) {
      rows.num_live[row] = num_live;
      rows.places[row] = before < 0 ? beam.beam_size : chosen.places[before];
    }
    if (!is_live) lengths[row] = 0;
  }
  if (!is_live) return;
  int32_t* const cells =
      rows.cells + static_cast<size_t>(row) * rows.cells_stride;
  if (threadIdx.x == 0) {
    cells[beam.step] = new_cells[row];
    rows.scores[row] = before < 0 ? 0.0 : chosen.scores[before + hypothesis];
    if (before >= 0) rows.tokens[row] = chosen.tokens[before + hypothesis];
  }
  if (before < 0) return;
  const int32_t* const cells_before =
      chosen.cells +
      static_cast<size_t>(before + hypothesis) * chosen.cells_stride;
  for (int t = threadIdx.x; t < beam.step; t += kThreads) {
    cells[t] = cells_before[t];
  }
}

// The best continuations of one beam, in shared memory.
struct Merge {
  double scores[kMaxBeam];                 // of the hypotheses
  BestToken best[kMaxBeam][2 * kMaxBeam];  // of each, best first
  int cursors[kMaxBeam];                   // into these
  BeamCandidate candidates[2 * kMaxBeam];
};

// One thread, in the very order of the host's search, so that ties, and even
// scores that are not numbers, fall alike. A tree over the lanes of a warp
// needs more shuffles than a beam of 4 has comparisons: 15 a candidate
// against 4. Returns how many there are.
__device__ int MergeBest(const QueuedBeam& beam, int num_live, Merge& merge) {
  const int most = 2 * beam.beam_size;
  for (int row = 0; row < num_live; ++row) merge.cursors[row] = 0;
  for (int found = 0; found < most; ++found) {
    BeamCandidate best = {-INFINITY, -1, -1};
    for (int row = 0; row < num_live; ++row) {
      const int cursor = merge.cursors[row];
      if (cursor == most) continue;
      const BestToken next = merge.best[row][cursor];
      if (next.token < 0) continue;
      const double score =
          merge.scores[row] +
          (beam.is_free ? 0.0 : static_cast<double>(next.log_prob));
      if (best.hypothesis < 0 || score > best.score) {
        best = {score, row, next.token};
      }
    }
    if (best.hypothesis < 0) return found;
    ++merge.cursors[best.hypothesis];
    merge.candidates[found] = best;
  }
  return most;
}

// Which of the candidates go on: parents[i] is what hypothesis i continues.
__device__ void Choose(const QueuedBeam& beam, int places,
                       const BeamCandidate* candidates, int count, int32_t eos,
                       const LiveHypotheses& chosen, int* parents) {
  if (beam.shrinks) count = min(count, places);
  int num_live = 0;
  int ended = 0;
  for (int rank = 0; rank < count && num_live < places; ++rank) {
    const BeamCandidate& candidate = candidates[rank];
    if (candidate.token == eos) {
      ++ended;
      continue;
    }
    chosen.scores[beam.first_row + num_live] = candidate.score;
    chosen.tokens[beam.first_row + num_live] = candidate.token;
    parents[num_live++] = candidate.hypothesis;
  }
  chosen.num_live[beam.first_row] = num_live;
  chosen.places[beam.first_row] = beam.shrinks ? places - ended : places;
}

// A block a beam.
__global__ void AdvanceBeamsKernel(const QueuedBeam* beams, LiveHypotheses rows,
                                   const BestToken* best, int k, int32_t eos,
                                   LiveHypotheses chosen,
                                   BeamCandidate* candidates) {
  AwaitEarlierKernel();
  PEREGRINE_SHARED(Merge, merge);
  PEREGRINE_SHARED(int, count);
  PEREGRINE_SHARED(int[kMaxBeam], parents);
  const QueuedBeam beam = beams[blockIdx.x];
  const int most = 2 * beam.beam_size;
  const int num_live = rows.num_live[beam.first_row];
  for (int i = threadIdx.x; i < num_live * most; i += kThreads) {
    const int row = i / most;
    merge.best[row][i % most] =
        best[static_cast<size_t>(beam.first_row + row) * k + i % most];
  }
  for (int row = threadIdx.x; row < num_live; row += kThreads) {
    merge.scores[row] = rows.scores[beam.first_row + row];
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    count = MergeBest(beam, num_live, merge);
    Choose(beam, rows.places[beam.first_row], merge.candidates, count, eos,
           chosen, parents);
  }
  __syncthreads();
  candidates += 2 * beam.first_row;
  for (int i = threadIdx.x; i < most; i += kThreads) {
    if (i < count) {
      candidates[i] = merge.candidates[i];
    } else {
      candidates[i] = {-INFINITY, -1, -1};
    }
  }
  const int num_chosen = chosen.num_live[beam.first_row];
  const int num_cells = beam.step + 1;
  for (int i = threadIdx.x; i < num_chosen * num_cells; i += kThreads) {
    const int hypothesis = i / num_cells;
    const size_t to = beam.first_row + hypothesis;
    const size_t from = beam.first_row + parents[hypothesis];
    chosen.cells[to * chosen.cells_stride + i % num_cells] =
        rows.cells[from * rows.cells_stride + i % num_cells];
  }
}

}  // namespace

cudaError_t FollowBeams(const QueuedBeam* beams, int num_beams, int largest,
                        const LiveHypotheses& chosen, const int32_t* new_cells,
                        const LiveHypotheses& rows, int32_t* lengths,
                        TokenConstraint* constraints, KernelStream stream) {
  return PEREGRINE_LAUNCH(FollowBeamsKernel, dim3(num_beams, largest), kThreads,
                          0, stream, beams, chosen, new_cells, rows, lengths,
                          constraints);
}

cudaError_t AdvanceBeams(const QueuedBeam* beams, int num_beams,
                         const LiveHypotheses& rows, const BestToken* best,
                         int k, int32_t eos, const LiveHypotheses& chosen,
                         BeamCandidate* candidates, KernelStream stream) {
  return PEREGRINE_LAUNCH(AdvanceBeamsKernel, dim3(num_beams), kThreads, 0,
                          stream, beams, rows, best, k, eos, chosen,
                          candidates);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
