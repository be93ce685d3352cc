#ifndef PEREGRINE_SERVER_SERVICE_TEXT_RESOURCES_H_
#define PEREGRINE_SERVER_SERVICE_TEXT_RESOURCES_H_

#include <memory>
#include <vector>

#include "engine/document/find_spans.h"
#include "server/glossaries/glossary_store.h"

namespace peregrine::server {

// What the server knows of texts beside what requests say.
struct TextResources {
  std::unique_ptr<GlossaryStore> glossaries;  // null: none are stored
  // What is protected in every text.
  std::vector<std::shared_ptr<const document::SpanPatterns>> patterns;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TEXT_RESOURCES_H_
