#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_LIBRARY_PRODUCTS_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_LIBRARY_PRODUCTS_H_

#include <memory>

#include "engine/kernels/cuda/cuda_device.h"
#include "engine/kernels/cuda/matrix_library.h"
#include "engine/kernels/cuda/operations.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// Which weights cuBLASLt multiplies by, where it is there; own kernels do the
// rest. By what a weight is alone, never by how many rows there are at the
// moment: a row must have the same bits in any company.
struct LibraryUse {
  int min_out_dim = 0;
  int min_in_dim = 0;
  int typical_rows = 0;  // what its algorithm is asked for
  int max_rows = 0;      // more are multiplied in pieces
};
struct ProductOptions {
  bool use_library = false;
  LibraryUse of_hypotheses;
  LibraryUse of_source_tokens;
};

// The thresholds: guesses until `bench/gpu --products` has run on a device.
// Encoders meet thousands of rows; of what hypotheses meet only the output
// projection is large enough to be worth a tile of 64 or more rows when one is
// live.
inline constexpr ProductOptions kLibraryProducts = {
    true, {8192, 64, 256, 512}, {256, 64, 2048, 4096}};
inline constexpr ProductOptions kOwnProducts = {};

// How the library multiplies by one weight in the one way that the weight is
// for; null where own kernels do.
struct LibraryProducts {
  const MatrixLibrary::Algorithm* algorithm = nullptr;
  LinearUse use = LinearUse::kPlain;
  int max_rows = 0;  // of one product
};

// Asks the library, and tries what it says with this weight: for row counts up
// to max_rows, a row must have the bits that it has among max_rows, at another
// place. Takes its time and up to 160 MiB for a while, for the first weight of
// a shape on a device. Waits for `stream`.
LibraryProducts ChooseProducts(MatrixLibrary& library,
                               const LibraryUse& library_use,
                               const PackedWeight& weight, LinearUse use,
                               void* workspace, CudaDevice& device,
                               const std::shared_ptr<const Stream>& stream);

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_LIBRARY_PRODUCTS_H_
