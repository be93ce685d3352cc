#include "bench/onednn_product.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace peregrine {
namespace {

using dnnl::memory;
using kernels::Precision;

// As the engine does: of the OpenMP that oneDNN was linked with.
void UseOneThread() {
  using SetNumThreads = void (*)(int);
  const auto set_num_threads = reinterpret_cast<SetNumThreads>(
      dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set_num_threads != nullptr) set_num_threads(1);
}

memory::data_type InputType(Precision precision) {
  switch (precision) {
    case Precision::kInt8:
      return memory::data_type::u8;
    case Precision::kBFloat16:
      return memory::data_type::bf16;
    default:
      return memory::data_type::f32;
  }
}

memory::data_type WeightType(Precision precision) {
  return precision == Precision::kInt8 ? memory::data_type::s8
                                       : InputType(precision);
}

class Product final : public OneDnnProduct {
 public:
  Product(const Shape& shape, Precision precision, int num_weights)
      : shape_(shape),
        precision_(precision),
        scales_(shape.out_dim, 1.0f / 1024.0f),
        bias_values_(shape.out_dim, 0.1f),
        desc_(Describe()),
        primitive_(desc_),
        x_(desc_.src_desc(), engine_),
        y_(desc_.dst_desc(), engine_),
        bias_(desc_.bias_desc(), engine_, bias_values_.data()) {
    Fill(x_, 3);
    for (int i = 0; i < num_weights; ++i) {
      weights_.emplace_back(desc_.weights_desc(), engine_);
      Fill(weights_.back(), 7);
    }
  }

  void Run(int weight) override {
    primitive_.execute(stream_, {{DNNL_ARG_SRC, x_},
                                 {DNNL_ARG_WEIGHTS, weights_[weight]},
                                 {DNNL_ARG_BIAS, bias_},
                                 {DNNL_ARG_DST, y_}});
    stream_.wait();
  }

  const char* name() const override { return desc_.impl_info_str(); }

  double LargestError() override {
    Fill(x_, 255, /*same=*/true);
    Fill(weights_[0], 127, /*same=*/true);
    Run(0);
    const double expected =
        255.0 * 127.0 * shape_.in_dim * scales_[0] + bias_values_[0];
    const auto* y = static_cast<const float*>(y_.get_data_handle());
    double error = 0.0;
    for (size_t i = 0; i < size_t(shape_.rows) * shape_.out_dim; ++i) {
      error = std::max(error, std::abs(y[i] - expected) / expected);
    }
    Fill(x_, 3);
    Fill(weights_[0], 7);
    return error;
  }

 private:
  dnnl::matmul::primitive_desc Describe() {
    dnnl::primitive_attr attributes;
    dnnl::post_ops post_ops;
    post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post_ops);
    constexpr int kEachColumn = 1 << 1;
    if (precision_ == Precision::kInt8) {
      attributes.set_output_scales(kEachColumn, scales_);
    }
    const dnnl::matmul::desc product(
        memory::desc({shape_.rows, shape_.in_dim}, InputType(precision_),
                     memory::format_tag::ab),
        memory::desc({shape_.in_dim, shape_.out_dim}, WeightType(precision_),
                     memory::format_tag::any),
        memory::desc({1, shape_.out_dim}, memory::data_type::f32,
                     memory::format_tag::ab),
        memory::desc({shape_.rows, shape_.out_dim}, memory::data_type::f32,
                     memory::format_tag::ab));
    return {product, attributes, engine_};
  }

  // With numbers of 0 to `most` (of int8) that follow no pattern.
  void Fill(memory& to, int most, bool same = false) {
    const memory::desc desc = to.get_desc();
    const auto type = static_cast<memory::data_type>(desc.data.data_type);
    const size_t count = desc.get_size() / memory::data_type_size(type);
    void* const data = to.get_data_handle();
    for (size_t i = 0; i < count; ++i) {
      const int value = same ? most : static_cast<int>(i * 7919 % 1009 % most);
      if (type == memory::data_type::f32) {
        static_cast<float*>(data)[i] = 0.01f * value;
      } else if (type == memory::data_type::bf16) {
        static_cast<uint16_t*>(data)[i] = value == 0 ? 0 : 0x3c00;
      } else {
        static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
      }
    }
  }

  const Shape shape_;
  const Precision precision_;
  const std::vector<float> scales_;
  std::vector<float> bias_values_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::matmul::primitive_desc desc_;
  dnnl::matmul primitive_;
  memory x_, y_, bias_;
  std::vector<memory> weights_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<OneDnnProduct>> OneDnnProduct::Create(
    const Shape& shape, Precision precision, int num_weights) {
  UseOneThread();
  try {
    return std::make_unique<Product>(shape, precision, num_weights);
  } catch (const dnnl::error& error) {
    return absl::UnimplementedError(absl::StrCat("oneDNN: ", error.what()));
  }
}

}  // namespace peregrine
