#include "server/flags.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "engine/kernels/precision.h"
#include "server/config_file.h"
#include "server/environment.h"
#include "server/options/conflicts.h"
#include "server/options/model_override.h"
#include "server/process/cpu_count.h"

namespace peregrine::server {
namespace {

constexpr int kMaxWorkers = 1024;

constexpr char kDescription[] =
    "Serves translation models over gRPC (peregrine.v1.TranslationService).\n"
    "Every option can be set by an environment variable too, named in "
    "brackets,\n"
    "and in the file given by --config, one `name = value` a line. The "
    "command\n"
    "line outranks the file, and that the environment.";

// Declares the flags; the values land in the Config.
class Flags {
 public:
  Flags(CLI::App& app, Config& config) : app_(app), config_(config) {}

  void AddModels(std::vector<std::string>& models, std::string& precision) {
    Name("model",
         app_.add_option("--model", models,
                         "Model directory, or NAME=DIRECTORY to serve it under "
                         "another name than its own. May be repeated, or hold "
                         "several with commas between. Required")
             ->type_name("[NAME=]DIR")
             ->delimiter(','));
    const auto parse_devices = [this](const std::vector<std::string>& names) {
      for (const std::string& name : names) {
        const auto workers = ParseDeviceWorkers(name);
        if (!workers.ok()) {
          throw CLI::ValidationError("--devices",
                                     std::string(workers.status().message()));
        }
        config_.devices.push_back(*workers);
      }
    };
    Name("devices",
         app_.add_option_function<std::vector<std::string>>(
                 "--devices,--device", parse_devices,
                 "What computes, and with how many workers of each model: cpu, "
                 "cpu:2, cuda:0, cuda:1:2, cpu-onednn, or reference (slow: for "
                 "tests). Several with commas between share one queue")
             ->type_name("DEVICE[:WORKERS]")
             ->delimiter(',')
             ->default_str("cpu"));
    AddPositive("gpu-memory-mib", gpu_memory_mib_,
                "Memory that all models share on each GPU, taken at the start; "
                "by default nine tenths of what is free");
    Add("precision", precision,
        "What linear layers multiply in: float32, bf16, fp16 (on a GPU), int8 "
        "(on a CPU), or auto: fp16 on a GPU, int8 where the CPU is faster at "
        "it, else float32")
        ->check(CLI::IsMember({"float32", "bf16", "fp16", "int8", "auto"}));
    Add("workers", config_.model_options.batcher.num_workers,
        "Worker threads of each model on a CPU, unless --devices says how "
        "many; by default the number of CPUs, over --threads-per-worker")
        ->check(CLI::Range(1, kMaxWorkers));
    Add("threads-per-worker", threads_per_worker_,
        "Threads that share the work of each worker on the device cpu, so that "
        "a lone request is answered sooner. Under load, as many workers of one "
        "thread do more")
        ->check(CLI::Range(1, 256));
  }

  // After parsing: decides what was left open. INVALID_ARGUMENT: a device
  // cannot multiply so, or there is none for the threads.
  absl::Status CompleteDevices(const std::string& precision) {
    if (config_.devices.empty()) config_.devices.emplace_back();
    int& total = config_.model_options.batcher.num_workers;
    const bool said = app_.count("--workers") > 0;
    const int on_cpu = said ? total : std::max(1, total / threads_per_worker_);
    total = 0;
    bool threads_used = threads_per_worker_ == 1;
    for (DeviceWorkers& workers : config_.devices) {
      kernels::Device& device = workers.device;
      const bool is_gpu = device.kind == kernels::Device::Kind::kCuda;
      device.memory_bytes = static_cast<size_t>(gpu_memory_mib_) << 20;
      if (device.kind == kernels::Device::Kind::kCpu) {
        device.num_threads = threads_per_worker_;
        threads_used = true;
      }
      if (workers.num_workers == 0) workers.num_workers = is_gpu ? 1 : on_cpu;
      total += workers.num_workers;
      const auto parsed = kernels::ParsePrecision(precision, device);
      if (!parsed.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--precision: ", parsed.status().message()));
      }
      workers.precision = *parsed;
    }
    if (threads_used) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "--threads-per-worker: found ", threads_per_worker_,
        ", but only the device cpu shares work between threads, and --devices "
        "has ",
        DeviceNames(config_.devices)));
  }

