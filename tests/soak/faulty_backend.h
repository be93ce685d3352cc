#ifndef PEREGRINE_TESTS_SOAK_FAULTY_BACKEND_H_
#define PEREGRINE_TESTS_SOAK_FAULTY_BACKEND_H_

#include <memory>

#include "server/backend/model_backend.h"

namespace peregrine::server {

// What goes wrong, how often: once in so many. 0: never.
struct Faults {
  int refuse_sentence = 0;    // a session fails a sentence with INTERNAL
  int stall_step = 0;         // a decode step takes 100 ms longer
  int refuse_session = 0;     // a worker cannot start, as for want of memory
  int lose_device = 0;        // a decode step finds the device gone, for good
  int leaked_bytes = 0;       // for each finished sentence
  int load_milliseconds = 0;  // that reading a model takes longer
};

// Reads them from the environment: PEREGRINE_FAULT_REFUSE_SENTENCE,
// ..._STALL_STEP, ..._REFUSE_SESSION, ..._LOSE_DEVICE, ..._LEAKED_BYTES,
// ..._LOAD_MILLISECONDS. PEREGRINE_FAULT_SEED (1) has the same faults come
// again.
Faults FaultsOfEnvironment();

// The same model, with faults.
std::unique_ptr<const ModelBackend> WithFaults(
    std::unique_ptr<const ModelBackend> model, const Faults& faults);

}  // namespace peregrine::server

#endif  // PEREGRINE_TESTS_SOAK_FAULTY_BACKEND_H_
