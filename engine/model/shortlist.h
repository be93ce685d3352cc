#ifndef PEREGRINE_ENGINE_MODEL_SHORTLIST_H_
#define PEREGRINE_ENGINE_MODEL_SHORTLIST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace peregrine::model {

// A lexical vocabulary shortlist: which target tokens a translation of given
// source tokens is likely to be made of. Immutable and thread-safe.
class Shortlist {
 public:
  // `always` are target tokens of every list; those of source token s are
  // targets[offsets[s]] to targets[offsets[s + 1] - 1]. In any order.
  struct Lists {
    std::vector<int32_t> always;
    std::vector<int32_t> offsets;  // [source_vocab_size + 1], from 0
    std::vector<int32_t> targets;
    // A list is filled up to a multiple of this by the first tokens from
    // fill_begin to fill_end - 1 that it lacks.
    int multiple = 1;
    int32_t fill_begin = 0;
    int32_t fill_end = 0;
  };

  // INVALID_ARGUMENT: offsets that do not fit, a token outside the vocabulary.
  // `path` is named in errors.
  static absl::StatusOr<std::unique_ptr<const Shortlist>> Create(
      Lists lists, int source_vocab_size, int target_vocab_size,
      const std::string& path);

  // All target tokens for the tokens of `source` and those of `added`, rising,
  // each once. Replaces `targets`.
  void TargetsOf(absl::Span<const int32_t> source,
                 absl::Span<const int32_t> added,
                 std::vector<int32_t>& targets) const;

 private:
  explicit Shortlist(Lists lists) : lists_(std::move(lists)) {}
  void Fill(std::vector<int32_t>& targets) const;

  const Lists lists_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_SHORTLIST_H_
