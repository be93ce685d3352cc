#include "server/api/glossary_access.h"

namespace peregrine::server {

GlossaryStore* GlossariesOf(const CallEnvironment& environment) {
  return environment.texts == nullptr ? nullptr
                                      : environment.texts->glossaries.get();
}

absl::StatusOr<GlossaryStore*> Needed(GlossaryStore* store) {
  if (store != nullptr) return store;
  return absl::FailedPreconditionError(
      "the server stores no glossaries: give it a directory by --glossaries");
}

}  // namespace peregrine::server
