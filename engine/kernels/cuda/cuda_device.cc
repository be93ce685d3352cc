#include "engine/kernels/cuda/cuda_device.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cublas_lt.h"
#include "engine/kernels/cuda/driver.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

std::string Mebibytes(size_t bytes) {
  return absl::StrFormat("%.1f MiB", bytes / 1048576.0);
}

// How many there are; asked first, since it tells the reasons apart.
absl::StatusOr<int> CountDevices() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver) {
    int driver = 0;
    int runtime = 0;
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    return absl::UnavailableError(
        DriverProblem(driver, runtime, InstalledDriver()));
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) {
    return absl::UnavailableError("no CUDA device found");
  }
  if (error != cudaSuccess) return ToStatus(error, "counting devices");
  return count;
}

}  // namespace

cudaError_t Stream::Synchronize() const {
  const cudaError_t error = end_->Record(stream_);
  return error == cudaSuccess ? end_->Synchronize() : error;
}

absl::Status ToStatus(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message =
      absl::StrCat(what, ": ", cudaGetErrorString(error), " (",
                   cudaGetErrorName(error), ")");
  return error == cudaErrorMemoryAllocation
             ? absl::ResourceExhaustedError(message)
             : absl::UnavailableError(message);
}

// ---- Buffers

class CudaDevice::ArenaBuffer final : public Buffer {
 public:
  ArenaBuffer(std::shared_ptr<CudaDevice> device,
              std::shared_ptr<const Stream> stream, size_t offset, size_t bytes)
      : device_(std::move(device)),
        stream_(std::move(stream)),
        offset_(offset),
        bytes_(bytes) {}
  ~ArenaBuffer() override {
    // On an error the device is lost, and nothing touches the memory any more.
    (void)stream_->Synchronize();
    absl::MutexLock lock(&device_->mutex_);
    device_->arena_->Give(offset_);
  }

  void* data() const override {
    return static_cast<char*>(device_->data_) + offset_;
  }
  size_t bytes() const override { return bytes_; }

 private:
  const std::shared_ptr<CudaDevice> device_;
  const std::shared_ptr<const Stream> stream_;
  const size_t offset_;
  const size_t bytes_;
};

class CudaDevice::SeparateBuffer final : public Buffer {
 public:
  SeparateBuffer(std::shared_ptr<const Stream> stream, void* data, size_t bytes)
      : stream_(std::move(stream)), data_(data), bytes_(bytes) {}
  ~SeparateBuffer() override {
    (void)stream_->Synchronize();
    cudaFree(data_);
  }

  void* data() const override { return data_; }
  size_t bytes() const override { return bytes_; }

 private:
  const std::shared_ptr<const Stream> stream_;
  void* const data_;
  const size_t bytes_;
};

// ---- The device

CudaDevice::CudaDevice(int index, Memory memory)
    : index_(index), name_(absl::StrCat("cuda:", index)), memory_(memory) {}

CudaDevice::~CudaDevice() {
  (void)Use();
  {
    absl::MutexLock lock(&mutex_);
    library_ = nullptr;
  }
  if (data_ == nullptr) return;
  cudaFree(data_);
}

absl::StatusOr<std::shared_ptr<CudaDevice>> CudaDevice::Create(
    int index, size_t memory_bytes, Memory memory) {
  const absl::StatusOr<int> count = CountDevices();
  if (!count.ok()) {
    return absl::Status(
        count.status().code(),
        absl::StrCat("cuda:", index, " asked, ", count.status().message()));
  }
  if (index >= *count) {
    return absl::NotFoundError(absl::StrCat(
        "cuda:", index, " asked, found ", *count,
        *count == 1 ? " device: cuda:0" : " devices, the last is cuda:",
        *count == 1 ? "" : absl::StrCat(*count - 1)));
  }
  std::shared_ptr<CudaDevice> device(new CudaDevice(index, memory));
  PEREGRINE_RETURN_IF_ERROR(device->Start(memory_bytes));
  return device;
}

absl::Status CudaDevice::Start(size_t memory_bytes) {
  PEREGRINE_RETURN_IF_ERROR(ToStatus(Use(), name_));
  if (memory_ == Memory::kSeparate) return absl::OkStatus();
  size_t free = 0;
  size_t total = 0;
  PEREGRINE_RETURN_IF_ERROR(ToStatus(cudaMemGetInfo(&free, &total), name_));
  if (memory_bytes > free) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name_, ": a budget of ", Mebibytes(memory_bytes), " of memory, but ",
        Mebibytes(free), " of ", Mebibytes(total), " are free"));
  }
  capacity_ = memory_bytes > 0 ? memory_bytes : free / 10 * 9;
  const cudaError_t error = cudaMalloc(&data_, capacity_);
  if (error != cudaSuccess) {
    data_ = nullptr;
    return ToStatus(
        error, absl::StrCat(name_, ": taking ", Mebibytes(capacity_),
                            " of memory, ", Mebibytes(free), " were free"));
  }
  absl::MutexLock lock(&mutex_);
  arena_ = std::make_unique<Arena>(capacity_);
  return absl::OkStatus();
}

namespace {

// The one place that knows who else uses a device: a process has one arena on
// each, whichever model or worker comes first.
struct SharedDevices {
  absl::Mutex mutex;
  std::map<int, std::weak_ptr<CudaDevice>> by_index ABSL_GUARDED_BY(mutex);
};

SharedDevices& DevicesOfTheProcess() {
  static auto& devices = *new SharedDevices;
  return devices;
}

}  // namespace

