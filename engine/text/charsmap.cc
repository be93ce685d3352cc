#include "engine/text/charsmap.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

// Real rules have a few characters on either side. The bounds keep a hostile
// file from turning a short text into hours of work or gigabytes.
constexpr std::size_t kMaxRuleBytes = 256;
constexpr std::size_t kMaxReplacementBytes = 256;

std::uint32_t ReadLittleEndian32(absl::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// The unit as the format defines it.
bool HasValue(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t Value(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t Label(std::uint32_t unit) { return unit & 0x800000FF; }
std::uint32_t Distance(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) != 0 ? 8 : 0);
}

// Reads the trie byte by byte and never outside it.
class Walker {
 public:
  explicit Walker(const std::vector<std::uint32_t>& units)
      : units_(units), position_(Distance(units[0])) {}

  // False if no rule goes on with `byte`.
  bool Step(unsigned char byte) {
    position_ ^= byte;
    if (position_ >= units_.size()) return false;
    const std::uint32_t unit = units_[position_];
    if (Label(unit) != byte) return false;
    position_ ^= Distance(unit);
    has_value_ = HasValue(unit) && position_ < units_.size();
    return true;
  }

  // Whether a rule ends here; its value.
  bool has_value() const { return has_value_; }
  std::uint32_t value() const { return Value(units_[position_]); }

 private:
  const std::vector<std::uint32_t>& units_;
  std::uint32_t position_;
  bool has_value_ = false;
};

absl::Status CheckReplacements(absl::string_view replacements) {
  if (const absl::optional<std::size_t> bad = FindInvalidUtf8(replacements)) {
    return absl::InvalidArgumentError(
        absl::StrCat("its replacements are not UTF-8 at byte ", *bad));
  }
  std::size_t begin = 0;
  while (begin < replacements.size()) {
    const std::size_t end =
        std::min(replacements.find('\0', begin), replacements.size());
    if (end - begin > kMaxReplacementBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a replacement of ", end - begin,
          " bytes was found, expected at most ", kMaxReplacementBytes));
    }
    begin = end + 1;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Charsmap> Charsmap::Parse(absl::string_view blob) {
  constexpr std::size_t kUnitBytes = sizeof(std::uint32_t);
  if (blob.size() < kUnitBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        blob.size(), " bytes were found, expected at least ", kUnitBytes));
  }
  const std::size_t trie_bytes = ReadLittleEndian32(blob);
  blob.remove_prefix(kUnitBytes);
  if (trie_bytes == 0 || trie_bytes % kUnitBytes != 0 ||
      trie_bytes >= blob.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its trie has ", trie_bytes, " bytes, expected a multiple of ",
        kUnitBytes, " above 0 and below the ", blob.size(), " left"));
  }

  Charsmap charsmap;
  charsmap.replacements_ = std::string(blob.substr(trie_bytes));
  if (absl::Status status = CheckReplacements(charsmap.replacements_);
      !status.ok()) {
    return status;
  }
  charsmap.units_.reserve(trie_bytes / kUnitBytes);
  for (std::size_t i = 0; i < trie_bytes; i += kUnitBytes) {
    charsmap.units_.push_back(ReadLittleEndian32(blob.substr(i)));
  }
  for (int byte = 0; byte < 0x80; ++byte) {
    charsmap.plain_ascii_[byte] =
        !charsmap.HasRuleWithin(static_cast<unsigned char>(byte));
  }
  return charsmap;
}

// Whether a rule is `first` alone or starts with it and one more ASCII byte.
bool Charsmap::HasRuleWithin(unsigned char first) const {
  Walker walker(units_);
  if (!walker.Step(first)) return false;
  if (walker.has_value()) return true;
  for (int second = 0; second < 0x80; ++second) {
    Walker next = walker;
    if (next.Step(static_cast<unsigned char>(second))) return true;
  }
  return false;
}

Charsmap::Match Charsmap::LongestMatch(absl::string_view text) const {
  if (units_.empty()) return {};
  std::uint32_t value = 0;
  int length = 0;
  Walker walker(units_);
  const std::size_t limit = std::min(text.size(), kMaxRuleBytes);
  for (std::size_t i = 0; i < limit; ++i) {
    if (!walker.Step(static_cast<unsigned char>(text[i]))) break;
    if (walker.has_value()) {
      value = walker.value();
      length = static_cast<int>(i) + 1;
    }
  }
  if (length == 0 || value >= replacements_.size()) return {};

  const absl::string_view rest = absl::string_view(replacements_).substr(value);
  const bool inside_character =
      !rest.empty() && (static_cast<unsigned char>(rest[0]) & 0xC0) == 0x80;
  if (inside_character) return {};
  return {length, rest.substr(0, rest.find('\0'))};
}

}  // namespace peregrine::text
