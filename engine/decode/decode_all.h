#ifndef PEREGRINE_ENGINE_DECODE_DECODE_ALL_H_
#define PEREGRINE_ENGINE_DECODE_DECODE_ALL_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/base/status_macros.h"
#include "engine/decode/session.h"

namespace peregrine::decode {

// The loop "fill the room, admit, step" over a Session, or what has its
// methods. For those who have all sentences from the start.

// How many of `sentences`, from the first on, fit the room together.
template <class SomeSession>
size_t CountFitting(const SomeSession& session,
                    absl::Span<const SentenceInput> sentences) {
  Room room = session.room();
  size_t count = 0;
  for (const SentenceInput& sentence : sentences) {
    const int length = static_cast<int>(sentence.source.size());
    if (!room.Take(sentence.options.beam_size, session.BlockedTokens(length))) {
      break;
    }
    ++count;
  }
  return count;
}

// Decodes sentences that are all valid. Calls `done` with each output, as it
// finishes. Sentences join when `min_admission` of them fit, or all that are
// left, or the session is empty. The error is that of the session, or
// RESOURCE_EXHAUSTED where a sentence needs more room than there ever is.
template <class SomeSession>
absl::Status DecodeAll(SomeSession& session,
                       absl::Span<const SentenceInput> sentences,
                       absl::FunctionRef<void(SentenceOutput)> done,
                       size_t min_admission = 1) {
  size_t admitted = 0;
  size_t finished = 0;
  while (finished < sentences.size()) {
    const auto waiting = sentences.subspan(admitted);
    const size_t count = CountFitting(session, waiting);
    if (count == 0 && admitted == finished) {
      return absl::ResourceExhaustedError(
          "a sentence does not fit an empty session");
    }
    if (count > 0 && (count >= min_admission || count == waiting.size() ||
                      admitted == finished)) {
      session.Admit(waiting.subspan(0, count));
      admitted += count;
    }
    std::vector<SentenceOutput> outputs = session.Step();
    PEREGRINE_RETURN_IF_ERROR(session.status());
    finished += outputs.size();
    for (SentenceOutput& output : outputs) done(std::move(output));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_DECODE_ALL_H_
