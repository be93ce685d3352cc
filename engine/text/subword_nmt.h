#ifndef PEREGRINE_ENGINE_TEXT_SUBWORD_NMT_H_
#define PEREGRINE_ENGINE_TEXT_SUBWORD_NMT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "engine/text/tokenizer.h"
#include "engine/text/vocabulary.h"

namespace peregrine::text {

// The merges of subword-nmt (Sennrich et al. 2016), versions 0.1 and 0.2 of its
// codes file: a pair of symbols a line, the most frequent first. Immutable and
// thread-safe.
class SubwordNmtCodes {
 public:
  // The content of a codes file; `name` stands for it in errors, which say what
  // was found and what was expected.
  static absl::StatusOr<std::unique_ptr<const SubwordNmtCodes>> Parse(
      absl::string_view text, absl::string_view name);

  // The pieces of a word without white space, valid UTF-8; all but the last end
  // in "@@". One of more than kMaxWordChars characters is cut into such parts
  // first, which bounds the time.
  std::vector<std::string> Split(absl::string_view word) const;

  static constexpr int kMaxWordChars = 1000;

 private:
  struct Merge {
    int32_t rank;
    int32_t symbol;  // that the two become
  };
  using Pair = std::pair<int32_t, int32_t>;

  SubwordNmtCodes() = default;
  int32_t AddSymbol(absl::string_view symbol);
  void SplitPart(absl::Span<const absl::string_view> chars, bool ends_word,
                 std::vector<std::string>& pieces) const;

  bool end_is_symbol_ = false;  // version 0.1: of a word, by itself
  std::vector<std::string> symbols_;
  absl::flat_hash_map<std::string, int32_t> symbol_ids_;
  absl::flat_hash_map<Pair, Merge> merges_;
};

// Words between white space, cut by such merges, or whole without; ids are
// those of a vocabulary. Texts must come as the model's training data did: what
// Moses or another tokenizer does is the caller's business. Immutable and
// thread-safe.
class SubwordNmtTokenizer final : public Tokenizer {
 public:
  // `codes` may be null. Words among `whole` are not cut, as by --glossaries of
  // subword-nmt.
  SubwordNmtTokenizer(std::shared_ptr<const Vocabulary> vocabulary,
                      std::shared_ptr<const SubwordNmtCodes> codes,
                      std::vector<std::string> whole = {})
      : vocabulary_(std::move(vocabulary)),
        codes_(std::move(codes)),
        whole_(std::move(whole)) {}

  std::vector<int32_t> Encode(absl::string_view text) const override;

  // Pieces that end in "@@" are joined with the next.
  std::string Decode(absl::Span<const int32_t> ids) const override;

  int vocab_size() const override { return vocabulary_->size(); }
  int32_t unk_id() const override { return vocabulary_->unk_id(); }
  absl::string_view piece(int32_t id) const override {
    return vocabulary_->piece(id);
  }
  absl::optional<int32_t> id(absl::string_view piece) const override {
    return vocabulary_->id(piece);
  }

 private:
  const std::shared_ptr<const Vocabulary> vocabulary_;
  const std::shared_ptr<const SubwordNmtCodes> codes_;
  const std::vector<std::string> whole_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SUBWORD_NMT_H_
