#include "compare/start_models.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compare/machine.h"
#include "compare/model_runner.h"
#include "compare/peers.h"
#include "engine/base/status_macros.h"
#include "engine/formats/checkpoint.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/shapes/random_tensors.h"
#include "engine/translation_model.h"

namespace peregrine::compare {
namespace {

using LoadedModel = absl::StatusOr<std::unique_ptr<const TranslationModel>>;
using Load = std::function<LoadedModel()>;

// Below this the system would soon end one of the processes.
constexpr std::int64_t kLeastMemory = 256 << 20;

// Where the models run: a device and a precision that it has.
struct Place {
  std::string device_name;
  kernels::Device device;
  kernels::Precision precision;
};

// "auto" may be one that is named, too.
absl::StatusOr<std::vector<Place>> ParsePlaces(
    const ComparisonOptions& options) {
  std::vector<Place> places;
  for (const std::string& name : options.devices) {
    PEREGRINE_ASSIGN_OR_RETURN(kernels::Device device,
                               kernels::ParseDevice(name));
    device.memory_bytes = static_cast<std::size_t>(options.gpu_memory_mib)
                          << 20;
    std::set<kernels::Precision> precisions;
    for (const std::string& precision_name : options.precisions) {
      PEREGRINE_ASSIGN_OR_RETURN(
          const kernels::Precision precision,
          kernels::ParsePrecision(precision_name, device));
      if (precisions.insert(precision).second) {
        places.push_back({name, device, precision});
      }
    }
  }
  return places;
}

LoadedModel LoadShape(const Shape& shape, const Place& place) {
  formats::Checkpoint checkpoint;
  checkpoint.format = "random weights";
  checkpoint.config = shape.config;
  checkpoint.tensors = std::make_unique<shapes::RandomTensors>(1);
  return TranslationModel::Create(std::move(checkpoint), shape.name,
                                  place.device, place.precision);
}

// In the process of the model.
void LoadAndServe(const Load& load, int num_workers, JsonLines& lines) {
  LoadedModel model = load();
  if (model.ok()) {
    ModelRunner(*std::move(model), num_workers).Serve(lines);
  } else {
    (void)lines.Write(ErrorJson(model.status()));
  }
}

std::string Describe(const Contestant& contestant) {
  return absl::StrCat(contestant.model, " on ", contestant.device);
}

absl::Status CheckMemory(std::size_t num_loaded, std::size_t num_models) {
  const std::int64_t available = AvailableMemory();
  if (available == 0 || available > kLeastMemory) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "memory: found ", available >> 20, " MB left with ", num_loaded, " of ",
      num_models,
      " models loaded; compare fewer models, devices or precisions at once"));
}

// Starts loads, and awaits them in their order.
class Starter {
 public:
  Starter(const ComparisonOptions& options, const Progress& progress,
          std::size_t num_models)
      : options_(options), progress_(progress), num_models_(num_models) {}

  // Goes on while the model loads, unless as many as CPUs do so.
  absl::Status Start(const Contestant& contestant, const Load& load) {
    const std::size_t num_cpus =
        std::max(1u, std::thread::hardware_concurrency());
    if (running_.size() >= awaited_ + num_cpus) {
      PEREGRINE_RETURN_IF_ERROR(AwaitNext());
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        auto process, ModelProcess::Fork([this, &load](JsonLines& lines) {
          LoadAndServe(load, options_.num_workers, lines);
        }));
    running_.push_back({contestant, std::move(process)});
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<RunningModel>> AwaitAll() {
    while (awaited_ < running_.size()) PEREGRINE_RETURN_IF_ERROR(AwaitNext());
    return std::move(running_);
  }

 private:
  absl::Status AwaitNext() {
    RunningModel& model = running_[awaited_];
    progress_(absl::StrCat("loading ", awaited_ + 1, " of ", num_models_, ": ",
                           Describe(model.contestant)),
              /*milestone=*/false);
    absl::StatusOr<Json> said = model.process->Read();
    absl::StatusOr<ModelFacts> facts =
        said.ok() ? ParseFacts(*said) : said.status();
    if (!facts.ok()) {
      return absl::Status(facts.status().code(),
                          absl::StrCat(Describe(model.contestant), ": ",
                                       facts.status().message()));
    }
    model.contestant.facts = *std::move(facts);
    ++awaited_;
    return CheckMemory(awaited_, num_models_);
  }

  const ComparisonOptions& options_;
  const Progress& progress_;
  const std::size_t num_models_;
  std::vector<RunningModel> running_;
  std::size_t awaited_ = 0;  // of running_
};

// Where none is said, the last folder of the path is its name, or all of it
// where others end alike.
std::vector<NamedDirectory> NameDirectories(
    const std::vector<std::string>& texts) {
  std::vector<NamedDirectory> directories;
  std::map<std::string, int> count;
  for (const std::string& text : texts) {
    directories.push_back(ParseNamedDirectory(text));
    ++count[formats::NameOfDirectory(directories.back().path)];
  }
  for (NamedDirectory& directory : directories) {
    if (!directory.name.empty()) continue;
    directory.name = formats::NameOfDirectory(directory.path);
    if (count[directory.name] > 1) directory.name = directory.path;
  }
  return directories;
}

}  // namespace

NamedDirectory ParseNamedDirectory(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 ||
      std::filesystem::is_directory(text)) {
    return {"", text};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

absl::StatusOr<std::vector<RunningModel>> StartModels(
    const ComparisonOptions& options, const Progress& progress,
    std::vector<std::string>* notes) {
  PEREGRINE_ASSIGN_OR_RETURN(const auto places, ParsePlaces(options));
  const auto directories = NameDirectories(options.directories);
  Starter starter(options, progress,
                  places.size() * (options.shapes.size() + directories.size()));
  for (const Place& place : places) {
    Contestant contestant;
    contestant.engine = "peregrine";
    contestant.device = place.device_name;
    for (const Shape& shape : options.shapes) {
      contestant.model = shape.name;
      contestant.label = shape.label;
      PEREGRINE_RETURN_IF_ERROR(starter.Start(
          contestant, [&shape, &place] { return LoadShape(shape, place); }));
    }
    contestant.trained = true;
    for (const NamedDirectory& directory : directories) {
      contestant.model = contestant.label = directory.name;
      PEREGRINE_RETURN_IF_ERROR(starter.Start(contestant, [&directory, &place] {
        return TranslationModel::Load(directory.path, place.device,
                                      place.precision);
      }));
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(auto running, starter.AwaitAll());
  if (!options.peer_python.empty()) {
    PEREGRINE_RETURN_IF_ERROR(StartPeers(options, progress, &running, notes));
  }
  return running;
}

}  // namespace peregrine::compare
