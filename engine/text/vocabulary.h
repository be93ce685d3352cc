#ifndef PEREGRINE_ENGINE_TEXT_VOCABULARY_H_
#define PEREGRINE_ENGINE_TEXT_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine::text {

// Spellings with ids from 0 on. Immutable and thread-safe.
class Vocabulary {
 public:
  // pieces[id] is the spelling of `id`; of equal ones the first id has it, and
  // an empty one is none. `unk_id` is one of the ids. Tokens of `silent` leave
  // no text (eos, padding).
  Vocabulary(std::vector<std::string> pieces, int32_t unk_id,
             absl::flat_hash_set<int32_t> silent);

  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  int size() const { return static_cast<int>(pieces_.size()); }
  int32_t unk_id() const { return unk_id_; }
  const std::string& piece(int32_t id) const { return pieces_[id]; }
  absl::optional<int32_t> id(absl::string_view piece) const;
  bool silent(int32_t id) const { return silent_.contains(id); }

 private:
  const std::vector<std::string> pieces_;
  const int32_t unk_id_;
  const absl::flat_hash_set<int32_t> silent_;
  absl::flat_hash_map<absl::string_view, int32_t> ids_;  // views of pieces_
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_VOCABULARY_H_
