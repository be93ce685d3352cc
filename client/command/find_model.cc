#include "client/command/find_model.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::client {

absl::StatusOr<v1::Model> FindModel(const TranslationClient& client,
                                    const std::string& name,
                                    const std::string& target_language) {
  if (!name.empty()) return client.GetModel(name);
  absl::StatusOr<std::vector<v1::Model>> models = client.ListModels();
  if (!models.ok()) return models.status();
  if (models->size() == 1) return std::move(models->front());
  if (!target_language.empty()) return v1::Model();
  return absl::InvalidArgumentError(absl::StrCat(
      "name languages (--from, --to), or choose with --model among: ",
      absl::StrJoin(*models, ", ",
                    [](std::string* out, const v1::Model& model) {
                      absl::StrAppend(out, model.name());
                    })));
}

absl::Status CheckOptions(const TranslationClient& client,
                          const v1::Model& model,
                          const TranslationSettings& settings) {
  if (settings.decoding.ByteSizeLong() == 0 && model.languages().empty() &&
      settings.source_language.empty() && settings.target_language.empty()) {
    return absl::OkStatus();
  }
  return client.Translate({""}, settings).status();
}

}  // namespace peregrine::client
