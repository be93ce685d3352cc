#ifndef PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_
#define PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/models/models.h"
#include "server/service/translation.h"

namespace peregrine::server {

// Who translates a request, and between which languages. Two models in a row:
// `first` from the source into the source of `model`.
struct ModelChoice {
  ServedModelPtr model;
  ChosenLanguages languages;
  ServedModelPtr first;  // null: one model is enough
  ChosenLanguages first_languages;

  // Not empty: a model that has to be loaded first. Choose again then. It is
  // one of `needed`.
  std::string missing;
  std::vector<std::string> needed;

  std::vector<int> texts;  // of the request, that are translated so
  bool stays = false;      // they are not translated, and there is no model
};

// The model that `head` names, or that of its languages; these as the model
// names them. Detects what `texts` are in where the head says so, or where the
// model cannot be told without: then each goes its own way, and there is one
// choice for all that go the same. NOT_FOUND, INVALID_ARGUMENT: there is none.
absl::StatusOr<std::vector<ModelChoice>> ChooseModels(
    const ModelSet& models, const RequestHead& head,
    absl::Span<const absl::string_view> texts);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_
