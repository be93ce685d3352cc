#include "engine/kernels/cpu/onednn_kernels.h"

#include <dlfcn.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/container/flat_hash_map.h"
#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/shape_checks.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace peregrine::kernels {
namespace {

using dnnl::memory;

// More rows run in blocks of this many and one of the rest, which bounds the
// number of primitives. Dimensions known only when it runs, instead, would send
// oneDNN 2.6 down a path several times slower.
constexpr int kBlockRows = 128;

// Held while primitives are made. oneDNN hands from thread to thread what its
// cache holds; it locks that itself, but where no thread sanitizer can see it.
ABSL_CONST_INIT absl::Mutex making_primitives(absl::kConstInit);

// The rows that a weight's layout is chosen for; it then serves any number.
constexpr int kTypicalRows = 64;

// oneDNN spreads over the OpenMP threads of its caller, and a worker is one
// thread. Found at run time: the OpenMP that counts is the one that oneDNN was
// linked with, not the compiler's. The setting is the calling thread's own.
void UseOneThread() {
  using SetNumThreads = void (*)(int);
  static const auto set_num_threads = reinterpret_cast<SetNumThreads>(
      dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_num_threads != nullptr) set_num_threads(1);
}

absl::Status ToStatus(const dnnl::error& error) {
  const auto code = error.status == dnnl_out_of_memory
                        ? absl::StatusCode::kResourceExhausted
                        : absl::StatusCode::kInternal;
  return absl::Status(code, absl::StrCat("oneDNN: ", error.what()));
}

memory::desc RowMajor(int rows, int cols) {
  return {{rows, cols}, memory::data_type::f32, memory::format_tag::ab};
}

// W^T [in_dim, out_dim] as a LinearSource has it: W in rows.
memory::desc Transposed(const LinearSource& source) {
  return {{source.in_dim, source.out_dim},
          memory::data_type::f32,
          memory::format_tag::ba};
}

// W^T [in_dim, out_dim] in the layout that oneDNN likes best.
memory::desc AnyLayout(const LinearSource& source) {
  return {{source.in_dim, source.out_dim},
          memory::data_type::f32,
          memory::format_tag::any};
}

// One product and what follows it. oneDNN lays out weights of equal dimensions
// equally, so that a primitive serves all of them.
struct MatmulShape {
  int rows = 0;
  int in_dim = 0;
  int out_dim = 0;
  Activation activation = Activation::kNone;
  bool add_to_y = false;

  friend bool operator==(const MatmulShape& a, const MatmulShape& b) {
    return a.rows == b.rows && a.in_dim == b.in_dim && a.out_dim == b.out_dim &&
           a.activation == b.activation && a.add_to_y == b.add_to_y;
  }
  template <class H>
  friend H AbslHashValue(H hash, const MatmulShape& shape) {
    return H::combine(std::move(hash), shape.rows, shape.in_dim, shape.out_dim,
                      shape.activation, shape.add_to_y);
  }
};

dnnl::post_ops PostOps(const MatmulShape& shape) {
  dnnl::post_ops post_ops;
  if (shape.add_to_y) post_ops.append_sum(1.0f);
  switch (shape.activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      break;
    case Activation::kGelu:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f,
                              0.0f);
      break;
    case Activation::kSwish:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_swish, 1.0f, 0.0f);
      break;
    case Activation::kGeluTanh:
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_tanh, 0.0f,
                              0.0f);
      break;
  }
  return post_ops;
}

dnnl::matmul::primitive_desc Describe(const MatmulShape& shape,
                                      const memory::desc& weight_layout,
                                      const dnnl::engine& engine) {
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(PostOps(shape));
  // oneDNN's own scratchpad would belong to the thread that made the primitive.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::desc product(RowMajor(shape.rows, shape.in_dim),
                                   weight_layout, RowMajor(1, shape.out_dim),
                                   RowMajor(shape.rows, shape.out_dim));
  return {product, attributes, engine};
}

