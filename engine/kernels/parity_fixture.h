#ifndef PEREGRINE_ENGINE_KERNELS_PARITY_FIXTURE_H_
#define PEREGRINE_ENGINE_KERNELS_PARITY_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/base/float16.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/onednn_kernels.h"
#include "engine/kernels/cuda/emulation/emulated_kernels.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/reference/reference_kernels.h"

// What the tests of every operation of every device against the plain loops of
// reference/ share.

namespace peregrine::kernels {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

// ---- Arrays on the host and their copies on a device.

struct Array {
  int rows = 0;
  int cols = 0;
  std::vector<float> data;

  Array() = default;
  Array(int r, int c) : rows(r), cols(c), data(size_t(r) * c) {}
  float* row(int r) { return &data[size_t(r) * cols]; }
  const float* row(int r) const { return &data[size_t(r) * cols]; }

  Array Select(const std::vector<int>& chosen) const {
    Array selected(chosen.size(), cols);
    for (size_t r = 0; r < chosen.size(); ++r) {
      std::copy_n(row(chosen[r]), cols, selected.row(r));
    }
    return selected;
  }
};

inline std::vector<uint16_t> ToBFloat16s(const Array& array) {
  std::vector<uint16_t> rounded(array.data.size());
  std::transform(array.data.begin(), array.data.end(), rounded.begin(),
                 ToBFloat16);
  return rounded;
}

inline double Norm(const float* x, int count) {
  double squares = 0.0;
  for (int i = 0; i < count; ++i) squares += double{x[i]} * x[i];
  return std::sqrt(squares);
}

inline double LargestRowNorm(const Array& array, int begin, int count) {
  double largest = 0.0;
  for (int r = 0; r < array.rows; ++r) {
    largest = std::max(largest, Norm(array.row(r) + begin, count));
  }
  return largest;
}

// Owns what a test puts on a device. Each array ends where its buffer ends, so
// that reading past it faults on a CPU.
class DeviceMemory {
 public:
  explicit DeviceMemory(Kernels& kernels) : kernels_(kernels) {}

  template <class T>
  T* Put(const std::vector<T>& host) {
    constexpr size_t kPage = 4096;
    const size_t bytes = host.size() * sizeof(T);
    const size_t buffer_bytes = (bytes + kPage - 1) / kPage * kPage;
    buffers_.push_back(kernels_.Allocate(buffer_bytes).value());
    char* device = static_cast<char*>(buffers_.back()->data());
    device += buffer_bytes - bytes;
    kernels_.CopyToDevice(host.data(), bytes, device);
    return reinterpret_cast<T*>(device);
  }

  Matrix Put(const Array& host) {
    return {Put(host.data), host.rows, host.cols};
  }

  template <class T>
  std::vector<T> Get(const T* device, size_t count) {
    std::vector<T> host(count);
    kernels_.CopyToHost(device, count * sizeof(T), host.data());
    return host;
  }

  Array Get(Matrix matrix) {
    Array host(matrix.rows, matrix.cols);
    kernels_.CopyToHost(matrix.data, host.data.size() * sizeof(float),
                        host.data.data());
    return host;
  }

 private:
  Kernels& kernels_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

// A cache on the device, in either type of its elements: a cell's key, what is
// of another layer, its value.
class DeviceCells {
 public:
  DeviceCells(const Array& keys, const Array& values, bool in_bfloat16,
              DeviceMemory& memory)
      : memory_(memory) {
    // Where a head could be read as vectors, they are aligned.
    const int other = keys.cols % 8 == 0 && values.cols % 8 == 0 ? 8 : 3;
    const int value_begin = keys.cols + other;
    const int stride = value_begin + values.cols;
    all_ = {nullptr, keys.rows, stride};
    cells_.keys = {nullptr, keys.rows, keys.cols, size_t(stride)};
    cells_.values = {nullptr, values.rows, values.cols, size_t(stride)};
    Array cells(keys.rows, stride);
    for (int r = 0; r < keys.rows; ++r) {
      std::copy_n(keys.row(r), keys.cols, cells.row(r));
      std::copy_n(values.row(r), values.cols, cells.row(r) + value_begin);
    }
    if (in_bfloat16) {
      cells_.bfloat16_keys = memory.Put(ToBFloat16s(cells));
      cells_.bfloat16_values = cells_.bfloat16_keys + value_begin;
    } else {
      all_ = memory.Put(cells);
      cells_.keys.data = all_.data;
      cells_.values.data = all_.data + value_begin;
    }
  }

  const KvCells& cells() const { return cells_; }
  Array keys() const { return Columns(0, cells_.keys.cols); }
  Array values() const {
    return Columns(all_.cols - cells_.values.cols, cells_.values.cols);
  }