  void AddAddresses() {
    app_.option_defaults()->group("Addresses");
    Add("listen", config_.listen,
        "HOST:PORT for gRPC; :PORT is all interfaces, port 0 any free one. "
        "See Security for encryption and authentication");
    Add("metrics-listen", config_.metrics_listen,
        "HOST:PORT for Prometheus (/metrics), or off");
    Add("admin-listen", config_.admin_listen,
        "HOST:PORT of peregrine.v1.AdminService, which loads and unloads "
        "models while the server runs, or off. Whoever reaches it can have any "
        "directory read");
    Add("port-file", config_.port_file,
        "Write the ports, once serving, to this file: lines `grpc PORT`, "
        "`metrics PORT` and `admin PORT`, but for what is off");
    AddPositive("max-message-bytes", config_.service.max_message_bytes,
                "Longest message taken, compressed or not");
    AddPositive("max-connection-bytes", config_.max_connection_bytes,
                "Memory for connections and messages; beyond, connections are "
                "slowed down and dropped");
    AddPositive("max-memory-mib", config_.max_memory_mib,
                "Memory of the process: near it, the connections that sent the "
                "most for no calls are shut down. By default what the "
                "container or machine has");
    AddPositive("max-connections", config_.max_connections,
                "Connections at a time, where the process may open that many "
                "files; beyond, they are closed at once");
    Add("max-connections-per-address", config_.max_connections_per_address,
        "Of them, from one address (IPv6: the first 64 bits), so that no "
        "client takes all places. All clients behind one proxy count as one. "
        "0: no limit")
        ->check(CLI::Range(0, std::numeric_limits<int>::max()));
    AddPositive("max-concurrent-streams", config_.max_concurrent_streams,
                "Calls at a time of one connection");
    AddPositive("max-open-calls", config_.service.max_open_calls,
                "Calls at a time of all clients, streams included; beyond, "
                "RESOURCE_EXHAUSTED");
    AddPositive("max-streams-per-client",
                config_.service.max_streams_per_client,
                "Streams at a time of one client that is known by its token or "
                "certificate");
    AddDuration("max-connection-idle", config_.max_connection_idle,
                "Close connections that have had no call for this long; their "
                "clients connect anew when they call. 0s: never");
    AddDuration("max-connection-age", config_.max_connection_age,
                "Ask clients to connect anew after this time, so that they "
                "find servers that were added; calls in progress are "
                "finished. 0s: never");
    AddDuration("keepalive-time", config_.keepalive_time,
                "Ping a silent client after this time", absl::Seconds(1));
    AddDuration("keepalive-timeout", config_.keepalive_timeout,
                "Drop a client that does not answer a ping, or does not "
                "finish connecting, in this time",
                absl::Seconds(1));
    AddDuration("min-ping-interval", config_.min_ping_interval,
                "Drop a client that pings more often than this");
  }

  void AddSecurity() {
    app_.option_defaults()->group("Security");
    Add("tls-certificate", config_.tls.certificate,
        "Encrypt: file of the server's certificate and those above it, in PEM");
    Add("tls-key", config_.tls.key, "File of its private key, in PEM");
    Add("tls-client-ca", config_.tls.client_ca,
        "Mutual TLS: clients must have a certificate of an authority in this "
        "file");
    AddDuration("tls-refresh", config_.tls.refresh,
                "Look for changed certificates so often", absl::Seconds(1));
    Add("token-file", config_.token_file,
        "Require a token (`authorization: Bearer TOKEN`) of this file: lines "
        "`NAME SHA256 [requests-per-second=N] [max-requests=N] [weight=N] "
        "[admin]`. Read again when it changes");
  }

  void AddRequestLimits() {
    app_.option_defaults()->group("Limits of requests");
    RequestLimits& limits = config_.model_options.limits;
    AddPositive("max-texts-per-request", limits.max_texts,
                "Texts of one request");
    AddPositive("max-text-bytes", limits.max_text_bytes, "Bytes of one text");
    AddPositive("max-beam-size", limits.max_beam_size, "Largest beam_size");
    AddPositive("max-response-bytes", limits.max_response_bytes,
                "Longest answer that is begun: the bytes of a request times "
                "the hypotheses asked for. Clients of gRPC take 4 MiB unless "
                "they are told otherwise");
    AddPositive("max-stream-texts", config_.service.max_stream_texts,
                "Texts of one stream that are read but not yet answered");
  }

