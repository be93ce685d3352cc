#ifndef PEREGRINE_COMPARE_MACHINE_H_
#define PEREGRINE_COMPARE_MACHINE_H_

#include <cstdint>
#include <string>

namespace peregrine::compare {

// Where a comparison ran; empty or 0 for what the system does not tell.
struct Machine {
  std::string processor;  // "AMD EPYC 9R14"
  int num_cpus = 0;       // that this process may use
  std::string isa;        // instruction set of the kernels
  std::int64_t memory_bytes = 0;
  double load = 0;  // processes that ran, mean of the minute before
  std::string date;
};

Machine DescribeMachine();

// What programs can still have; 0 where the system does not tell.
std::int64_t AvailableMemory();

// "AMD EPYC 9R14, 2 CPUs, avx512-bf16, 24 GB".
std::string FormatMachine(const Machine& machine);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_MACHINE_H_
