#ifndef PEREGRINE_SERVER_API_GOOGLE_V3_GLOSSARIES_H_
#define PEREGRINE_SERVER_API_GOOGLE_V3_GLOSSARIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/cloud/translate/v3/translation_service.pb.h"
#include "google/longrunning/operations.pb.h"
#include "server/api/google_v3/messages.h"
#include "server/glossaries/stored_glossary.h"

// Google's glossaries in the server's words, and back.
namespace peregrine::server::google_v3 {

// "NAME" of "projects/P/locations/L/glossaries/NAME", or of itself.
absl::string_view GlossaryOf(absl::string_view name);

// What is to be stored. The file is read in `gcs_directory`, see
// ReadBucketFile: comma-separated (".csv") or tab-separated.
struct NewGlossary {
  GlossaryHead head;
  std::vector<Dictionary> dictionaries;
};
absl::StatusOr<NewGlossary> ReadGlossary(
    const proto::CreateGlossaryRequest& message,
    const std::string& gcs_directory);

// `name`: the whole resource name.
proto::Glossary WriteGlossary(const StoredGlossary& glossary,
                              const std::string& name);

// A page of `all`, which are sorted by name. INVALID_ARGUMENT: a filter, or a
// size below 0.
absl::StatusOr<proto::ListGlossariesResponse> WriteGlossaries(
    const std::vector<std::shared_ptr<const StoredGlossary>>& all,
    const proto::ListGlossariesRequest& message);

// Operations that are done.
google::longrunning::Operation WriteCreated(const StoredGlossary& glossary,
                                            const std::string& name);
google::longrunning::Operation WriteDeleted(const std::string& name);

}  // namespace peregrine::server::google_v3

#endif  // PEREGRINE_SERVER_API_GOOGLE_V3_GLOSSARIES_H_
