#ifndef PEREGRINE_ENGINE_DECODE_SEARCH_H_
#define PEREGRINE_ENGINE_DECODE_SEARCH_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/decode/live_sentence.h"
#include "engine/model/stage_profile.h"

namespace peregrine::decode {

// Does the steps of some of a session's live sentences. A session has several,
// in order; a sentence goes to the first that takes it and stays there to its
// end. Not thread-safe.
class Search {
 public:
  virtual ~Search() = default;

  // Whether it can search for `sentence`.
  virtual bool Takes(const LiveSentence& sentence) const = 0;

  // Makes a sentence live that it takes.
  virtual void Add(std::unique_ptr<LiveSentence> sentence) = 0;

  // One step of every sentence. Appends those that finished.
  virtual void Step(std::vector<std::unique_ptr<LiveSentence>>& finished) = 0;

  // Takes a sentence out at once; null: not here.
  virtual std::unique_ptr<LiveSentence> Remove(uint64_t id) = 0;

  // Of those that the host knows to the last step: the others have no `stream`.
  virtual void ForEach(absl::FunctionRef<void(LiveSentence&)> /*use*/) {}

  virtual int num_sentences() const = 0;
  // Live hypotheses, as far as the host knows them.
  virtual int num_rows() const = 0;

  // Where stages leave their times, or null. Only while no sentence is live.
  virtual void set_profile(model::StageProfile* profile) = 0;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SEARCH_H_
