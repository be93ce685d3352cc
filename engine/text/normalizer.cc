#include "engine/text/normalizer.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

// Normalised text ends where it would pass this. Only rules that blow a text up
// or a text of many megabytes get there; 32-bit positions then still suffice.
constexpr std::size_t kMaxNormalizedBytes = std::size_t{64} << 20;

}  // namespace

// The normalised text as it grows, with the origin of every byte if asked for.
template <bool kWithOrigins>
class Normalizer::Output {
 public:
  Output(std::string* text, std::vector<std::int32_t>* origins,
         const NormalizerOptions& options)
      : text_(text),
        origins_(origins),
        space_(options.escape_whitespaces ? kSpaceSymbol : " ") {}

  void Reserve(std::size_t size) {
    text_->reserve(size);
    if constexpr (kWithOrigins) origins_->reserve(size + 1);
  }

  std::size_t size() const { return text_->size(); }

  void AppendByte(char byte, int origin) {
    text_->push_back(byte);
    if constexpr (kWithOrigins) origins_->push_back(origin);
  }

  // Of a text whose bytes stand for themselves, the first being at `origin`.
  void AppendPlain(absl::string_view text, int origin) {
    text_->append(text.data(), text.size());
    if constexpr (kWithOrigins) {
      for (std::size_t i = 0; i < text.size(); ++i)
        origins_->push_back(origin++);
    }
  }

  void AppendSpace(int origin) {
    for (const char byte : space_) AppendByte(byte, origin);
  }

  void Append(absl::string_view text, int origin) {
    for (const char byte : text) {
      if (byte == ' ') {
        AppendSpace(origin);
      } else {
        AppendByte(byte, origin);
      }
    }
  }

  // Drops the spaces at the end. Returns the origin of the first one, or
  // `origin` if there is none.
  int TrimSpaces(int origin) {
    std::size_t size = text_->size();
    while (absl::EndsWith(absl::string_view(*text_).substr(0, size), space_)) {
      size -= space_.size();
    }
    if (size == text_->size()) return origin;
    text_->resize(size);
    if constexpr (kWithOrigins) {
      origin = (*origins_)[size];
      origins_->resize(size);
    }
    return origin;
  }

  void End(int origin) {
    if constexpr (kWithOrigins) origins_->push_back(origin);
  }

 private:
  std::string* text_;
  std::vector<std::int32_t>* origins_;
  absl::string_view space_;
};

Normalizer::Normalizer(const NormalizerOptions& options, Charsmap charsmap,
                       Trie protected_texts)
    : options_(options),
      charsmap_(std::move(charsmap)),
      protected_texts_(std::move(protected_texts)) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char first = static_cast<char>(byte);
    plain_[byte] = byte != ' ' &&
                   charsmap_.IsPlainAscii(static_cast<unsigned char>(byte)) &&
                   protected_texts_.Step(Trie::kRoot, first) == Trie::kNoNode;
  }
}

std::string Normalizer::Normalize(absl::string_view text) const {
  std::string normalized;
  Output<false> output(&normalized, nullptr, options_);
  Run(text, &output);
  return normalized;
}

std::string Normalizer::Normalize(absl::string_view text,
                                  std::vector<std::int32_t>* origins) const {
  std::string normalized;
  origins->clear();
  Output<true> output(&normalized, origins, options_);
  Run(text, &output);
  return normalized;
}

template <bool kWithOrigins>
void Normalizer::Run(absl::string_view text,
                     Output<kWithOrigins>* output) const {
  text = text.substr(0, kMaxNormalizedBytes);
  int at = options_.remove_extra_whitespaces ? LeadingSpaceBytes(text) : 0;
  const int size = static_cast<int>(text.size());
  if (at == size) return;

  output->Reserve(text.size() + text.size() / 2 + 2 * kSpaceSymbol.size());
  const bool prefix = options_.add_dummy_prefix && !options_.dummy_as_suffix;
  if (prefix) output->AppendSpace(at);

  bool drop_spaces = options_.remove_extra_whitespaces;
  while (at < size && output->size() < kMaxNormalizedBytes) {
    const absl::string_view rest = text.substr(at);
    if (const int length = PlainWordLength(rest); length > 0) {
      output->AppendPlain(rest.substr(0, length), at);
      drop_spaces = false;
      at += length;
      continue;
    }
    Chunk chunk = NextChunk(rest);
    while (drop_spaces && absl::ConsumePrefix(&chunk.text, " ")) {
    }
    if (!chunk.text.empty()) {
      output->Append(chunk.text, at);
      drop_spaces =
          options_.remove_extra_whitespaces && absl::EndsWith(chunk.text, " ");
    }
    at += chunk.length;
  }

  if (options_.remove_extra_whitespaces) at = output->TrimSpaces(at);
  if (options_.add_dummy_prefix && !prefix) output->AppendSpace(at);
  output->End(at);
}

int Normalizer::PlainWordLength(absl::string_view text) const {
  std::size_t length = 0;
  while (length < text.size() &&
         plain_[static_cast<unsigned char>(text[length])]) {
    ++length;
  }
  // What follows may be an accent that a rule joins with the last letter.
  const bool before_ascii =
      length == text.size() || static_cast<unsigned char>(text[length]) < 0x80;
  return static_cast<int>(before_ascii || length == 0 ? length : length - 1);
}

Normalizer::Chunk Normalizer::NextChunk(absl::string_view text) const {
  if (const int length = protected_texts_.LongestPrefix(text); length > 0) {
    return {text.substr(0, length), length};
  }
  const Charsmap::Match match = charsmap_.LongestMatch(text);
  if (match.length > 0) return {match.replacement, match.length};
  const int length = Utf8CharLength(text);
  if (length > 0) return {text.substr(0, length), length};
  return {kReplacementCharacter, 1};
}

int Normalizer::LeadingSpaceBytes(absl::string_view text) const {
  int at = 0;
  while (at < static_cast<int>(text.size())) {
    const Chunk chunk = NextChunk(text.substr(at));
    if (chunk.text != " ") break;
    at += chunk.length;
  }
  return at;
}

}  // namespace peregrine::text
