#ifndef PEREGRINE_SERVER_DECLARED_FLAGS_H_
#define PEREGRINE_SERVER_DECLARED_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "server/options/config.h"

namespace peregrine::server {

// What flags say: the config, but for what only all of them together say.
struct FlagValues {
  Config config;
  std::vector<std::string> models;  // [NAME=]DIRECTORY
  std::string precision = "auto";
  int gpu_memory_mib = 0;
  int threads_per_worker = 1;
  int cache_mib = 64;
  std::string config_file;
};

// All flags of peregrine-server, their help and what a value of each must be.
class DeclaredFlags {
 public:
  DeclaredFlags();
  DeclaredFlags(const DeclaredFlags&) = delete;
  DeclaredFlags& operator=(const DeclaredFlags&) = delete;

  CLI::App& app() { return app_; }
  const CLI::App& app() const { return app_; }
  FlagValues& values() { return values_; }

  // Throws CLI::ParseError.
  void Parse(std::vector<std::string> arguments);

  // Of the arguments alone from here on.
  void IgnoreEnvironment();

  // By its name without dashes. Null: there is no such option that a config
  // file or a variable may set.
  const CLI::Option* Find(absl::string_view name) const;

 private:
  FlagValues values_;
  CLI::App app_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_DECLARED_FLAGS_H_
