#include "server/environment.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kPrefix = "PEREGRINE_";
constexpr size_t kAlmost = 2;  // letters that differ

// Of the command, of tests and scripts, and of the choice of instructions.
constexpr absl::string_view kOfOthers[] = {
    "ADDRESS",     "BIN",       "ISA",   "MODELS",      "PEER_PYTHON",
    "PYTHON",      "RELOADS",   "TOKEN", "SOURCE_DIR",  "VERSION",
    "SOURCE_ROOT", "FAKE_NVML", "CUDA",  "TEXT_GOLDENS"};

bool IsOfOthers(absl::string_view name) {
  return std::find(std::begin(kOfOthers), std::end(kOfOthers), name) !=
             std::end(kOfOthers) ||
         absl::StartsWith(name, "FAULT_");
}

// PEREGRINE_SERVICE_HOST, PEREGRINE_METRICS_PORT_9090_TCP_ADDR and the like.
bool IsOfKubernetes(absl::string_view name) {
  const std::string text = absl::StrCat("_", name);
  return absl::EndsWith(text, "_SERVICE_HOST") ||
         absl::StrContains(text, "_SERVICE_PORT") ||
         absl::EndsWith(text, "_PORT") ||
         (absl::StrContains(text, "_PORT_") &&
          (absl::StrContains(text, "_TCP") || absl::StrContains(text, "_UDP")));
}

// Levenshtein's.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string NearestName(absl::string_view name,
                        const std::set<std::string>& known) {
  std::string nearest;
  size_t least = kAlmost + 1;
  for (const std::string& one : known) {
    const size_t distance = Distance(name, one);
    if (distance >= least) continue;
    least = distance;
    nearest = one;
  }
  return nearest;
}

UnknownVariables FindUnknownVariables(const char* const* environment,
                                      const std::set<std::string>& known) {
  UnknownVariables unknown;
  for (; *environment != nullptr; ++environment) {
    const absl::string_view variable(*environment);
    const absl::string_view name = variable.substr(0, variable.find('='));
    if (!absl::StartsWith(name, kPrefix)) continue;
    const absl::string_view rest = name.substr(kPrefix.size());
    if (known.count(std::string(name)) > 0 || IsOfOthers(rest) ||
        IsOfKubernetes(rest)) {
      continue;
    }
    unknown.names.emplace_back(name);
    const std::string nearest = NearestName(name, known);
    if (nearest.empty()) continue;
    unknown.status.Update(absl::InvalidArgumentError(
        absl::StrCat("environment: found ", name, ", which is no option; is ",
                     nearest, " meant?")));
  }
  return unknown;
}

}  // namespace peregrine::server
