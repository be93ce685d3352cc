// Times the products of the models' shapes by the engine's own kernels and by a
// library: on a GPU by cuBLASLt, which the thresholds of
// engine/kernels/cuda/library_products.h are set by, on a CPU by oneDNN. One
// line of JSON a shape and number of rows. Started by bench/gpu --products;
// on a CPU bench/products makes a table of it.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/functional/function_ref.h"
#include "bench/onednn_product.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/precision.h"

namespace peregrine {
namespace {

using kernels::Kernels;
using kernels::Matrix;

struct Shape {
  const char* what;
  int out_dim;
  int in_dim;
};

constexpr Shape kShapes[] = {
    {"attention in", 1536, 512},  {"attention out", 512, 512},
    {"ffn in", 2048, 512},        {"ffn out", 512, 2048},
    {"output, base", 32000, 512}, {"output, MDN", 10000, 64}};

constexpr int kRows[] = {1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096};
constexpr int kProductsAStep = 20;  // so that starting the step hardly counts
constexpr int kSteps = 7;
constexpr size_t kMaxResultBytes = size_t{256} << 20;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "products_bench: " << value.status() << "\n";
  std::exit(1);
}

void CheckDevice(const Kernels& kernels) {
  if (kernels.status().ok()) return;
  std::cerr << "products_bench: " << kernels.status() << "\n";
  std::exit(1);
}

// Seconds of one product: the median of a few steps of many.
double TimeProduct(Kernels& kernels, const Shape& shape, int rows,
                   kernels::Precision precision) {
  std::vector<float> weight(static_cast<size_t>(shape.out_dim) * shape.in_dim);
  for (size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<float>(i * 7919 % 1009) / 1009.0f - 0.5f;
  }
  const std::vector<float> bias(shape.out_dim, 0.1f);
  // As of an encoder, so that cuBLASLt takes it from few outputs on.
  const auto packed = OrDie(kernels.PackLinear(
      {weight, bias, shape.out_dim, shape.in_dim, precision,
       kernels::LinearRows::kSourceTokens, kernels::LinearUse::kRelu}));
  std::vector<float> inputs(static_cast<size_t>(rows) * shape.in_dim);
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i] = static_cast<float>(i * 104729 % 997) / 997.0f - 0.5f;
  }
  const auto x = OrDie(kernels.Allocate(inputs.size() * sizeof(float)));
  const auto y = OrDie(kernels.Allocate(static_cast<size_t>(rows) *
                                        shape.out_dim * sizeof(float)));
  kernels.CopyToDevice(inputs.data(), inputs.size() * sizeof(float), x->data());
  const Matrix from = {static_cast<float*>(x->data()), rows, shape.in_dim};
  const Matrix to = {static_cast<float*>(y->data()), rows, shape.out_dim};
  const int64_t owner = kernels.NewStepOwner();
  const auto step = [&] {
    kernels.RunStep(owner, {rows, 1}, [&] {
      for (int i = 0; i < kProductsAStep; ++i) {
        kernels.Linear(*packed, from, kernels::Activation::kRelu, to);
      }
    });
    kernels.Synchronize();
  };
  for (int i = 0; i < 3; ++i) step();  // as it is, captured, replayed
  std::vector<double> seconds;
  for (int i = 0; i < kSteps; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    step();
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count() /
        kProductsAStep);
  }
  CheckDevice(kernels);
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2,
                   seconds.end());
  return seconds[kSteps / 2];
}

// A core's products are over weights that come from beyond its near caches, as
// in a model: as many of a shape as fill this, in turn.
constexpr size_t kWeightBytes = size_t{64} << 20;
constexpr int kCpuRows[] = {1, 4, 16, 64, 128, 256};
constexpr int kPairs = 7;
constexpr double kSecondsOfRun = 0.02;

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

double SecondsOf(int repeats, absl::FunctionRef<void(int i)> product) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) product(i);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
             .count() /
         repeats;
}

