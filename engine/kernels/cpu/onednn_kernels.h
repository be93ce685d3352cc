#ifndef PEREGRINE_ENGINE_KERNELS_CPU_ONEDNN_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_ONEDNN_KERNELS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// CpuKernels with oneDNN's matrix products: for a comparison on the machine at
// hand, and the base for precisions that oneDNN has and we have not.
//
// Not the default, for two reasons (docs/decisions/0003). Ours are faster below
// 128 rows. And oneDNN may choose its way by the number of rows, so that it
// cannot give the promise of kernels.h, that a row's bits are the same in any
// company: see KeepsBitsOfRows.
//
// PEREGRINE_ISA caps all but the matrix products; those obey oneDNN's own
// ONEDNN_MAX_CPU_ISA. The calling thread's number of OpenMP threads becomes
// one. The first product of a shape makes its primitive, within a millisecond;
// after that only oneDNN itself allocates.
class OneDnnKernels final : public CpuKernels {
 public:
  // `isa` is one of SupportedIsas(). INTERNAL when oneDNN has no CPU engine.
  static absl::StatusOr<std::unique_ptr<OneDnnKernels>> Create(Isa isa);
  ~OneDnnKernels() override;

  // Whether the promise held wherever it was tested: with AVX-512. Capped to
  // AVX2, the last one to three rows come out with other bits at half of all
  // numbers of rows.
  static bool KeepsBitsOfRows();

  absl::StatusOr<std::unique_ptr<LinearWeight>> PackLinear(
      const LinearSource& source) override;
  // The defaults: oneDNN multiplies by whole weights.
  absl::StatusOr<std::unique_ptr<OutputSelection>> SelectOutputs(
      const LinearWeight& projection,
      absl::Span<const int32_t> tokens) override {
    return Kernels::SelectOutputs(projection, tokens);
  }
  void SelectedTopK(const LinearWeight& projection,
                    const OutputSelection& selection, Matrix x,
                    absl::Span<const int32_t> suppressed,
                    absl::Span<const TokenConstraint> constraints,
                    Matrix logits, TopK result) override {
    Kernels::SelectedTopK(projection, selection, x, suppressed, constraints,
                          logits, result);
  }

 private:
  class Matmuls;

  OneDnnKernels(Isa isa, std::unique_ptr<Matmuls> matmuls);
  void RunLinear(const LinearWeight& weight, Matrix x, Activation activation,
                 bool add_to_y, Matrix y) override;
  void RunOutput(const LinearWeight& projection, Matrix x,
                 Matrix logits) override;

  const std::unique_ptr<Matmuls> matmuls_;
};

// "oneDNN 2.6.3": the library that is loaded.
std::string OneDnnVersion();

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_ONEDNN_KERNELS_H_