// W^T in oneDNN's layout, then the bias, zero where there is none. The memory
// objects are made once: giving one with padding another address, as an
// instance does with the activations, would write the padding anew.
class OneDnnLinearWeight final : public LinearWeight {
 public:
  OneDnnLinearWeight(const LinearSource& source, const memory::desc& layout,
                     const dnnl::engine& engine, std::unique_ptr<Buffer> buffer,
                     float* bias)
      : in_dim_(source.in_dim),
        out_dim_(source.out_dim),
        buffer_(std::move(buffer)),
        layout_(layout),
        weight_(layout, engine, buffer_->data()),
        bias_(RowMajor(1, out_dim_), engine, bias) {}

  int in_dim() const override { return in_dim_; }
  int out_dim() const override { return out_dim_; }
  size_t bytes() const override { return buffer_->bytes(); }

  const memory::desc& layout() const { return layout_; }
  const memory& weight() const { return weight_; }
  const memory& bias() const { return bias_; }

 private:
  const int in_dim_;
  const int out_dim_;
  const std::unique_ptr<Buffer> buffer_;
  const memory::desc layout_;
  const memory weight_;
  const memory bias_;
};

// A primitive and the memory objects that it runs on; only addresses change.
struct Matmul {
  Matmul(const dnnl::matmul::primitive_desc& desc, const dnnl::engine& engine)
      : primitive(desc),
        x(desc.src_desc(), engine, nullptr),
        y(desc.dst_desc(), engine, nullptr),
        scratchpad(desc.scratchpad_desc(), engine, nullptr),
        scratchpad_bytes(desc.scratchpad_desc().get_size()) {}

  dnnl::matmul primitive;
  memory x;
  memory y;
  memory scratchpad;
  size_t scratchpad_bytes;
};

}  // namespace

// The primitives of one instance. Those of several share their code: oneDNN
// keeps it in a cache of the process, which is thread-safe.
class OneDnnKernels::Matmuls {
 public:
  absl::StatusOr<std::unique_ptr<LinearWeight>> Pack(
      const LinearSource& source) {
    absl::MutexLock lock(&making_primitives);
    const MatmulShape typical = {kTypicalRows, source.in_dim, source.out_dim};
    const memory::desc layout =
        Describe(typical, AnyLayout(source), engine_).weights_desc();
    constexpr size_t kLine = 64;
    const size_t weight_bytes = (layout.get_size() + kLine - 1) / kLine * kLine;
    PEREGRINE_ASSIGN_OR_RETURN(
        std::unique_ptr<Buffer> buffer,
        AllocateHostBuffer(weight_bytes + source.out_dim * sizeof(float)));
    float* bias = reinterpret_cast<float*>(static_cast<char*>(buffer->data()) +
                                           weight_bytes);
    std::copy(source.bias.begin(), source.bias.end(), bias);

    auto packed = std::make_unique<OneDnnLinearWeight>(source, layout, engine_,
                                                       std::move(buffer), bias);
    std::vector<float> weight;
    PEREGRINE_ASSIGN_OR_RETURN(const float* rows,
                               source.Rows(0, source.out_dim, weight));
    memory from(Transposed(source), engine_, const_cast<float*>(rows));
    memory to = packed->weight();
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return packed;
  }

  // Valid until the next call.
  Matmul& Find(const MatmulShape& shape, const OneDnnLinearWeight& weight) {
    const auto found = matmuls_.find(shape);
    if (found != matmuls_.end()) return found->second;
    absl::MutexLock lock(&making_primitives);
    const auto desc = Describe(shape, weight.layout(), engine_);
    return matmuls_.emplace(shape, Matmul(desc, engine_)).first->second;
  }

