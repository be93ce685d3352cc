#ifndef PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_

#include <string>
#include <vector>

#include "server/options/cache_options.h"
#include "server/options/request_limits.h"

namespace peregrine::server {

// That gRPC takes of a call beyond the message that is being read.
constexpr int kMaxUnreadBytes = 64 << 10;

// The APIs of others that a server answers beside its own.
struct ApiOptions {
  bool google_v3 = false;
  bool kserve_v2 = false;
  bool deepl_v2 = false;  // this and the following: by REST, behind the edge
  bool libretranslate = false;
  bool google_v2 = false;
};

struct ServiceOptions {
  int max_message_bytes = 4 << 20;  // of one message, inflated
  int max_stream_texts = 64;        // of one stream: read, but not yet answered
  int max_open_calls = 4096;        // of all clients, streams included
  int max_streams_per_client = 256;  // of one that is known by name
  RequestLimits limits;              // of requests that need no model
  ApiOptions apis;
  CacheOptions cache;
  std::string glossaries;  // their directory; empty: none are stored
  int max_glossaries_per_client = 100;  // that it stores by the APIs of others
  // Where buckets of Google Cloud Storage are mounted, each as a folder of its
  // name; empty: nowhere.
  std::string gcs_directory;
  std::vector<std::string> patterns;  // RE2; protected in every text
  bool log_requests = false;
  bool log_texts = false;  // in the lines of requests
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_SERVICE_OPTIONS_H_
