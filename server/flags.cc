#include "server/flags.h"

#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/kernels/precision.h"
#include "server/config_file.h"
#include "server/declared_flags.h"
#include "server/environment.h"
#include "server/options/conflicts.h"

namespace peregrine::server {
namespace {

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

// Decides what was left open. INVALID_ARGUMENT: a device cannot multiply so, or
// there is none for the threads.
absl::Status CompleteDevices(DeclaredFlags& flags) {
  FlagValues& values = flags.values();
  Config& config = values.config;
  const int threads = values.threads_per_worker;
  if (config.devices.empty()) config.devices.emplace_back();
  int& total = config.model_options.batcher.num_workers;
  const bool said = flags.app().count("--workers") > 0;
  const int on_cpu = said ? total : std::max(1, total / threads);
  total = 0;
  bool threads_used = threads == 1;
  for (DeviceWorkers& workers : config.devices) {
    kernels::Device& device = workers.device;
    const bool is_gpu = device.kind == kernels::Device::Kind::kCuda;
    device.memory_bytes = static_cast<size_t>(values.gpu_memory_mib) << 20;
    if (device.kind == kernels::Device::Kind::kCpu) {
      device.num_threads = threads;
      threads_used = true;
    }
    if (workers.num_workers == 0) workers.num_workers = is_gpu ? 1 : on_cpu;
    total += workers.num_workers;
    const auto parsed = kernels::ParsePrecision(values.precision, device);
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--precision: ", parsed.status().message()));
    }
    workers.precision = *parsed;
  }
  if (threads_used) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--threads-per-worker: found ", threads,
      ", but only the device cpu shares work between threads, and --devices "
      "has ",
      DeviceNames(config.devices)));
}

std::set<std::string> VariablesOf(const CLI::App& app) {
  std::set<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_envname().empty()) names.insert(option->get_envname());
  }
  return names;
}

