#ifndef PEREGRINE_SERVER_SERVICE_REQUEST_LOG_H_
#define PEREGRINE_SERVER_SERVICE_REQUEST_LOG_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/service/call_ids.h"
#include "server/service/logged_texts.h"

namespace peregrine::server {

// What is logged of a call. No text, unless the server was told to log texts.
struct CallRecord {
  const char* api = "";
  const char* method = "";
  CallIds ids;
  std::string client;  // empty: unknown
  std::string model;   // empty: none that is served
  absl::Status status;
  absl::Time start;
  absl::Duration duration;
  int sentences = 0;
  const LoggedTexts* texts = nullptr;
};

// One line of JSON for each call, on stderr, if it is on. Thread-safe.
class RequestLog {
 public:
  explicit RequestLog(bool on) : on_(on) {}

  bool on() const { return on_; }
  void Write(const CallRecord& record) const;

  // The line. Exposed for its test.
  static std::string Format(const CallRecord& record);

 private:
  const bool on_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_REQUEST_LOG_H_