  void Run(const OneDnnLinearWeight& weight, Matrix x, Matrix y,
           float* scratchpad, Matmul& matmul) {
    matmul.x.set_data_handle(x.data);
    matmul.y.set_data_handle(y.data);
    matmul.scratchpad.set_data_handle(scratchpad);
    // dnnl::primitive::execute would make a map and a vector of these.
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, matmul.x.get()},
        {DNNL_ARG_WEIGHTS, weight.weight().get()},
        {DNNL_ARG_BIAS, weight.bias().get()},
        {DNNL_ARG_DST, matmul.y.get()},
        {DNNL_ARG_SCRATCHPAD, matmul.scratchpad.get()}};
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(matmul.primitive.get(), stream_.get(),
                               std::size(arguments), arguments),
        "could not execute a matmul");
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  absl::flat_hash_map<MatmulShape, Matmul> matmuls_;
};

absl::StatusOr<std::unique_ptr<OneDnnKernels>> OneDnnKernels::Create(Isa isa) {
  try {
    return absl::WrapUnique(
        new OneDnnKernels(isa, std::make_unique<Matmuls>()));
  } catch (const dnnl::error& error) {
    return ToStatus(error);
  }
}

OneDnnKernels::OneDnnKernels(Isa isa, std::unique_ptr<Matmuls> matmuls)
    : CpuKernels(isa, "cpu-onednn"), matmuls_(std::move(matmuls)) {}

OneDnnKernels::~OneDnnKernels() = default;

bool OneDnnKernels::KeepsBitsOfRows() {
  // Its values are sets of bits, those of a larger instruction set among them.
  constexpr int kAvx512 = static_cast<int>(dnnl::cpu_isa::avx512_core);
  const int isa = static_cast<int>(dnnl::get_effective_cpu_isa());
  return (isa & kAvx512) == kAvx512;
}

absl::StatusOr<std::unique_ptr<LinearWeight>> OneDnnKernels::PackLinear(
    const LinearSource& source) {
  CheckLinearSource(source);
  if (source.precision != Precision::kFloat32) {
    return absl::UnimplementedError(absl::StrCat(
        device(), ": found the precision ", PrecisionName(source.precision),
        ", it multiplies in float32 only"));
  }
  UseOneThread();
  try {
    return matmuls_->Pack(source);
  } catch (const dnnl::error& error) {
    return ToStatus(error);
  }
}

void OneDnnKernels::RunLinear(const LinearWeight& weight, Matrix x,
                              Activation activation, bool add_to_y, Matrix y) {
  auto* packed = dynamic_cast<const OneDnnLinearWeight*>(&weight);
  PEREGRINE_CHECK(packed != nullptr) << "weight of another device";
  UseOneThread();
  try {
    for (int begin = 0; begin < x.rows; begin += kBlockRows) {
      const int rows = std::min(kBlockRows, x.rows - begin);
      Matmul& matmul =
          matmuls_->Find({rows, x.cols, y.cols, activation, add_to_y}, *packed);
      float* scratchpad = Scratch(
          (matmul.scratchpad_bytes + sizeof(float) - 1) / sizeof(float));
      if (scratchpad == nullptr) return;
      matmuls_->Run(*packed, x.Rows(begin, rows), y.Rows(begin, rows),
                    scratchpad, matmul);
    }
  } catch (const dnnl::error& error) {
    PEREGRINE_CHECK(error.status == dnnl_out_of_memory)
        << "oneDNN: " << error.what();
    Fail(ToStatus(error));
  }
}

void OneDnnKernels::RunOutput(const LinearWeight& projection, Matrix x,
                              Matrix logits) {
  RunLinear(projection, x, Activation::kNone, /*add_to_y=*/false, logits);
  best_outputs().Take(/*first_row=*/0, /*first_column=*/0, logits);
}

std::string OneDnnVersion() {
  const dnnl::version_t* const version = dnnl::version();
  return absl::StrCat("oneDNN ", version->major, ".", version->minor, ".",
                      version->patch);
}

}  // namespace peregrine::kernels
