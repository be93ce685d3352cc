#include "client/load/load_texts.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/text/utf8.h"

namespace peregrine::client {
namespace {

// Everyday English, without marks that would end a sentence.
constexpr char kSentences[] =
    "the small shop on the corner sells bread, cheese and fresh fruit every "
    "morning "
    "my sister has worked in the same hospital for more than eleven years "
    "we wanted to walk along the lake, but it began to rain after lunch "
    "the teacher asked the children to write a letter to their grandparents "
    "nobody knew why the last bus had left ten minutes before its time "
    "they painted the kitchen yellow because the old colour looked sad "
    "a good friend of mine plays the piano in a restaurant near the harbour "
    "the new law will change how the city pays for schools and parks "
    "when the snow melts, the farmers open the gates and let the cows out "
    "he found a box of photographs under the stairs and showed them to me "
    "could you tell the driver to wait until everyone has found a seat "
    "the engineers tested the bridge with heavy trucks before it was opened "
    "I would rather stay at home tonight and read the book you gave me "
    "the price of coffee has gone up again, and so has the price of sugar "
    "our neighbours grow tomatoes on the roof and share them with the street "
    "the doctor said that sleep and clean water would help more than pills "
    "in the museum there is a clock that shows the position of the planets "
    "the children built a boat from wood and sailed it across the pond "
    "she learned to swim when she was five and never stopped loving the sea "
    "the company plans to hire forty people for its office in the north "
    "please close the windows before you leave, because a storm is coming "
    "the train crosses the river twice and then climbs slowly into the hills "
    "after the meeting we drank tea and talked about the plans for summer "
    "the judge listened to both sides and promised an answer by Friday "
    "a cat sat on the warm stones and watched the birds in the apple tree "
    "he repairs old bicycles and gives them to people who need one "
    "the library stays open until nine, but the café closes at six "
    "many visitors come to see the market, which is older than the church "
    "the scientists measured the temperature of the water every hour "
    "we do not have enough chairs, so some of the guests will have to stand ";

}  // namespace

int CountWords(const std::string& text) {
  int words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = absl::ascii_isspace(static_cast<unsigned char>(c));
    words += !space && !inside;
    inside = !space;
  }
  return words;
}

absl::StatusOr<std::unique_ptr<FileTexts>> FileTexts::Read(
    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(path + ": cannot read");
  std::vector<std::string> lines;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    absl::StripTrailingAsciiWhitespace(&line);
    if (const auto offset = text::FindInvalidUtf8(line)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": not UTF-8 at byte ", *offset));
    }
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) {
    return absl::InvalidArgumentError(path + ": found no text in it");
  }
  return std::unique_ptr<FileTexts>(new FileTexts(std::move(lines)));
}

std::string FileTexts::Next() {
  const std::string& line = lines_[next_];
  next_ = (next_ + 1) % lines_.size();
  return line;
}

absl::Status Validate(const LengthDistribution& lengths) {
  if (lengths.min < 1 || lengths.min > lengths.mean ||
      lengths.mean > lengths.max) {
    return absl::InvalidArgumentError(
        absl::StrFormat("mean words: found %g, allowed %d to %d", lengths.mean,
                        lengths.min, lengths.max));
  }
  if (!(lengths.deviation >= 0 && lengths.deviation <= 2 * lengths.mean)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "deviation of words: found %g, allowed 0 to twice the mean (%g)",
        lengths.deviation, 2 * lengths.mean));
  }
  return absl::OkStatus();
}

SyntheticTexts::SyntheticTexts(const LengthDistribution& lengths,
                               std::uint64_t seed)
    : lengths_(lengths),
      random_(seed),
      words_(absl::StrSplit(kSentences, ' ', absl::SkipEmpty())) {
  // The logarithm is normal with these, so that the length has the wanted ones.
  const double ratio = lengths.deviation / lengths.mean;
  const double variance = std::log1p(ratio * ratio);
  distribution_ = std::lognormal_distribution<double>(
      std::log(lengths.mean) - variance / 2, std::sqrt(variance));
}

int SyntheticTexts::DrawLength() {
  while (true) {
    const double length = std::round(distribution_(random_));
    if (length >= lengths_.min && length <= lengths_.max) {
      return static_cast<int>(length);
    }
  }
}

std::string SyntheticTexts::Next() {
  const int length = DrawLength();
  std::size_t word =
      std::uniform_int_distribution<std::size_t>(0, words_.size() - 1)(random_);
  std::string text;
  for (int i = 0; i < length; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : " ", words_[word]);
    word = (word + 1) % words_.size();
  }
  if (text.back() == ',') text.pop_back();
  text[0] = absl::ascii_toupper(static_cast<unsigned char>(text[0]));
  return text + ".";
}

}  // namespace peregrine::client
