#include "engine/text/vocabulary.h"

#include <utility>

namespace peregrine::text {

Vocabulary::Vocabulary(std::vector<std::string> pieces, int32_t unk_id,
                       absl::flat_hash_set<int32_t> silent)
    : pieces_(std::move(pieces)), unk_id_(unk_id), silent_(std::move(silent)) {
  ids_.reserve(pieces_.size());
  for (size_t id = 0; id < pieces_.size(); ++id) {
    if (!pieces_[id].empty()) {
      ids_.emplace(pieces_[id], static_cast<int32_t>(id));
    }
  }
}

absl::optional<int32_t> Vocabulary::id(absl::string_view piece) const {
  const auto found = ids_.find(piece);
  if (found == ids_.end()) return absl::nullopt;
  return found->second;
}

}  // namespace peregrine::text
