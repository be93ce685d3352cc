#ifndef PEREGRINE_SERVER_OPTIONS_CACHE_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_CACHE_OPTIONS_H_

#include <cstdint>

namespace peregrine::server {

struct CacheOptions {
  int64_t max_bytes = 0;    // 0: nothing is kept
  bool per_client = false;  // no client gets what another one asked for
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_CACHE_OPTIONS_H_