// Both in turns, with medians of the seconds and of the ratios of the turns.
void CompareOnCpu(Kernels& own, const Shape& shape, int rows,
                  kernels::Precision precision) {
  const size_t size = static_cast<size_t>(shape.out_dim) * shape.in_dim;
  const size_t element = precision == kernels::Precision::kFloat32    ? 4
                         : precision == kernels::Precision::kBFloat16 ? 2
                                                                      : 1;
  const int count = static_cast<int>(kWeightBytes / (size * element)) + 1;
  std::vector<float> weight(size);
  for (size_t i = 0; i < size; ++i) {
    weight[i] = static_cast<float>(i * 7919 % 1009) / 1009.0f - 0.5f;
  }
  const std::vector<float> bias(shape.out_dim, 0.1f);
  std::vector<std::unique_ptr<kernels::LinearWeight>> weights;
  for (int i = 0; i < count; ++i) {
    weights.push_back(OrDie(own.PackLinear(
        {weight, bias, shape.out_dim, shape.in_dim, precision})));
  }
  std::vector<float> x(static_cast<size_t>(rows) * shape.in_dim, 0.3f);
  std::vector<float> y(static_cast<size_t>(rows) * shape.out_dim);
  const auto library = OrDie(OneDnnProduct::Create(
      {rows, shape.in_dim, shape.out_dim}, precision, count));
  const auto run_own = [&](int i) {
    own.Linear(*weights[i % count], {x.data(), rows, shape.in_dim},
               kernels::Activation::kRelu, {y.data(), rows, shape.out_dim});
  };
  const auto run_library = [&](int i) { library->Run(i % count); };
  const double once = SecondsOf(count, run_own);
  SecondsOf(count, run_library);
  const int repeats = static_cast<int>(kSecondsOfRun / once) + 1;
  std::vector<double> own_seconds, library_seconds, ratios;
  for (int i = 0; i < kPairs; ++i) {
    own_seconds.push_back(SecondsOf(repeats, run_own));
    library_seconds.push_back(SecondsOf(repeats, run_library));
    ratios.push_back(library_seconds.back() / own_seconds.back());
  }
  nlohmann::json line = {{"what", shape.what},
                         {"out_dim", shape.out_dim},
                         {"in_dim", shape.in_dim},
                         {"rows", rows},
                         {"precision", kernels::PrecisionName(precision)},
                         {"own_seconds", Median(own_seconds)},
                         {"library_seconds", Median(library_seconds)},
                         {"ratio", Median(ratios)},
                         {"implementation", library->name()}};
  if (precision == kernels::Precision::kInt8) {
    line["largest_error"] = library->LargestError();
  }
  std::cout << line << std::endl;
}

int MainOfCpu(const kernels::Device& device, kernels::Precision precision) {
  const auto own = OrDie(kernels::MakeKernels(device));
  for (const Shape& shape : kShapes) {
    for (int rows : kCpuRows) CompareOnCpu(*own, shape, rows, precision);
  }
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app{"Times products by own kernels and by cuBLASLt or oneDNN"};
  std::string device_name = "cuda:0";
  std::string precision_name = "fp16";
  app.add_option("--device", device_name)->capture_default_str();
  app.add_option("--precision", precision_name)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  kernels::Device device = OrDie(kernels::ParseDevice(device_name));
  device.tuning.eight_bits = true;
  const auto precision = OrDie(kernels::ParsePrecision(precision_name, device));
  if (device == kernels::Device::kCpu) return MainOfCpu(device, precision);
  const auto library = OrDie(kernels::MakeKernels(device));
  device.own_products = true;
  const auto own = OrDie(kernels::MakeKernels(device));
  for (const Shape& shape : kShapes) {
    for (int rows : kRows) {
      if (sizeof(float) * rows * shape.out_dim > kMaxResultBytes) continue;
      std::cout << nlohmann::json{{"what", shape.what},
                                  {"out_dim", shape.out_dim},
                                  {"in_dim", shape.in_dim},
                                  {"rows", rows},
                                  {"own_seconds",
                                   TimeProduct(*own, shape, rows, precision)},
                                  {"library_seconds",
                                   TimeProduct(*library, shape, rows,
                                               precision)}}
                << std::endl;
    }
  }
  return 0;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) { return peregrine::Main(argc, argv); }
