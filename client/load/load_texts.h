#ifndef PEREGRINE_CLIENT_LOAD_LOAD_TEXTS_H_
#define PEREGRINE_CLIENT_LOAD_LOAD_TEXTS_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace peregrine::client {

// Number of words between white space.
int CountWords(const std::string& text);

// The texts that a load sends, without end. Not thread-safe.
class LoadTexts {
 public:
  virtual ~LoadTexts() = default;
  virtual std::string Next() = 0;
};

// Lines of a file in their order, over and over.
class FileTexts final : public LoadTexts {
 public:
  // Empty lines are left out. INVALID_ARGUMENT: a line is not UTF-8, or there
  // is none.
  static absl::StatusOr<std::unique_ptr<FileTexts>> Read(
      const std::string& path);

  std::string Next() override;

 private:
  explicit FileTexts(std::vector<std::string> lines)
      : lines_(std::move(lines)) {}

  const std::vector<std::string> lines_;
  std::size_t next_ = 0;
};

// In words. The default gives some 26 tokens, with a deviation of 14, under a
// vocabulary of 10,000.
struct LengthDistribution {
  double mean = 20;
  double deviation = 11;
  int min = 3;
  int max = 100;
};

// Lines of English words, each of which is to be translated as one sentence.
// Lengths are log-normal, drawn again where they leave [min, max]; the words
// are those of everyday sentences, so that they cost a model as many tokens,
// in and out, as text does.
class SyntheticTexts final : public LoadTexts {
 public:
  // min <= mean <= max and deviation >= 0, see Validate.
  SyntheticTexts(const LengthDistribution& lengths, std::uint64_t seed);
  std::string Next() override;

 private:
  int DrawLength();

  const LengthDistribution lengths_;
  std::mt19937_64 random_;
  std::lognormal_distribution<double> distribution_;
  const std::vector<std::string> words_;
};

// INVALID_ARGUMENT: SyntheticTexts cannot draw such lengths.
absl::Status Validate(const LengthDistribution& lengths);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LOAD_TEXTS_H_