absl::StatusOr<std::shared_ptr<CudaDevice>> CudaDevice::Shared(
    int index, size_t memory_bytes) {
  SharedDevices& devices = DevicesOfTheProcess();
  absl::MutexLock lock(&devices.mutex);
  if (auto device = devices.by_index[index].lock()) return device;
  PEREGRINE_ASSIGN_OR_RETURN(auto device, Create(index, memory_bytes));
  devices.by_index[index] = device;
  return device;
}

std::vector<std::shared_ptr<CudaDevice>> CudaDevice::InUse() {
  SharedDevices& devices = DevicesOfTheProcess();
  std::vector<std::shared_ptr<CudaDevice>> found;
  absl::MutexLock lock(&devices.mutex);
  for (const auto& [index, weak] : devices.by_index) {
    if (auto device = weak.lock()) found.push_back(std::move(device));
  }
  return found;
}

cudaError_t CudaDevice::Use() const {
  // As all of this process's code does so, the last one is known.
  thread_local int current = -1;
  if (current == index_) return cudaSuccess;
  const cudaError_t error = cudaSetDevice(index_);
  if (error == cudaSuccess) current = index_;
  return error;
}

absl::StatusOr<std::shared_ptr<const Stream>> CudaDevice::NewStream() {
  PEREGRINE_RETURN_IF_ERROR(ToStatus(Use(), name_));
  cudaStream_t stream = nullptr;
  PEREGRINE_ASSIGN_OR_RETURN(auto end, NewEvent());
  PEREGRINE_RETURN_IF_ERROR(
      ToStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               absl::StrCat(name_, ": a stream")));
  return std::make_shared<const Stream>(stream, std::move(end));
}

absl::StatusOr<std::unique_ptr<const Event>> CudaDevice::NewEvent(
    Timing timing) {
  PEREGRINE_RETURN_IF_ERROR(ToStatus(Use(), name_));
  const unsigned flags = timing == Timing::kNone
                             ? cudaEventBlockingSync | cudaEventDisableTiming
                             : cudaEventBlockingSync;
  cudaEvent_t event = nullptr;
  PEREGRINE_RETURN_IF_ERROR(ToStatus(cudaEventCreateWithFlags(&event, flags),
                                     absl::StrCat(name_, ": an event")));
  return std::make_unique<const Event>(event);
}

absl::StatusOr<std::unique_ptr<Buffer>> CudaDevice::Allocate(
    size_t bytes, std::shared_ptr<const Stream> stream) {
  if (memory_ == Memory::kSeparate) {
    void* data = nullptr;
    PEREGRINE_RETURN_IF_ERROR(ToStatus(
        cudaMalloc(&data, bytes), absl::StrCat(name_, ": ", bytes, " bytes")));
    return std::make_unique<SeparateBuffer>(std::move(stream), data, bytes);
  }
  absl::MutexLock lock(&mutex_);
  const std::optional<size_t> offset = arena_->Take(bytes);
  if (!offset.has_value()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name_, ": cannot allocate ", Mebibytes(bytes), ": ",
        Mebibytes(arena_->bytes_in_use()), " of ", Mebibytes(arena_->bytes()),
        " are in use, the largest gap is ", Mebibytes(arena_->largest_gap())));
  }
  return std::make_unique<ArenaBuffer>(shared_from_this(), std::move(stream),
                                       *offset, bytes);
}

MatrixLibrary* CudaDevice::library() {
  if (Use() != cudaSuccess) return nullptr;
  absl::MutexLock lock(&mutex_);
  if (library_ == nullptr) {
    library_ = std::make_unique<absl::StatusOr<std::unique_ptr<MatrixLibrary>>>(
        MatrixLibrary::Create());
  }
  return library_->ok() ? (*library_)->get() : nullptr;
}

absl::StatusOr<std::string> CudaDevice::LibraryName() {
  if (const MatrixLibrary* found = library()) return found->name();
  absl::MutexLock lock(&mutex_);
  if (library_ == nullptr) return absl::UnavailableError("no device");
  return library_->status();
}

size_t CudaDevice::memory_bytes_in_use() const {
  absl::MutexLock lock(&mutex_);
  return arena_ == nullptr ? 0 : arena_->bytes_in_use();
}

absl::StatusOr<std::string> LibraryName(int index) {
  for (const auto& device : CudaDevice::InUse()) {
    if (device->index() == index) return device->LibraryName();
  }
  PEREGRINE_ASSIGN_OR_RETURN(const auto functions, CublasLt::Load());
  return functions->name;
}

absl::StatusOr<std::vector<std::string>> DescribeGpus() {
  PEREGRINE_ASSIGN_OR_RETURN(const int count, CountDevices());
  std::vector<std::string> descriptions;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties;
    PEREGRINE_RETURN_IF_ERROR(
        ToStatus(cudaGetDeviceProperties(&properties, index),
                 absl::StrCat("cuda:", index)));
    descriptions.push_back(absl::StrFormat(
        "cuda:%d: %s, %.0f GiB, compute capability %d.%d", index,
        properties.name, properties.totalGlobalMem / 1073741824.0,
        properties.major, properties.minor));
  }
  return descriptions;
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
