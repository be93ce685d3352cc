#ifndef PEREGRINE_ENGINE_MODEL_SEARCH_RULES_H_
#define PEREGRINE_ENGINE_MODEL_SEARCH_RULES_H_

#include <cstdint>

namespace peregrine::model {

// When a search ends, and which finished hypotheses it keeps: rule 5 of the
// search in docs/model-format.md.
enum class Stopping {
  kFirstFinished,  // when beam_size are finished; what comes later is dropped
  kBestFinished,   // likewise, but a better one displaces the worst
  kHeuristic,      // when none open, ended now, would displace a finished one
  kNever,          // when none open, ended at its longest, would
  kShrinkingBeam,  // when none is open: each finished one took a place of them
};

// What becomes of a hypothesis at max_length: rule 2.
enum class LengthLimit {
  kEos,        // eos follows, with its log-probability
  kForcedEos,  // eos follows and costs nothing
  kCut,        // its last token is an ordinary one; no eos follows
};

// The points in which the searches that models are used to differ, as
// docs/model-format.md specifies them. They belong to a model, not to a
// request: with others its translations are not those it is known for.
struct SearchRules {
  Stopping stopping = Stopping::kFirstFinished;
  LengthLimit length_limit = LengthLimit::kEos;
  bool renormalize_min_length = false;  // where min_length forbids eos: rule 2
  int32_t forced_first_token = -1;      // costs nothing; -1: a free choice
  // A repetition penalty changes log-probabilities where a beam is searched,
  // and logits else. Without: always logits.
  bool penalize_log_probabilities = false;
  // The decoder's first input counts as a generated token for what looks at
  // these: repetitions.
  bool start_is_generated = false;
  // Directly behind a prefix a hypothesis ends only where nothing else is more
  // probable.
  bool ends_behind_prefix_if_best = false;
  float word_penalty = 0.0f;  // a token, eos too, off a finished sum: rule 4
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_SEARCH_RULES_H_
