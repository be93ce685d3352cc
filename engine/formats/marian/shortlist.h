#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_SHORTLIST_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_SHORTLIST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/base/file.h"
#include "engine/text/tokenizer.h"

namespace peregrine::formats {

// A lexical shortlist of Marian: which target tokens may translate each source
// token. A sentence is then decoded with the first_n() most frequent target
// tokens (ids 0 to first_n() - 1), which are always allowed, those of every one
// of its source tokens, eos among them, these source tokens themselves where
// both vocabularies are one, and as many of the next most frequent tokens as
// make it a multiple of 8. Two kinds of files:
//
// Binary (lex.s2t.bin), little-endian: u64 magic, u64 checksum of what follows,
// u64 first_n, u64 most tokens of a list, u64 n, u64 m; u64 offsets[n], the
// lists of source ids from 0 to n - 2 being targets[offsets[id]] to
// targets[offsets[id + 1]]; u32 targets[m].
//
// Text (lex.s2t): lines "target source probability", as alignment tools count
// them; NULL stands for no word. It may be compressed by gzip.
//
// Immutable and thread-safe.
class MarianShortlist {
 public:
  // What a text file leaves open; Marian's defaults.
  struct TextOptions {
    int first_n = 100;
    int best_n = 100;        // the most probable ones of a source token
    float threshold = 0.0f;  // which are more probable than this
  };

  // Recognises the kind by its first bytes. INVALID_ARGUMENT names the file,
  // what was found and what was expected: every id is of the vocabularies, and
  // a list that was made for other vocabularies is refused.
  static absl::StatusOr<std::unique_ptr<const MarianShortlist>> Open(
      const std::string& path, const text::Tokenizer& source,
      const text::Tokenizer& target, const TextOptions& options);

  int first_n() const { return first_n_; }

  // In ascending order; none for an id that is not of the source vocabulary.
  absl::Span<const int32_t> targets(int32_t source_id) const;

 private:
  MarianShortlist() = default;
  absl::Status Map(const std::string& path, int source_vocab_size,
                   int target_vocab_size);
  absl::Status CheckLists(const std::string& path, int target_vocab_size) const;
  absl::Status ParseText(const std::string& path, absl::string_view text,
                         const text::Tokenizer& source,
                         const text::Tokenizer& target,
                         const TextOptions& options);

  int first_n_ = 0;
  std::unique_ptr<const MappedFile> file_;  // of a binary one
  std::vector<uint64_t> own_offsets_;       // of a text
  std::vector<int32_t> own_targets_;
  // Views of either.
  absl::Span<const uint64_t> offsets_;
  absl::Span<const int32_t> targets_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_SHORTLIST_H_
