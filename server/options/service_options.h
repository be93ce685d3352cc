#ifndef PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_

namespace peregrine::server {

struct ServiceOptions {
  int max_stream_texts = 64;  // of one stream: read, but not yet answered
  bool log_requests = false;
  bool log_texts = false;  // in the lines of requests
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_