  void AddBatching() {
    app_.option_defaults()->group("Queue and batches, of each model");
    BatcherOptions& batcher = config_.model_options.batcher;
    AddPositive("max-queue-sentences", batcher.queue.max_sentences,
                "Sentences that may wait; beyond, RESOURCE_EXHAUSTED");
    AddPositive("max-queue-tokens", batcher.queue.max_source_tokens,
                "Source tokens that may wait");
    AddDuration("max-queue-age", batcher.queue.max_age,
                "A sentence that waited longer is overtaken by none");
    AddPositive("max-batch-rows", batcher.session.max_rows,
                "Live hypotheses of one worker: the sum of beam sizes");
    AddPositive("max-batch-tokens", batcher.session.max_source_tokens,
                "Source tokens of the live sentences of one worker");
    AddPositive("max-admission-tokens", batcher.admission.max_tokens,
                "Source tokens of one encoder run; live sentences wait for it");
    AddPositive("min-admission-tokens", batcher.admission.min_tokens,
                "Run the encoder beside live sentences for no fewer tokens");
    AddDuration("max-admission-wait", batcher.admission.max_wait,
                "Or when this time has passed since its last run");
  }

  void AddModelLimits() {
    app_.option_defaults()->group("Limits of one model");
    const auto parse = [this](const std::vector<std::string>& settings) {
      for (const std::string& setting : settings) {
        auto parsed = ParseModelOverride(setting);
        if (!parsed.ok()) {
          throw CLI::ValidationError("--model-limit",
                                     std::string(parsed.status().message()));
        }
        config_.model_overrides.push_back(*std::move(parsed));
      }
      return true;
    };
    Name("model-limit",
         app_.add_option_function<std::vector<std::string>>(
                 "--model-limit", parse,
                 "One of the options of queue, batches, workers and requests, "
                 "for one model, e.g. en-de.max-queue-sentences=100. May be "
                 "repeated, or hold several with commas between")
             ->type_name("MODEL.OPTION=NUMBER")
             ->delimiter(','));
  }

  void AddOperation() {
    app_.option_defaults()->group("Operation");
    AddDuration("drain-timeout", config_.drain_timeout,
                "After SIGTERM or SIGINT, time for calls to finish");
    Name("log-requests",
         app_.add_flag("--log-requests", config_.service.log_requests,
                       "Log a line of JSON for each call: request id, trace, "
                       "client, model, outcome and seconds; no text"));
    Name("unsafe-log-texts",
         app_.add_flag("--unsafe-log-texts", config_.service.log_texts,
                       "Put texts and translations into the lines of "
                       "--log-requests, in the clear: for debugging where no "
                       "text is private"));
    Add("log-level", config_.log_level, "Least level that is logged")
        ->check(CLI::IsMember(
            {"trace", "debug", "info", "warning", "error", "critical", "off"}));
  }

 private:
  template <typename T>
  CLI::Option* Add(const std::string& name, T& value, const std::string& help) {
    return Name(
        name, app_.add_option("--" + name, value, help)->capture_default_str());
  }

  void AddPositive(const std::string& name, int& value,
                   const std::string& help) {
    // CLI::PositiveNumber's errors spell out the largest double.
    Add(name, value, help)
        ->check(CLI::Range(1, std::numeric_limits<int>::max(), "POSITIVE"));
  }

  void AddDuration(const std::string& name, absl::Duration& value,
                   const std::string& help,
                   absl::Duration least = absl::ZeroDuration()) {
    const auto parse = [name, least, &value](const std::string& text) {
      absl::Duration parsed;
      if (!absl::ParseDuration(text, &parsed) || parsed < least ||
          parsed > absl::Hours(24)) {
        throw CLI::ValidationError(
            "--" + name, absl::StrCat("found ", text, ", allowed ",
                                      least > absl::ZeroDuration()
                                          ? absl::FormatDuration(least)
                                          : "0s",
                                      " to 24h, e.g. 500ms or 30s"));
      }
      value = parsed;
    };
    Name(name, app_.add_option_function<std::string>("--" + name, parse, help)
                   ->type_name("DURATION")
                   ->default_str(absl::FormatDuration(value)));
  }

