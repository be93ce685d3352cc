#ifndef PEREGRINE_SERVER_API_GLOSSARY_ACCESS_H_
#define PEREGRINE_SERVER_API_GLOSSARY_ACCESS_H_

#include "absl/status/statusor.h"
#include "server/glossaries/glossary_store.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// The glossaries of a server; null: it stores none.
GlossaryStore* GlossariesOf(const CallEnvironment& environment);

// FAILED_PRECONDITION: null.
absl::StatusOr<GlossaryStore*> Needed(GlossaryStore* store);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_GLOSSARY_ACCESS_H_
