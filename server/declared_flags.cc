#include "server/declared_flags.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/languages/language_tag.h"
#include "server/languages/routes.h"
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

// Declares the flags; the values land in the FlagValues.
class Declarations {
 public:
  Declarations(CLI::App& app, FlagValues& values)
      : app_(app), config_(values.config), values_(values) {}

  void AddModels() {
    Name("model",
         app_.add_option("--model", values_.models,
                         "Model directory, or NAME=DIRECTORY to serve it under "
                         "another name than its own. May be repeated, or hold "
                         "several with commas between. Required")
             ->type_name("[NAME=]DIR")
             ->delimiter(','));
    Add("models", config_.models_directory,
        "Directory tree of models that are loaded when they are first asked "
        "for, and unloaded again")
        ->type_name("DIR");
    AddPositive("model-memory-mib", config_.model_memory_mib,
                "Memory for the weights of all models: to make room, models of "
                "--models that were not used the longest are unloaded. By "
                "default any");
    AddDuration("model-idle", config_.model_idle,
                "Unload models of --models that nobody used for this long; "
                "0s: never");
    const auto parse_devices =
        [&config = config_](const std::vector<std::string>& names) {
          for (const std::string& name : names) {
            const auto workers = ParseDeviceWorkers(name);
            if (!workers.ok()) {
              throw CLI::ValidationError(
                  "--devices", std::string(workers.status().message()));
            }
            config.devices.push_back(*workers);
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
    AddPositive("gpu-memory-mib", values_.gpu_memory_mib,
                "Memory that all models share on each GPU, taken at the start; "
                "by default nine tenths of what is free");
    Add("precision", values_.precision,
        "What linear layers multiply in: float32, bf16, fp16 (on a GPU), int8 "
        "(on a CPU), or auto: fp16 on a GPU, int8 where the CPU is faster at "
        "it, else float32")
        ->check(CLI::IsMember({"float32", "bf16", "fp16", "int8", "auto"}));
    Add("workers", config_.model_options.batcher.num_workers,
        "Worker threads of each model on a CPU, unless --devices says how "
        "many; by default the number of CPUs, over --threads-per-worker")
        ->check(CLI::Range(1, kMaxWorkers));
    Add("threads-per-worker", values_.threads_per_worker,
        "Threads that share the work of each worker on the device cpu, so that "
        "a lone request is answered sooner. Under load, as many workers of one "
        "thread do more")
        ->check(CLI::Range(1, 256));
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
                "Memory for connections and messages. Where half of it is used "
                "up, the connections that sent the most for no calls, or take "
                "no answers, are shut down");
    AddPositive("max-memory-mib", config_.max_memory_mib,
                "Memory of the process: near it, the connections that sent the "
                "most for no calls are shut down, and a server that needs more "
                "does not start. By default what the container or machine has");
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

  void AddCache() {
    app_.option_defaults()->group("Cache of translations");
    Add("cache-mib", values_.cache_mib,
        "Memory for translations of sentences, which are given again where the "
        "same model is asked for the same sentence in the same way. 0: keep "
        "none")
        ->check(CLI::Range(0, 1 << 20));
    Name("cache-per-client",
         app_.add_flag("--cache-per-client", config_.service.cache.per_client,
                       "Give no client what another one asked for, nor "
                       "anything kept to those without a name (of a token or "
                       "certificate): the time of an answer would tell them "
                       "that somebody asked"));
  }

  void AddModelLimits() {
    app_.option_defaults()->group("Limits of one model");
    const auto parse = [&config =
                            config_](const std::vector<std::string>& settings) {
      for (const std::string& setting : settings) {
        auto parsed = ParseModelOverride(setting);
        if (!parsed.ok()) {
          throw CLI::ValidationError("--model-limit",
                                     std::string(parsed.status().message()));
        }
        config.model_overrides.push_back(*std::move(parsed));
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

  void AddLanguages() {
    app_.option_defaults()->group("Languages and APIs");
    Add("default-source-language", config_.routes.default_source,
        "Taken where the language of a text is to be detected and is not "
        "certain; by default the most likely one")
        ->check(IsLanguage);
    const auto prefer = [&config =
                             config_](const std::vector<std::string>& routes) {
      for (const std::string& route : routes) {
        auto parsed = ParsePreferredModel(route);
        if (!parsed.ok()) {
          throw CLI::ValidationError("--prefer-model",
                                     std::string(parsed.status().message()));
        }
        config.routes.preferred.push_back(*std::move(parsed));
      }
    };
    Name("prefer-model",
         app_.add_option_function<std::vector<std::string>>(
                 "--prefer-model", prefer,
                 "Of several models of one pair of languages, the one that "
                 "answers requests that name none. May be repeated, or hold "
                 "several with commas between")
             ->type_name("SOURCE/TARGET=MODEL")
             ->delimiter(','));
    const auto pivot = [&config =
                            config_](const std::vector<std::string>& names) {
      config.routes.pivots = names;
      if (names == std::vector<std::string>{"off"}) config.routes.pivots = {};
    };
    Name("pivot",
         app_.add_option_function<std::vector<std::string>>(
                 "--pivot", pivot,
                 "Languages over which a pair is translated, by two models in "
                 "a row, that no model translates; the first that will do. "
                 "any: any other, by name. off: none")
             ->type_name("LANGUAGE")
             ->delimiter(',')
             ->default_str("en,any")
             ->check(IsPivot));
    Add("glossaries", config_.service.glossaries,
        "Directory of glossaries, NAME.tsv and NAME.tbx, that requests name "
        "(docs/text.md). Changes are noticed; those by "
        "peregrine.v1.GlossaryService, at --admin-listen, and by APIs of "
        "others (docs/apis.md) are kept there")
        ->type_name("DIR");
    Add("max-glossaries-per-client", config_.service.max_glossaries_per_client,
        "Glossaries that a client may store by APIs of others. 0: none")
        ->check(CLI::Range(0, 1000));
    Add("gcs-directory", config_.service.gcs_directory,
        "Where buckets of Google Cloud Storage are mounted, each as a folder "
        "of "
        "its name (by gcsfuse, say). CreateGlossary of --apis=google-v3 reads "
        "gs://BUCKET/FILE there, of any caller")
        ->type_name("DIR");
    Name("protect-pattern",
         app_.add_option("--protect-pattern", config_.service.patterns,
                         "What matches it comes through untranslated, in every "
                         "text of every model. May be repeated")
             ->type_name("RE2"));
    Name("apis",
         app_.add_option_function<std::vector<std::string>>(
                 "--apis",
                 [&config = config_](const std::vector<std::string>& names) {
                   for (const std::string& name : names)
                     EnableApi(name, config.service.apis);
                 },
                 "APIs of others that are answered too (docs/apis.md): "
                 "google-v3, google-v2, kserve-v2, deepl-v2, libretranslate; "
                 "several with commas between")
             ->type_name("API")
             ->delimiter(',')
             ->check(CLI::IsMember({"google-v3", "google-v2", "kserve-v2",
                                    "deepl-v2", "libretranslate"})));
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

  static std::string IsLanguage(const std::string& name) {
    if (ParseLanguageTag(name).has_value()) return "";
    return "found " + name + ", expected a language such as en or pt-BR";
  }

  static std::string IsPivot(const std::string& name) {
    if (name == kAnyPivot || name == "off") return "";
    return IsLanguage(name);
  }

  static void EnableApi(absl::string_view name, ApiOptions& apis) {
    apis.google_v3 |= name == "google-v3";
    apis.kserve_v2 |= name == "kserve-v2";
    apis.deepl_v2 |= name == "deepl-v2";
    apis.libretranslate |= name == "libretranslate";
    apis.google_v2 |= name == "google-v2";
  }

  CLI::Option* Name(const std::string& flag, CLI::Option* option) {
    return option->envname(
        "PEREGRINE_" +
        absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
  }

  CLI::App& app_;
  Config& config_;
  FlagValues& values_;
};

}  // namespace

DeclaredFlags::DeclaredFlags() : app_(kDescription, "peregrine-server") {
  values_.config.model_options.batcher.num_workers = AvailableCpus();
  app_.set_version_flag("--version",
                        std::string("peregrine-server ") + PEREGRINE_VERSION);
  app_.add_option("--config", values_.config_file, "File of options, in TOML")
      ->type_name("FILE")
      ->envname("PEREGRINE_CONFIG");
  Declarations declarations(app_, values_);
  declarations.AddModels();
  declarations.AddAddresses();
  declarations.AddSecurity();
  declarations.AddRequestLimits();
  declarations.AddBatching();
  declarations.AddCache();
  declarations.AddModelLimits();
  declarations.AddLanguages();
  declarations.AddOperation();
}

void DeclaredFlags::Parse(std::vector<std::string> arguments) {
  // "--name=", as of a variable that is empty: CLI11 would take the next
  // argument for its value.
  for (const std::string& argument : arguments) {
    if (absl::StartsWith(argument, "--") &&
        argument.find('=') == argument.size() - 1) {
      throw CLI::ValidationError(argument.substr(0, argument.size() - 1),
                                 "found nothing after '=', expected a value");
    }
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  app_.parse(std::move(arguments));
}

void DeclaredFlags::IgnoreEnvironment() {
  for (CLI::Option* option : app_.get_options()) option->envname("");
}

const CLI::Option* DeclaredFlags::Find(absl::string_view name) const {
  if (name == "config" || name == "version" || name == "help") return nullptr;
  return app_.get_option_no_throw(absl::StrCat("--", name));
}

}  // namespace peregrine::server
