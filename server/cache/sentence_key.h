#ifndef PEREGRINE_SERVER_CACHE_SENTENCE_KEY_H_
#define PEREGRINE_SERVER_CACHE_SENTENCE_KEY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/scheduling/sentence.h"

namespace peregrine::server {

// Everything that the translation of a sentence depends on, as bytes: sentences
// with equal keys have equal translations. `model` says which weights compute
// it, and on what (ServedModel::identity). `scope`: sentences of different
// scopes have different keys.
std::string SentenceKey(absl::string_view model, uint64_t scope,
                        const Sentence& sentence);

// Whether an equal key means an equal translation at all. Translations that are
// given have no key: they are scored, not searched for.
bool HasKey(const Sentence& sentence);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CACHE_SENTENCE_KEY_H_
