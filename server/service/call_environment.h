#ifndef PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_
#define PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_

#include "server/metrics/metrics.h"
#include "server/models/models.h"
#include "server/security/authenticator.h"
#include "server/service/open_calls.h"
#include "server/service/request_log.h"

namespace peregrine::server {

struct ServiceOptions {
  int max_stream_texts = 64;  // of one stream: read, but not yet answered
  bool log_requests = false;
  bool log_texts = false;  // in the lines of requests
};

// What all calls of a service share. Outlives them.
struct CallEnvironment {
  const ModelSet& models;
  const ServiceOptions& options;
  Authenticator& authenticator;
  const RequestLog& request_log;
  OutcomeCounter& requests_without_model;
  OpenCalls& open_calls;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_ENVIRONMENT_H_
