#include "engine/formats/marian/shortlist.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/gzip.h"
#include "engine/formats/marian/vocabulary.h"

namespace peregrine::formats {
namespace {

constexpr uint64_t kMagic = 0xF11A48D5013417F5;
constexpr absl::string_view kNoWord = "NULL";
// Of the lines of a text at least one in so many has pieces that are known; of
// another pair's hardly any have.
constexpr int64_t kMinKnownShare = 10;
// Those of published models have some 100 MB as text.
constexpr size_t kMaxTextBytes = size_t{2} << 30;

struct Header {
  uint64_t magic;
  uint64_t checksum;
  uint64_t first_n;
  uint64_t best_n;
  uint64_t num_offsets;
  uint64_t num_targets;
};

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

// Over whole words of 64 bits; what is left over at the end does not count.
uint64_t Checksum(absl::string_view bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size();
       at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    sum ^= word + 0x9e3779b9 + (sum << 6) + (sum >> 2);
  }
  return sum;
}

bool IsBinary(absl::string_view bytes) {
  uint64_t magic;
  if (bytes.size() < sizeof(magic)) return false;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  return magic == kMagic;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const MarianShortlist>> MarianShortlist::Open(
    const std::string& path, const text::Tokenizer& source,
    const text::Tokenizer& target, const TextOptions& options) {
  auto shortlist = absl::WrapUnique(new MarianShortlist);
  PEREGRINE_ASSIGN_OR_RETURN(shortlist->file_, MappedFile::Open(path));
  absl::string_view bytes = shortlist->file_->bytes();
  if (IsBinary(bytes)) {
    PEREGRINE_RETURN_IF_ERROR(
        shortlist->Map(path, NumPieces(source), NumPieces(target)));
  } else {
    std::string unpacked;
    if (IsGzip(bytes)) {
      PEREGRINE_ASSIGN_OR_RETURN(unpacked, Gunzip(bytes, kMaxTextBytes, path));
      bytes = unpacked;
    }
    PEREGRINE_RETURN_IF_ERROR(
        shortlist->ParseText(path, bytes, source, target, options));
    shortlist->file_ = nullptr;
  }
  return std::unique_ptr<const MarianShortlist>(std::move(shortlist));
}

absl::Span<const int32_t> MarianShortlist::targets(int32_t source_id) const {
  if (source_id < 0 || static_cast<size_t>(source_id) + 1 >= offsets_.size()) {
    return {};
  }
  return targets_.subspan(offsets_[source_id],
                          offsets_[source_id + 1] - offsets_[source_id]);
}

absl::Status MarianShortlist::Map(const std::string& path,
                                  int source_vocab_size,
                                  int target_vocab_size) {
  const absl::string_view bytes = file_->bytes();
  if (bytes.size() < sizeof(Header)) {
    return Error(path, absl::StrCat("found ", bytes.size(),
                                    " bytes, expected a header of ",
                                    sizeof(Header), "; it is cut off"));
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const uint64_t limit = bytes.size();
  const uint64_t expected =
      sizeof(Header) + header.num_offsets * 8 + header.num_targets * 4;
  if (header.num_offsets > limit || header.num_targets > limit ||
      expected != limit || header.num_offsets == 0) {
    return Error(
        path, absl::StrCat("found ", limit, " bytes for ", header.num_offsets,
                           " offsets and ", header.num_targets,
                           " targets; it is cut off or damaged"));
  }
  const uint64_t checksum = Checksum(bytes.substr(2 * sizeof(uint64_t)));
  if (checksum != header.checksum) {
    return Error(path,
                 absl::StrCat("found a file with the checksum ", checksum,
                              ", expected its header's, ", header.checksum));
  }
  if (header.num_offsets - 1 != static_cast<uint64_t>(source_vocab_size)) {
    return Error(path, absl::StrCat("found lists of ", header.num_offsets - 1,
                                    " source tokens, expected those of the ",
                                    source_vocab_size,
                                    " of the source vocabulary: it is the "
                                    "shortlist of another model"));
  }
  first_n_ =
      static_cast<int>(std::min<uint64_t>(header.first_n, target_vocab_size));
  // A mapping begins at a page, and so both are aligned.
  const char* offsets = bytes.data() + sizeof(Header);
  offsets_ = {reinterpret_cast<const uint64_t*>(offsets), header.num_offsets};
  targets_ = {
      reinterpret_cast<const int32_t*>(offsets + header.num_offsets * 8),
      header.num_targets};
  return CheckLists(path, target_vocab_size);
}

absl::Status MarianShortlist::CheckLists(const std::string& path,
                                         int target_vocab_size) const {
  if (!std::is_sorted(offsets_.begin(), offsets_.end()) ||
      offsets_.back() != targets_.size()) {
    return Error(path, absl::StrCat("found offsets up to ", offsets_.back(),
                                    ", expected ascending ones up to the ",
                                    targets_.size(), " targets"));
  }
  for (int32_t id : targets_) {
    if (id >= 0 && id < target_vocab_size) continue;
    return Error(
        path, absl::StrCat("found the target id ", id, ", expected one of the ",
                           target_vocab_size, " of the vocabulary"));
  }
  return absl::OkStatus();
}

absl::Status MarianShortlist::ParseText(const std::string& path,
                                        absl::string_view text,
                                        const text::Tokenizer& source,
                                        const text::Tokenizer& target,
                                        const TextOptions& options) {
  // By source id, probabilities of target ids.
  std::vector<std::map<int32_t, float>> table(source.vocab_size());
  int number = 0;
  int64_t num_lines = 0;
  int64_t num_known = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty()) continue;
    float probability;
    if (words.size() != 3 || !absl::SimpleAtof(words[2], &probability)) {
      return Error(path, absl::StrCat("line ", number, ": found ", words.size(),
                                      " words, expected a target, a source and "
                                      "a probability"));
    }
    if (words[0] == kNoWord || words[1] == kNoWord) continue;
    const auto source_id = source.id(words[1]);
    const auto target_id = target.id(words[0]);
    ++num_lines;
    if (source_id.has_value() && target_id.has_value()) ++num_known;
    // Of lines that come to the same the last one counts.
    table[source_id.value_or(source.unk_id())]
         [target_id.value_or(target.unk_id())] = probability;
  }
  if (num_known * kMinKnownShare < num_lines) {
    return Error(
        path, absl::StrCat("found the pieces of ", num_known, " of ", num_lines,
                           " lines in the vocabularies, expected most: it is "
                           "the shortlist of another model"));
  }
  first_n_ = std::min(options.first_n, NumPieces(target));
  own_offsets_.push_back(0);
  for (const std::map<int32_t, float>& row : table) {
    std::vector<std::pair<float, int32_t>> ranked;
    for (const auto& [id, probability] : row) {
      if (probability > options.threshold) ranked.emplace_back(probability, id);
    }
    std::sort(ranked.begin(), ranked.end(), std::greater<>());
    ranked.resize(std::min(ranked.size(), static_cast<size_t>(options.best_n)));
    const size_t begin = own_targets_.size();
    for (const auto& [probability, id] : ranked) own_targets_.push_back(id);
    std::sort(own_targets_.begin() + static_cast<ptrdiff_t>(begin),
              own_targets_.end());
    own_offsets_.push_back(own_targets_.size());
  }
  offsets_ = own_offsets_;
  targets_ = own_targets_;
  return absl::OkStatus();
}

}  // namespace peregrine::formats
