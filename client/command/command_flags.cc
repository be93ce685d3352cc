#include "client/command/command_flags.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/trace_context.h"

namespace peregrine::client {
namespace {

// Empty: all well.
std::string ParseDuration(const std::string& text, bool allow_zero,
                          absl::Duration* value) {
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) {
    *value = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, value)) {
    return absl::StrCat("\"", text, "\" is not a duration such as 30s or 1m");
  }
  if (allow_zero && *value == absl::ZeroDuration()) return "";
  return *value > absl::ZeroDuration() ? "" : "must be more than 0";
}

// The contents of a file that a flag names.
std::string ReadFile(const std::string& flag, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents((std::istreambuf_iterator<char>(file)), {});
  if (!file || contents.empty()) {
    throw CLI::ValidationError(
        flag, absl::StrCat("cannot read ", path, ", or empty"));
  }
  return contents;
}

// Takes the token, or says what is wrong with where it came from.
void SetToken(const std::string& origin, absl::string_view text,
              ChannelSecurity* security) {
  const absl::string_view token = absl::StripAsciiWhitespace(text);
  if (const absl::Status status = CheckToken(token); !status.ok()) {
    throw CLI::ValidationError(origin, std::string(status.message()));
  }
  security->token = std::string(token);
}

absl::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? absl::string_view() : value;
}

// A command is no span of its own: it passes on what it was given, unless that
// is no trace context or no metadata.
Metadata TraceOfEnvironment() {
  // More of a tracestate nobody has to pass on.
  constexpr std::size_t kMaxTraceState = 512;
  const auto parent = ParseTraceparent(Environment("TRACEPARENT"));
  if (!parent.has_value()) return {};
  Metadata metadata = {{"traceparent", FormatTraceContext(*parent)}};
  const absl::string_view state = Environment("TRACESTATE");
  if (!state.empty() && state.size() <= kMaxTraceState &&
      std::all_of(state.begin(), state.end(), absl::ascii_isprint)) {
    metadata.emplace_back("tracestate", std::string(state));
  }
  return metadata;
}

// Before anything is sent.
void RefuseTokenInClear(const ServerFlags& flags) {
  if (flags.security.token.empty() || flags.security.tls ||
      flags.token_in_clear || IsLocalAddress(flags.address)) {
    return;
  }
  throw CLI::ValidationError(
      absl::StrCat("the token would be sent to ", flags.address,
                   " in clear, for all between to read: expected --tls, or "
                   "--token-in-clear where the network encrypts"));
}

void AddSecurityFlags(ChannelSecurity* security, CLI::App* command) {
  CLI::Option* tls = command->add_flag(
      "--tls", security->tls,
      "Encrypt; trust the authorities of the system, or of --tls-ca.");
  const auto add_file = [command, tls](const char* name, const char* help,
                                       std::string* contents) {
    return command
        ->add_option_function<std::string>(
            name,
            [name, contents](const std::string& path) {
              *contents = ReadFile(name, path);
            },
            help)
        ->type_name("FILE")
        ->needs(tls);
  };
  add_file("--tls-ca", "Authorities to trust, in PEM.", &security->authorities);
  CLI::Option* certificate =
      add_file("--tls-certificate",
               "The client's own certificate, in PEM, for a server that wants "
               "one.",
               &security->certificate);
  CLI::Option* key =
      add_file("--tls-key", "Its private key, in PEM.", &security->key);
  certificate->needs(key);
  key->needs(certificate);
  command
      ->add_option_function<std::string>(
          "--token-file",
          [security](const std::string& path) {
            SetToken("--token-file", ReadFile("--token-file", path), security);
          },
          "Call with the token in this file; or with that in the environment "
          "variable PEREGRINE_TOKEN.")
      ->type_name("FILE");
  // Not a flag: a command line is for all to see.
  command->preparse_callback([security](std::size_t) {
    const char* token = std::getenv("PEREGRINE_TOKEN");
    if (token != nullptr) SetToken("PEREGRINE_TOKEN", token, security);
  });
}

}  // namespace

ClientOptions CommandOptions(const ServerFlags& flags) {
  ClientOptions options;
  options.security = flags.security;
  options.keepalive_time = flags.keepalive;
  options.metadata = TraceOfEnvironment();
  return options;
}

void AddServerFlags(ServerFlags* flags, CLI::App* command) {
  command->add_option("--address", flags->address, "The server, HOST:PORT.")
      ->envname("PEREGRINE_ADDRESS")
      ->capture_default_str();
  AddSecurityFlags(&flags->security, command);
  command->add_flag("--token-in-clear", flags->token_in_clear,
                    "Send a token to another host without --tls.");
  AddDurationFlag("--keepalive",
                  "Ping a silent server this often while calls are open, to "
                  "notice a cut network; 0: never.",
                  /*allow_zero=*/true, &flags->keepalive, command);
  command->parse_complete_callback([flags] { RefuseTokenInClear(*flags); });
}

void AddPriorityFlag(const std::string& by_default,
                     std::function<void(v1::Priority)> set, CLI::App* command) {
  static const auto& kNames = *new std::map<std::string, v1::Priority>{
      {"bulk", v1::PRIORITY_BULK},
      {"normal", v1::PRIORITY_UNSPECIFIED},
      {"interactive", v1::PRIORITY_INTERACTIVE}};
  command
      ->add_option_function<std::string>(
          "--priority",
          [set = std::move(set)](const std::string& name) {
            set(kNames.at(name));
          },
          absl::StrCat("Share of a busy server: bulk, normal or interactive; ",
                       by_default, "."))
      ->type_name("NAME")
      ->check(CLI::IsMember(kNames));
}

void AddDurationFlag(const std::string& name, const std::string& help,
                     bool allow_zero, absl::Duration* value,
                     CLI::App* command) {
  CLI::Option* option = command->add_option_function<std::string>(
      name,
      [name, allow_zero, value](const std::string& text) {
        const std::string error = ParseDuration(text, allow_zero, value);
        if (!error.empty()) throw CLI::ValidationError(name, error);
      },
      help);
  option->type_name("DURATION");
  if (*value != absl::InfiniteDuration()) {
    option->default_str(absl::FormatDuration(*value));
  }
}

void AddLanguageFlags(std::string* source, std::string* target,
                      CLI::App* command) {
  command
      ->add_option("--from", *source,
                   "Source language, of those that the model lists.")
      ->type_name("LANGUAGE");
  command->add_option("--to", *target, "Target language, likewise.")
      ->type_name("LANGUAGE");
}

void AddDecodingFlags(v1::DecodingOptions* decoding, CLI::App* command) {
  const auto add_int = [command](const char* name, const char* help,
                                 std::function<void(int)> set) {
    command->add_option_function<int>(name, std::move(set), help);
  };
  add_int("--beam-size", "Hypotheses kept at each step; 1 is greedy.",
          [decoding](int value) { decoding->set_beam_size(value); });
  command->add_option_function<float>(
      "--length-penalty",
      [decoding](float value) { decoding->set_length_penalty(value); },
      "Above 0 favours longer translations.");
  add_int("--num-hypotheses", "Translations of each text.",
          [decoding](int value) { decoding->set_num_hypotheses(value); });
  add_int("--min-length", "Fewest target tokens of a sentence.",
          [decoding](int value) { decoding->set_min_length(value); });
  add_int("--max-length", "Most target tokens of a sentence.",
          [decoding](int value) { decoding->set_max_length(value); });
  command->add_flag_callback(
      "--no-shortlist", [decoding] { decoding->set_use_shortlist(false); },
      "Choose among all tokens though the model has a shortlist.");
}

}  // namespace peregrine::client
