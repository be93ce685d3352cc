#include "server/process/logging.h"

#include <memory>
#include <mutex>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "engine/text/utf8.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "server/process/log_limit.h"
#include "server/process/log_writer.h"
#include "spdlog/sinks/base_sink.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr int kGrpcLinesPerSecond = 5;
constexpr size_t kMaxLoggedBytes = 256;

// Hands formatted lines to the writer.
class WriterSink : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    StderrLog().Write(std::string(line.data(), line.size()));
  }
  void flush_() override {}
};

struct PeerDescription {
  absl::Mutex mutex;
  std::function<std::string()> describe ABSL_GUARDED_BY(mutex);
};

PeerDescription& Peers() {
  static auto* const peers = new PeerDescription;
  return *peers;
}

std::string DescribePeers() {
  absl::MutexLock lock(&Peers().mutex);
  return Peers().describe == nullptr ? "" : Peers().describe();
}

void LogGrpcError(const char* message) {
  static auto* const limit = new LogLimit(kGrpcLinesPerSecond);
  const LogLimit::Decision decision = limit->Next(absl::Now());
  if (!decision.log) return;
  if (decision.left_out > 0) {
    spdlog::warn("grpc: {} lines were left out{}", decision.left_out,
                 DescribePeers());
  }
  spdlog::warn("grpc: {}", Loggable(message));
}

void LogGrpc(gpr_log_func_args* args) {
  switch (args->severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      spdlog::trace("grpc: {}", args->message);
      break;
    case GPR_LOG_SEVERITY_INFO:
      spdlog::debug("grpc: {}", args->message);
      break;
    case GPR_LOG_SEVERITY_ERROR:
      LogGrpcError(args->message);
      break;
  }
}

// Protobuf calls it an error when a client sends what does not parse: that is
// the client's, who is told.
void LogProtobuf(google::protobuf::LogLevel level, const char* /*file*/,
                 int /*line*/, const std::string& message) {
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    spdlog::critical("protobuf: {}", message);
  } else {
    spdlog::debug("protobuf: {}", message);
  }
}

}  // namespace

void InitLogging(const std::string& level) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "peregrine", std::make_shared<WriterSink>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
  gpr_set_log_function(LogGrpc);
  google::protobuf::SetLogHandler(LogProtobuf);
}

void SetPeerDescription(std::function<std::string()> describe) {
  absl::MutexLock lock(&Peers().mutex);
  Peers().describe = std::move(describe);
}

std::string Loggable(absl::string_view text) {
  const bool cut = text.size() > kMaxLoggedBytes;
  return absl::StrCat(
      absl::Utf8SafeCEscape(text::Utf8Prefix(text, kMaxLoggedBytes)),
      cut ? "..." : "");
}

}  // namespace peregrine::server
