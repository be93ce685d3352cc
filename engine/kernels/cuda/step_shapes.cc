#include "engine/kernels/cuda/step_shapes.h"

namespace peregrine::kernels {
namespace {

constexpr int kMinCells = 32;

// The least of 2^n and 1.5 * 2^n that is no less than `rows`.
int RowBucket(int rows) {
  int power = 1;
  while (power < rows) power *= 2;
  const int between = power / 4 * 3;
  return between >= rows ? between : power;
}

int CellsBucket(int cells) {
  int power = kMinCells;
  while (power < cells) power *= 2;
  return power;
}

}  // namespace

StepShape StepBucket(StepShape shape) {
  return {RowBucket(shape.rows), CellsBucket(shape.cells_stride)};
}

}  // namespace peregrine::kernels
