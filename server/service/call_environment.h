#ifndef PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_
#define PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_

#include "server/cache/sentence_cache.h"
#include "server/clients/authenticator.h"
#include "server/connections/peer_accounts.h"
#include "server/metrics/metrics.h"
#include "server/models/models.h"
#include "server/options/service_options.h"
#include "server/service/open_calls.h"
#include "server/service/request_log.h"
#include "server/service/text_resources.h"

namespace peregrine::server {

class DemandLoader;

// What all calls of a server share. Outlives them.
struct CallEnvironment {
  const ModelSet& models;
  const ServiceOptions& options;
  Authenticator& authenticator;
  const RequestLog& request_log;
  Metrics& metrics;
  OpenCalls& open_calls;
  PeerAccounts* peers = nullptr;         // null: nobody wants to know
  SentenceCache* cache = nullptr;        // null: there is none
  const TextResources* texts = nullptr;  // null: there are none
  DemandLoader* loader = nullptr;        // null: there is no catalog of models
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_