 private:
  Array Columns(int begin, int count) const {
    const Array cells = GetAll();
    Array columns(cells.rows, count);
    for (int r = 0; r < cells.rows; ++r) {
      std::copy_n(cells.row(r) + begin, count, columns.row(r));
    }
    return columns;
  }

  // bfloat16 as their bits in floats of as many integers.
  Array GetAll() const {
    if (cells_.bfloat16_keys == nullptr) return memory_.Get(all_);
    Array host(all_.rows, all_.cols);
    std::vector<uint16_t> bits =
        memory_.Get(cells_.bfloat16_keys, host.data.size());
    std::copy(bits.begin(), bits.end(), host.data.begin());
    return host;
  }

  DeviceMemory& memory_;
  Matrix all_;
  KvCells cells_;
};

// What an operation that stores and attends leaves.
struct Attended {
  Array context;
  Array keys;    // of the cells written to
  Array values;  // likewise
};

// The cells of the positions of each row of a step.
using CellLists = std::vector<std::vector<int32_t>>;

inline StepRows PutStepRows(const CellLists& cells, DeviceMemory& memory) {
  size_t stride = 0;
  for (const auto& row : cells) stride = std::max(stride, row.size());
  std::vector<int32_t> lengths;
  std::vector<int32_t> flat;
  for (const auto& row : cells) {
    lengths.push_back(row.size());
    flat.insert(flat.end(), row.begin(), row.end());
    flat.resize(lengths.size() * stride, -1);
  }
  return {int(cells.size()), memory.Put(lengths), memory.Put(flat),
          int(stride)};
}

// ---- Devices and random arguments.

struct DeviceUnderTest {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<Kernels>>()> make;
  std::vector<Precision> precisions;  // of linear layers
  // Epsilons that sums of products in 16 bits may err by, of their norms.
  // Tensor cores truncate what they add up.
  double epsilons_in_16_bits = 4;
  bool slow = false;  // large shapes would take minutes
  // Why a row's bits may depend on the other rows; null: they do not.
  const char* why_rows_depend = nullptr;
};

// The first GPU, and the same code on an emulated one. Tests on the former skip
// where there is none.
inline std::vector<DeviceUnderTest> GpusUnderTest(
    const GpuTuning& tuning = {}) {
  std::vector<DeviceUnderTest> devices(2);
  devices[0].name = "cuda_emulated";
  devices[0].make = [tuning] {
    return MakeEmulatedKernels(0, EmulatedLibrary::kAsOnDevices, 0, tuning);
  };
  devices[0].slow = true;
  devices[1].name = "cuda_0";
  devices[1].make = [tuning] {
    Device device{Device::Kind::kCuda};
    device.tuning = tuning;
    return MakeKernels(device);
  };
  for (DeviceUnderTest& device : devices) {
    device.precisions = {Precision::kFloat32, Precision::kBFloat16,
                         Precision::kFloat16};
    if (tuning.eight_bits) {
      device.precisions.push_back(Precision::kInt8);
      device.precisions.push_back(Precision::kFloat8);
    }
    device.epsilons_in_16_bits = 32;
  }
  return devices;
}

// One of these by its name, with another tuning.
inline std::unique_ptr<Kernels> MakeGpu(const std::string& name,
                                        const GpuTuning& tuning) {
  for (const DeviceUnderTest& device : GpusUnderTest(tuning)) {
    if (device.name == name) return device.make().value();
  }
  return nullptr;
}

// The same with all that GpuTuning offers, for the tests of what it changes,
// but for keys_ahead in place of vector_keys.
inline std::vector<DeviceUnderTest> TunedGpusUnderTest() {
  GpuTuning tuning;
  tuning.vector_keys = true;
  tuning.split_top_k = true;
  tuning.tiles_ahead = true;
  tuning.dependent_launch = true;
  tuning.fused_norms = true;
  tuning.one_upload = true;
  tuning.eight_bits = true;
  std::vector<DeviceUnderTest> devices = GpusUnderTest(tuning);
  for (DeviceUnderTest& device : devices) device.name += "_tuned";
  return devices;
}

inline std::vector<DeviceUnderTest> DevicesUnderTest() {
  std::vector<DeviceUnderTest> devices = GpusUnderTest();
  for (Isa isa : SupportedIsas()) {
    devices.push_back(
        {absl::StrReplaceAll(absl::StrCat("cpu_", IsaName(isa)), {{"-", "_"}}),
         [isa]() -> absl::StatusOr<std::unique_ptr<Kernels>> {
           return std::make_unique<CpuKernels>(isa);
         },
         {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}});
  }
  // All that threads can share, however small.
  devices.push_back(
      {"cpu_3_threads",
       []() -> absl::StatusOr<std::unique_ptr<Kernels>> {
         return std::make_unique<CpuKernels>(SupportedIsas().back(),
                                             CpuThreads{3, 0});
       },
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}});
  devices.push_back(
      {"cpu_onednn",
       []() -> absl::StatusOr<std::unique_ptr<Kernels>> {
         return OneDnnKernels::Create(SupportedIsas().back());
       },
       {Precision::kFloat32},
       4,
       false,
       OneDnnKernels::KeepsBitsOfRows()
           ? nullptr
           : "oneDNN without AVX-512 computes the last rows another way"});
  return devices;
}

class KernelsTest : public ::testing::TestWithParam<DeviceUnderTest> {
 protected:
  void SetUp() override {
    auto device = GetParam().make();
    if (!device.ok()) GTEST_SKIP() << "no such device: " << device.status();
    device_ = *std::move(device);
  }

