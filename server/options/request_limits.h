#ifndef PEREGRINE_SERVER_OPTIONS_REQUEST_LIMITS_H_
#define PEREGRINE_SERVER_OPTIONS_REQUEST_LIMITS_H_

namespace peregrine::server {

// What a request to a model may ask for; see the flags in flags.cc.
struct RequestLimits {
  int max_texts = 1024;
  int max_text_bytes = 65536;
  int max_beam_size = 16;
  // What clients of gRPC take unless they are told otherwise.
  int max_response_bytes = 4 << 20;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_REQUEST_LIMITS_H_