// What is wrong with these arguments by themselves, as far as CLI11 sees it.
// Empty: nothing.
std::string FindFault(std::vector<std::string> arguments) {
  DeclaredFlags flags;
  flags.IgnoreEnvironment();
  try {
    flags.Parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> ArgumentsOf(const std::string& name,
                                     const std::vector<std::string>& values) {
  std::vector<std::string> arguments;
  for (const std::string& value : values) {
    // CLI11 takes `--name=` for a name without a value.
    if (value.empty()) arguments.push_back(absl::StrCat("--", name));
    arguments.push_back(value.empty() ? ""
                                      : absl::StrCat("--", name, "=", value));
  }
  return arguments;
}

// Where an option is said more than once, the command line is heard first, then
// the config file, then the environment. CLI11 does the same, but names neither
// files and lines nor variables in its errors.
class Sources {
 public:
  explicit Sources(std::vector<std::string> arguments)
      : arguments_(std::move(arguments)) {
    for (size_t i = 0; i < arguments_.size(); ++i) {
      absl::string_view argument = arguments_[i];
      if (!absl::ConsumePrefix(&argument, "--")) continue;
      const size_t equals = argument.find('=');
      const absl::string_view name = argument.substr(0, equals);
      if (name == "help" || name == "version") is_question_ = true;
      said_.insert(flags_.Find(name));
      if (name != "config") continue;
      config_origin_ = "--config";
      config_path_ = equals != absl::string_view::npos
                         ? std::string(argument.substr(equals + 1))
                     : i + 1 < arguments_.size() ? arguments_[i + 1]
                                                 : "";
    }
    const char* variable = getenv("PEREGRINE_CONFIG");
    if (config_origin_.empty() && variable != nullptr && *variable != '\0') {
      config_origin_ = "PEREGRINE_CONFIG";
      config_path_ = variable;
    }
  }

  // INVALID_ARGUMENT names the file and its line.
  absl::Status ReadFile() {
    // That no path follows --config CLI11 says.
    if (config_path_.empty() || is_question_) return absl::OkStatus();
    const auto named = [this](absl::string_view separator,
                              const absl::Status& status) {
      return absl::InvalidArgumentError(absl::StrCat(
          config_origin_, ": ", config_path_, separator, status.message()));
    };
    const auto text = ReadConfigFile(config_path_);
    if (!text.ok()) return named(" ", text.status());
    auto lines = ParseConfigText(*text);
    if (!lines.ok()) return named(" ", lines.status());
    for (const ConfigLine& line : *lines) {
      if (const absl::Status status = Take(line); !status.ok()) {
        return named(absl::StrCat(" line ", line.number, ": "), status);
      }
    }
    return absl::OkStatus();
  }

  // INVALID_ARGUMENT names the variable.
  absl::Status CheckEnvironment() const {
    for (const CLI::Option* option : flags_.app().get_options()) {
      const std::string& variable = option->get_envname();
      const char* value = variable.empty() ? nullptr : getenv(variable.c_str());
      if (value == nullptr || *value == '\0' || said_.count(option) > 0 ||
          in_file_.count(option) > 0 || variable == "PEREGRINE_CONFIG") {
        continue;
      }
      const std::string fault =
          FindFault(ArgumentsOf(option->get_lnames().front(), {value}));
      if (fault.empty()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("environment: ", variable, ": ", fault));
    }
    return absl::OkStatus();
  }

  // Of the file and the command line.
  std::vector<std::string> arguments() const {
    std::vector<std::string> all = of_file_;
    all.insert(all.end(), arguments_.begin(), arguments_.end());
    return all;
  }

 private:
  absl::Status Take(const ConfigLine& line) {
    const CLI::Option* const option = flags_.Find(line.name);
    if (option == nullptr) {
      std::set<std::string> names;
      for (const CLI::Option* one : flags_.app().get_options()) {
        for (const std::string& name : one->get_lnames()) {
          if (flags_.Find(name) != nullptr) names.insert(name);
        }
      }
      const std::string nearest = NearestName(line.name, names);
      return absl::InvalidArgumentError(absl::StrCat(
          "found ", line.name, ", which is no option",
          nearest.empty() ? "" : absl::StrCat("; is ", nearest, " meant?")));
    }
    std::vector<std::string> arguments = ArgumentsOf(line.name, line.values);
    if (const std::string fault = FindFault(arguments); !fault.empty()) {
      return absl::InvalidArgumentError(fault);
    }
    const auto [first, is_new] = in_file_.emplace(option, line.number);
    if (!is_new) {  // by its other name
      return absl::InvalidArgumentError(absl::StrCat(
          "found ", line.name, ", which line ", first->second, " has set"));
    }
    if (said_.count(option) > 0) return absl::OkStatus();  // heard before it
    of_file_.insert(of_file_.end(), arguments.begin(), arguments.end());
    return absl::OkStatus();
  }

  const DeclaredFlags flags_;  // their names
  const std::vector<std::string> arguments_;
  bool is_question_ = false;   // for help, whatever the file says
  std::string config_origin_;  // empty: there is no file
  std::string config_path_;
  std::set<const CLI::Option*> said_;          // on the command line
  std::map<const CLI::Option*, int> in_file_;  // and its line
  std::vector<std::string> of_file_;
};

}  // namespace

ParsedConfig ParseConfig(std::vector<std::string> arguments) {
  ParsedConfig result;
  const auto refuse = [&result](absl::string_view why) {
    result.exit_code = 2;
    result.output =
        absl::StrCat(why, "\nRun with --help for more information.\n");
    return result;
  };
  DeclaredFlags flags;
  const UnknownVariables unknown =
      FindUnknownVariables(environ, VariablesOf(flags.app()));
  if (!unknown.status.ok()) return refuse(unknown.status.message());
  Sources sources(std::move(arguments));
  absl::Status status = sources.ReadFile();
  if (status.ok()) status = sources.CheckEnvironment();
  if (!status.ok()) return refuse(status.message());

  try {
    flags.Parse(sources.arguments());
  } catch (const CLI::ParseError& error) {
    std::ostringstream output, errors;
    const bool asked = flags.app().exit(error, output, errors) == 0;
    result.exit_code = asked ? 0 : 2;
    result.output = asked ? output.str() : errors.str();
    return result;
  }
  status = CompleteDevices(flags);
  if (!status.ok()) return refuse(status.message());
  Config& config = flags.values().config;
  config.unknown_variables = unknown.names;
  AddModelSources(flags.values().models, config);
  config.service.limits = config.model_options.limits;
  config.service.cache.max_bytes = int64_t{flags.values().cache_mib} << 20;
  if (const std::string conflict = FindConflict(config); !conflict.empty()) {
    return refuse(conflict);
  }
  result.config = std::move(config);
  return result;
}

}  // namespace peregrine::server
