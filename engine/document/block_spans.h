#ifndef PEREGRINE_ENGINE_DOCUMENT_BLOCK_SPANS_H_
#define PEREGRINE_ENGINE_DOCUMENT_BLOCK_SPANS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "engine/document/block.h"
#include "engine/document/document.h"
#include "engine/document/span.h"

namespace peregrine::document {

// What the model must not see of a block, in order, none overlapping another.
struct BlockSpans {
  // Of kNumber: it sees a stand-in.
  std::vector<Span> spans;
  // What those of kTerm become, by where they begin.
  absl::flat_hash_map<size_t, std::string> targets;
  // Characters that the vocabulary lacks, in text that would be translated.
  bool has_unknown = false;
};
BlockSpans FindBlockSpans(const Block& block, const DocumentOptions& options,
                          const VocabularyView& vocabulary);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_BLOCK_SPANS_H_
