#ifndef PEREGRINE_SERVER_OPTIONS_BATCHING_H_
#define PEREGRINE_SERVER_OPTIONS_BATCHING_H_

#include "absl/time/time.h"
#include "engine/decode/session.h"

// How the queue and the workers of one model behave; see the flags in flags.cc.
namespace peregrine::server {

struct AdmissionOptions {
  int max_sentences = 4096;
  int max_source_tokens = 131072;
  // A sentence that waited longer, or for an eighth of the time until its
  // deadline, is overtaken by none of its flow, and by those of others only as
  // far as their shares go.
  absl::Duration max_age = absl::Milliseconds(200);
  int num_workers = 1;
  int max_batch_rows = 256;  // of one worker
};

// When a worker interrupts its live sentences for the encoder. A run reads all
// encoder weights, however few tokens it encodes, and everything live waits
// for it: too small runs waste the device, too large ones stall the live
// sentences and their deadlines.
struct AdmissionPolicy {
  int max_tokens = 512;  // of one run; a longer sentence runs alone
  // While others are live, a run starts for at least this many tokens, or when
  // the last one ended `max_wait` ago.
  int min_tokens = 128;
  absl::Duration max_wait = absl::Milliseconds(10);
};

struct BatcherOptions {
  int num_workers = 1;
  decode::SessionLimits session;
  AdmissionOptions queue;  // its num_workers is set from the above
  AdmissionPolicy admission;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_BATCHING_H_
