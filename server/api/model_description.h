#ifndef PEREGRINE_SERVER_API_MODEL_DESCRIPTION_H_
#define PEREGRINE_SERVER_API_MODEL_DESCRIPTION_H_

#include "peregrine/v1/translation.pb.h"
#include "server/models/model_catalog.h"
#include "server/models/served_model.h"
#include "server/options/service_options.h"

namespace peregrine::server {

// What ListModels and GetModel tell of a model.
// As far as it is known before it is loaded.
v1::Model DescribeUnloaded(const CatalogModel& model);

v1::Model DescribeModel(const ServedModel& model,
                        const ServiceOptions& options);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_MODEL_DESCRIPTION_H_