  float Uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random_);
  }
  int UniformInt(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random_);
  }
  std::vector<float> RandomVector(int count, float magnitude) {
    std::vector<float> values(count);
    for (float& x : values) x = Uniform(-magnitude, magnitude);
    return values;
  }
  Array RandomArray(int rows, int cols, float magnitude) {
    Array array(rows, cols);
    array.data = RandomVector(rows * cols, magnitude);
    return array;
  }
  // Integers, so that every sum of products is exact and ties are frequent.
  Array RandomIntegers(int rows, int cols, int magnitude) {
    Array array(rows, cols);
    for (float& x : array.data) x = UniformInt(-magnitude, magnitude);
    return array;
  }
  // Some of [0, count), some of them twice, in any order.
  std::vector<int> RandomRows(int count) {
    std::vector<int> rows(UniformInt(1, count));
    for (int& row : rows) row = UniformInt(0, count - 1);
    return rows;
  }
  std::vector<int> RandomPermutation(int count) {
    std::vector<int> rows(count);
    std::iota(rows.begin(), rows.end(), 0);
    std::shuffle(rows.begin(), rows.end(), random_);
    return rows;
  }
  // The first `rows` of `num_cells` cells are the new ones; ancestors may be
  // shared.
  CellLists RandomCells(int rows, int max_length, int num_cells) {
    const std::vector<int> own_cells = RandomPermutation(rows);
    CellLists lists;
    for (int r = 0; r < rows; ++r) {
      std::vector<int32_t> cells(UniformInt(1, max_length));
      for (int32_t& cell : cells) cell = UniformInt(rows, num_cells - 1);
      cells.back() = own_cells[r];
      lists.push_back(cells);
    }
    return lists;
  }

  ReferenceKernels reference_;
  std::unique_ptr<Kernels> device_;
  std::mt19937 random_{20240711};
};

// For tests that a row depends on its own arguments alone, bit for bit; those
// of devices that do not keep to it skip.
template <class Fixture>
class BatchInvariance : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    if (const char* reason = Fixture::GetParam().why_rows_depend) {
      GTEST_SKIP() << reason;
    }
  }
};

inline std::string DeviceName(
    const ::testing::TestParamInfo<DeviceUnderTest>& device) {
  return device.param.name;
}

// ---- Comparison.

// All elements within the tolerance of their row and column.
inline void ExpectNear(
    const Array& actual, const Array& expected,
    const std::function<double(int row, int col)>& tolerance) {
  ASSERT_EQ(actual.rows, expected.rows);
  ASSERT_EQ(actual.cols, expected.cols);
  for (int r = 0; r < actual.rows; ++r) {
    for (int c = 0; c < actual.cols; ++c) {
      ASSERT_NEAR(actual.row(r)[c], expected.row(r)[c], tolerance(r, c))
          << "at [" << r << ", " << c << "]";
    }
  }
}

inline void ExpectSameBits(const Array& actual, const Array& expected) {
  ASSERT_EQ(actual.rows, expected.rows);
  ASSERT_EQ(actual.cols, expected.cols);
  for (int r = 0; r < actual.rows; ++r) {
    ASSERT_EQ(std::memcmp(actual.row(r), expected.row(r),
                          actual.cols * sizeof(float)),
              0)
        << "in row " << r << " of " << actual.rows;
  }
}

// A score of `length` products errs by at most a few epsilons of its norms;
// the softmax turns that into a relative error of the weights.
inline double AttentionTolerance(HeadShape heads, double query_norm,
                                 double key_norm, double largest_value) {
  const double score_error =
      4 * kEpsilon * query_norm * key_norm / std::sqrt(double(heads.head_dim));
  return (4 * score_error + 16 * kEpsilon) * largest_value;
}

constexpr HeadShape kHeadShapes[] = {{1, 64}, {8, 64}, {3, 10}, {2, 24},
                                     {1, 1},  {4, 7},  {2, 80}, {1, 130}};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PARITY_FIXTURE_H_
