#ifndef PEREGRINE_CLIENT_COMMAND_FIND_MODEL_H_
#define PEREGRINE_CLIENT_COMMAND_FIND_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/translation_client.h"
#include "client/translation_settings.h"

namespace peregrine::client {

// The model that will answer: the one that is named, or the only one that the
// server has. Where it has several, and a target language is named, the server
// chooses: a model without a name.
absl::StatusOr<v1::Model> FindModel(const TranslationClient& client,
                                    const std::string& name,
                                    const std::string& target_language);

// Options that the server refuses should fail once, before any text is sent,
// and not once a text. An empty text is translated without any work.
absl::Status CheckOptions(const TranslationClient& client,
                          const v1::Model& model,
                          const TranslationSettings& settings);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_FIND_MODEL_H_
