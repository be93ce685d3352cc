// Any text in the place of a settings or vocabulary file of a model leaves it a
// model or makes an error that names the directory. The first byte says which
// file of which golden model it is, 'a' being the first of kPlaces.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/formats/recognise.h"

namespace {

namespace fs = std::filesystem;

struct Place {
  const char* model;
  const char* file;
};

constexpr Place kPlaces[] = {
    {"hf-marian", "config.json"},
    {"hf-marian", "generation_config.json"},
    {"hf-marian", "tokenizer_config.json"},
    {"hf-m2m100", "config.json"},
    {"hf-m2m100", "tokenizer_config.json"},
    {"hf-nllb", "model.safetensors.index.json"},
    {"hf-nllb", "tokenizer_config.json"},
    {"ct2-int8-shared", "config.json"},
    {"ct2-int8-shared", "shared_vocabulary.json"},
    {"marian-aan", "decoder.yml"},
    {"marian-aan", "target.vocab.yml"},
    {"fairseq-pre", "config.json"},
    {"ct2-nllb", "tokenizer_config.json"},
    {"ct2-m2m100", "config.json"},
};

// The model but for one file, which each input writes.
class Directory {
 public:
  explicit Directory(const Place& place)
      : path_(fs::temp_directory_path() / absl::StrCat("fuzz_model_", getpid(),
                                                       "_", place.model, "_",
                                                       place.file)),
        file_(path_ / place.file) {
    fs::create_directories(path_);
    const fs::path golden =
        fs::path(PEREGRINE_SOURCE_DIR "/tests/golden") / place.model;
    for (const auto& entry : fs::directory_iterator(golden)) {
      if (entry.path().filename() == place.file) continue;
      fs::create_symlink(entry.path(), path_ / entry.path().filename());
    }
  }
  ~Directory() { fs::remove_all(path_); }

  void Open(absl::string_view content) const {
    std::ofstream(file_, std::ios::binary) << content;
    const auto checkpoint = peregrine::formats::OpenCheckpoint(path_.string());
    PEREGRINE_CHECK(
        checkpoint.ok() ||
        absl::StrContains(checkpoint.status().message(), path_.string()))
        << checkpoint.status().message();
  }

 private:
  const fs::path path_;
  const fs::path file_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t index = static_cast<uint8_t>(data[0] - 'a') % std::size(kPlaces);
  Directory(kPlaces[index])
      .Open(
          absl::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
