#include "server/options/conflicts.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

// What gRPC needs for connections beside messages.
constexpr int kLeastConnectionBytes = 16 << 20;

bool IsAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  return colon != std::string::npos &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 0 &&
         port <= 65535;
}

// What the options of a model must satisfy together. Empty: all well.
std::string FindConflict(const ModelOptions& options, int max_message_bytes) {
  const auto at_most = [](const char* small, int found, const char* large,
                          int limit) {
    return found <= limit
               ? std::string()
               : absl::StrCat(small, ": found ", found, ", allowed at most ",
                              large, " (", limit, ")");
  };
  const RequestLimits& limits = options.limits;
  const BatcherOptions& batcher = options.batcher;
  const std::string conflicts[] = {
      at_most("--max-beam-size", limits.max_beam_size, "--max-batch-rows",
              batcher.session.max_rows),
      at_most("--max-texts-per-request", limits.max_texts,
              "--max-queue-sentences", batcher.queue.max_sentences),
      at_most("--max-text-bytes", limits.max_text_bytes, "--max-message-bytes",
              max_message_bytes),
      at_most("--max-text-bytes", limits.max_text_bytes, "--max-response-bytes",
              limits.max_response_bytes),
      at_most("--min-admission-tokens", batcher.admission.min_tokens,
              "--max-admission-tokens", batcher.admission.max_tokens)};
  for (const std::string& conflict : conflicts) {
    if (!conflict.empty()) return conflict;
  }
  return "";
}

}  // namespace

std::string FindConflict(const Config& config) {
  if (config.models.empty() && config.models_directory.empty()) {
    return "--model: found none, needed at least one, or --models";
  }
  if (config.models_directory.empty() && config.model_memory_mib > 0) {
    return "--model-memory-mib: found it without --models: those of --model "
           "stay";
  }
  for (const ModelSource& model : config.models) {
    if (model.directory.empty())
      return "--model: found an empty directory name";
  }
  if (!IsAddress(config.listen)) {
    return "--listen: found " + config.listen + ", needed HOST:PORT";
  }
  if (config.metrics_listen != "off" && !IsAddress(config.metrics_listen)) {
    return "--metrics-listen: found " + config.metrics_listen +
           ", needed HOST:PORT or off";
  }
  if (config.admin_listen != "off" && !IsAddress(config.admin_listen)) {
    return "--admin-listen: found " + config.admin_listen +
           ", needed HOST:PORT or off";
  }
  if (config.tls.certificate.empty() != config.tls.key.empty()) {
    return "--tls-certificate and --tls-key: found one, needed both or none";
  }
  if (config.tls.certificate.empty() && !config.tls.client_ca.empty()) {
    return "--tls-client-ca: found it without --tls-certificate";
  }
  const int64_t least_connection_bytes =
      int64_t{2} * config.service.max_message_bytes + kLeastConnectionBytes;
  if (config.max_connection_bytes < least_connection_bytes) {
    return absl::StrCat("--max-connection-bytes: found ",
                        config.max_connection_bytes, ", needed at least ",
                        least_connection_bytes,
                        ", for two messages of --max-message-bytes");
  }
  if (config.service.log_texts && !config.service.log_requests) {
    return "--unsafe-log-texts: found it without --log-requests";
  }
  std::string conflict =
      FindConflict(config.model_options, config.service.max_message_bytes);
  for (const ModelOverride& override : config.model_overrides) {
    if (!conflict.empty()) break;
    conflict = FindConflict(config.OptionsOf(override.model),
                            config.service.max_message_bytes);
    if (!conflict.empty()) {
      conflict =
          absl::StrCat("--model-limit of ", override.model, ": ", conflict);
    }
  }
  return conflict;
}

}  // namespace peregrine::server