  CLI::Option* Name(const std::string& flag, CLI::Option* option) {
    return option->envname(
        "PEREGRINE_" +
        absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
  }

  CLI::App& app_;
  Config& config_;
  int gpu_memory_mib_ = 0;
  int threads_per_worker_ = 1;
};

void AddModelSources(const std::vector<std::string>& flags, Config& config) {
  for (const std::string& flag : flags) {
    const size_t equals = flag.find('=');
    ModelSource source;
    if (equals == std::string::npos) {
      source.directory = flag;
    } else {
      source.name = flag.substr(0, equals);
      source.directory = flag.substr(equals + 1);
    }
    config.models.push_back(std::move(source));
  }
}

std::set<std::string> VariablesOf(const CLI::App& app) {
  std::set<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_envname().empty()) names.insert(option->get_envname());
  }
  return names;
}

constexpr absl::string_view kConfigFlag = "--config";

// CLI11 reads the file before it looks at the environment.
void AddConfigOfEnvironment(std::vector<std::string>& arguments) {
  const char* path = getenv("PEREGRINE_CONFIG");
  if (path == nullptr || *path == '\0') return;
  for (const std::string& argument : arguments) {
    if (argument == kConfigFlag || absl::StartsWith(argument, "--config=")) {
      return;
    }
  }
  arguments.push_back(absl::StrCat("--config=", path));
}

// That the text of the config file is sound, as far as CLI11 does not look.
absl::Status CheckConfigOf(const std::vector<std::string>& arguments) {
  std::string path;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (absl::ConsumePrefix(&argument, "--config="))
      path = std::string(argument);
    if (arguments[i] == kConfigFlag && i + 1 < arguments.size()) {
      path = arguments[i + 1];
    }
  }
  // A pipe can be read only once.
  if (path.empty() || !std::filesystem::is_regular_file(path)) {
    return absl::OkStatus();
  }
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  const absl::Status status = CheckConfigText(text.str());
  return status.ok() ? status
                     : absl::InvalidArgumentError(absl::StrCat(
                           "--config: ", path, " ", status.message()));
}

}  // namespace

ParsedConfig ParseConfig(std::vector<std::string> arguments) {
  ParsedConfig result;
  Config config;
  config.model_options.batcher.num_workers = AvailableCpus();
  std::vector<std::string> models;
  std::string precision = "auto";

  CLI::App app(kDescription, "peregrine-server");
  app.set_version_flag("--version",
                       std::string("peregrine-server ") + PEREGRINE_VERSION);
  app.set_config("--config", "", "File of options, in TOML")
      ->envname("PEREGRINE_CONFIG");
  app.allow_config_extras(false);
  Flags flags(app, config);
  flags.AddModels(models, precision);
  flags.AddAddresses();
  flags.AddSecurity();
  flags.AddRequestLimits();
  flags.AddBatching();
  flags.AddModelLimits();
  flags.AddOperation();

  const auto refuse = [&result](absl::string_view why) {
    result.exit_code = 2;
    result.output =
        absl::StrCat(why, "\nRun with --help for more information.\n");
    return result;
  };
  const UnknownVariables unknown =
      FindUnknownVariables(environ, VariablesOf(app));
  if (!unknown.status.ok()) return refuse(unknown.status.message());
  config.unknown_variables = unknown.names;
  AddConfigOfEnvironment(arguments);
  if (absl::Status status = CheckConfigOf(arguments); !status.ok()) {
    return refuse(status.message());
  }

  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    std::ostringstream output, errors;
    const bool asked = app.exit(error, output, errors) == 0;
    result.exit_code = asked ? 0 : 2;
    result.output = asked ? output.str() : errors.str();
    return result;
  }
  if (absl::Status status = flags.CompleteDevices(precision); !status.ok()) {
    return refuse(status.message());
  }
  AddModelSources(models, config);
  if (const std::string conflict = FindConflict(config); !conflict.empty()) {
    return refuse(conflict);
  }
  result.config = std::move(config);
  return result;
}

}  // namespace peregrine::server
