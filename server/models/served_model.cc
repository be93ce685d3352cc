#include "server/models/served_model.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {

absl::StatusOr<std::unique_ptr<ServedModel>> ServedModel::Start(
    std::unique_ptr<const ModelBackend> backend, const ModelOptions& options,
    std::shared_ptr<ModelMetrics> metrics) {
  auto model = absl::WrapUnique(new ServedModel);
  model->backend_ = std::move(backend);
  const ModelInfo& info = model->info();
  model->identity_ = absl::StrCat(info.revision, " ", info.device, " ",
                                  info.precision, " ", info.products);
  model->limits_ = options.limits;
  model->metrics_ = std::move(metrics);
  PEREGRINE_ASSIGN_OR_RETURN(
      model->batcher_,
      Batcher::Start(*model->backend_, options.batcher, *model->metrics_));
  return model;
}

}  // namespace peregrine::server
