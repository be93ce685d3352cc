// Drives a fuzz target without libFuzzer: each input of a corpus as it is, then
// so many mutations of them, the same in every run. It looks for no new code as
// libFuzzer does; what it is for is that any compiler, with any sanitizer, runs
// every target in every test run.
//
//   fuzz_NAME MUTATIONS CORPUS_FOLDER
//
// An input that ends the program does so every time: run it in a debugger.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

constexpr size_t kMaxInput = 1 << 16;

std::vector<Input> ReadCorpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Input> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file),
                        std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& corpus) : corpus_(corpus) {}

  Input Next() {
    Input input = corpus_[Below(corpus_.size())];
    for (size_t n = 1 + Below(8); n > 0; --n) Mutate(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

 private:
  size_t Below(size_t n) { return n == 0 ? 0 : random_() % n; }

  void Mutate(Input& input) {
    // Those that are special to parsers: bounds of integers, text.
    static constexpr uint8_t kSpecial[] = {0,   1,    0x7f, 0x80, 0xff, ' ',
                                           '"', '\n', '0',  '-',  '[',  '{'};
    const size_t at = Below(input.size() + 1);
    const size_t length = Below(std::min<size_t>(input.size() - at, 16) + 1);
    const auto begin = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(length);
    switch (Below(6)) {
      case 0:
        if (at < input.size()) input[at] ^= uint8_t{1} << Below(8);
        break;
      case 1:
        if (at < input.size()) input[at] = kSpecial[Below(sizeof kSpecial)];
        break;
      case 2:
        input.insert(begin, 1 + Below(8), kSpecial[Below(sizeof kSpecial)]);
        break;
      case 3:
        input.erase(begin, end);
        break;
      case 4: {
        const Input copy(begin, end);
        const size_t to = Below(input.size() + 1);
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(to),
                     copy.begin(), copy.end());
        break;
      }
      case 5: {
        const Input& other = corpus_[Below(corpus_.size())];
        const size_t from = Below(other.size());
        input.resize(at);
        input.insert(input.end(),
                     other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.end());
        break;
      }
    }
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MUTATIONS CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  const std::vector<Input> corpus = ReadCorpus(argv[2]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: found no input\n", argv[2]);
    return 1;
  }
  for (const Input& input : corpus) {
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  Mutator mutator(corpus);
  const int mutations = std::atoi(argv[1]);
  for (int i = 0; i < mutations; ++i) {
    const Input input = mutator.Next();
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs and %d mutations of them\n", corpus.size(),
              mutations);
  return 0;
}
