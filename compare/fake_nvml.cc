// A library that speaks as NVML does, for machines without a GPU: GPU 1 takes
// 1.5 joules between two readings, GPU 2 is too old to tell.

namespace {

constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kNotFound = 6;

bool Same(const char* a, const char* b) {
  for (; *a != '\0' && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

unsigned long long millijoules = 1'000'000;
int old_gpu = 0;

}  // namespace

extern "C" {

int nvmlInit_v2() { return kSuccess; }
int nvmlShutdown() { return kSuccess; }

int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
  if (Same(id, "0000:01:00.0")) {
    *device = &millijoules;
    return kSuccess;
  }
  *device = &old_gpu;
  return Same(id, "0000:02:00.0") ? kSuccess : kNotFound;
}

int nvmlDeviceGetTotalEnergyConsumption(void* device,
                                        unsigned long long* energy) {
  if (device != &millijoules) return kNotSupported;
  *energy = millijoules;
  millijoules += 1500;
  return kSuccess;
}

const char* nvmlErrorString(int error) {
  return error == kNotFound ? "Not Found" : "Not Supported";
}

}  // extern "C"
