#ifndef PEREGRINE_COMPARE_OPTIONS_H_
#define PEREGRINE_COMPARE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "compare/shapes.h"

namespace peregrine::compare {

// What speed is measured by: the time that passed, or that of processors,
// which other programs disturb less.
enum class Clock { kWall, kCpu };

// What is compared, and how.
struct ComparisonOptions {
  std::vector<Shape> shapes;             // models of random weights
  std::vector<std::string> directories;  // [NAME=]DIR: models with weights
  std::string baseline;                  // empty: the first of them
  std::vector<std::string> devices = {"cpu"};
  std::vector<std::string> precisions = {"float32"};
  std::vector<int> beam_sizes = {4};
  std::vector<int> batch_sizes = {64};
  int num_workers = 1;  // threads of each model
  // Of each model on a GPU, which shares it with the others.
  int gpu_memory_mib = 2048;
  std::uint32_t seed = 1;
  Clock clock = Clock::kWall;
  absl::Duration budget = absl::Minutes(15);
  // For BLEU, of directories; equally long.
  std::vector<std::string> sources;
  std::vector<std::string> references;
  // Pythons that have peers (see peer.py), by commas; empty: no peers.
  std::string peer_python;
  // Where the energy of processors and of GPUs is read.
  std::string powercap_folder = "/sys/class/powercap";
  std::string nvml_library = "libnvidia-ml.so.1";
};

// Is told where a comparison is, often; `milestone` now and then.
using Progress = std::function<void(const std::string& text, bool milestone)>;

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_OPTIONS_H_
