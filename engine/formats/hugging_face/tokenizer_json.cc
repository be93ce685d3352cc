#include "engine/formats/hugging_face/tokenizer_json.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/piece_table.h"
#include "engine/text/utf8.h"

namespace peregrine::formats {
namespace {

// NLLB's has 256,000 pieces and some 600,000 merges, a few lines each.
constexpr size_t kMaxTokenizerBytes = 128 << 20;
// Of SentencePiece it has 16 characters; the time to check it grows with its
// square.
constexpr size_t kMaxPieceBytes = 256;
using ScoredPiece = text::SentencePieceModel::ScoredPiece;

constexpr absl::string_view kSpaceSymbol = "\xE2\x96\x81";

absl::Status Invalid(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

absl::Status Unsupported(const std::string& path, absl::string_view field,
                         const Json& found, absl::string_view expected) {
  return absl::UnimplementedError(absl::StrCat(
      path, ": ", field, ": found ", Shown(found), ", expected ", expected,
      ", as of a tokenizer that was made of a SentencePiece model"));
}

const Json& Field(const Json& object, const char* name) {
  static const auto* const none = new Json;
  if (!object.is_object()) return *none;
  const auto found = object.find(name);
  return found == object.end() ? *none : *found;
}

// The steps of a normalizer or pre_tokenizer that may be a sequence of them.
std::vector<const Json*> Steps(const Json& step, const char* list) {
  if (step.is_null()) return {};
  if (Field(step, "type") != "Sequence") return {&step};
  std::vector<const Json*> steps;
  for (const Json& one : Field(step, list)) steps.push_back(&one);
  return steps;
}

// Normalisation is a compiled map of SentencePiece and its treatment of spaces,
// which text::Normalizer does, too.
absl::StatusOr<std::string> ReadCharsmap(const Json& json,
                                         const std::string& path) {
  std::string charsmap;
  for (const Json* step : Steps(Field(json, "normalizer"), "normalizers")) {
    const Json& type = Field(*step, "type");
    const Json& encoded = Field(*step, "precompiled_charsmap");
    const bool is_spaces =
        type == "Strip" || (type == "Replace" &&
                            Field(Field(*step, "pattern"), "Regex") == " {2,}");
    if (is_spaces) continue;
    if (type != "Precompiled" || !encoded.is_string() || !charsmap.empty()) {
      return Unsupported(path, "normalizer", *step,
                         "one Precompiled, and Replace of \" {2,}\" or Strip");
    }
    if (!absl::Base64Unescape(encoded.get_ref<const std::string&>(),
                              &charsmap)) {
      return Invalid(path,
                     "normalizer: precompiled_charsmap: found a string "
                     "that is not Base64, expected one that is");
    }
  }
  return charsmap;
}

absl::Status CheckPreTokenizer(const Json& json, const std::string& path) {
  bool found = false;
  for (const Json* step :
       Steps(Field(json, "pre_tokenizer"), "pretokenizers")) {
    const Json& type = Field(*step, "type");
    if (type == "WhitespaceSplit") continue;
    const Json& prepend = Field(*step, "prepend_scheme");
    found = type == "Metaspace" &&
            Field(*step, "replacement") == std::string(kSpaceSymbol) &&
            (prepend.is_null() || prepend == "always") &&
            Field(*step, "add_prefix_space") != false;
    if (!found) break;
  }
  if (found) return absl::OkStatus();
  return Unsupported(path, "pre_tokenizer", Field(json, "pre_tokenizer"),
                     "a Metaspace that always prepends \"\xE2\x96\x81\"");
}

absl::Status CheckBpe(const Json& model, const std::string& path) {
  const auto is_set = [&](const char* name) {
    const Json& value = Field(model, name);
    return !value.is_null() && value != false && value != "" && value != 0.0;
  };
  for (const char* name :
       {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
        "byte_fallback", "ignore_merges"}) {
    if (is_set(name)) {
      return Unsupported(path, absl::StrCat("model.", name), Field(model, name),
                         "none");
    }
  }
  return absl::OkStatus();
}

// The merges of a BPE vocabulary, in order of precedence.
class Merges {
 public:
  Merges(const std::vector<std::string>& pieces, const std::string& path)
      : path_(path) {
    for (const std::string& piece : pieces) {
      if (!piece.empty()) ranks_.emplace(piece, kUnmade);
    }
  }

  // ["a", "b"], or "a b" as older versions write it.
  absl::Status Add(const Json& merge) {
    absl::string_view left, right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
        merge[1].is_string()) {
      left = merge[0].get_ref<const std::string&>();
      right = merge[1].get_ref<const std::string&>();
    } else if (merge.is_string()) {
      const absl::string_view both = merge.get_ref<const std::string&>();
      const size_t space = both.find(' ');
      left = both.substr(0, space);
      if (space != absl::string_view::npos) right = both.substr(space + 1);
    }
    const auto made = ranks_.find(absl::StrCat(left, right));
    if (left.empty() || right.empty() || made == ranks_.end() ||
        !ranks_.contains(left) || !ranks_.contains(right)) {
      return Invalid(path_, absl::StrCat("model.merges[", count_, "]: found ",
                                         Shown(merge),
                                         ", expected two pieces that are one "
                                         "in the vocabulary"));
    }
    if (made->second == kUnmade) {
      made->second = count_;
    } else if (made->second < last_first_) {
      return Unsupported(path_, absl::StrCat("model.merges[", count_, "]"),
                         merge, "all ways to make a piece one after another");
    }
    last_first_ = made->second;
    ++count_;
    return absl::OkStatus();
  }

  // SentencePiece merges whatever makes a piece, so every way must be listed.
  absl::Status CheckComplete() const {
    int64_t ways = 0;
    for (const auto& [piece, rank] : ranks_) {
      if (piece.size() > kMaxPieceBytes) {
        return Unsupported(
            path_, "model.vocab", Json(piece),
            absl::StrCat("pieces of at most ", kMaxPieceBytes, " bytes"));
      }
      const int own = NumWays(piece);
      if (own == 0 &&
          text::Utf8CharLength(piece) != static_cast<int>(piece.size()) &&
          !IsAdded(piece)) {
        return Unsupported(path_, "model.vocab", Json(piece),
                           "pieces of one character or made by merges");
      }
      ways += own;
    }
    if (ways == count_) return absl::OkStatus();
    return Unsupported(
        path_, "model.merges", Json(count_),
        absl::StrCat("the ", ways,
                     " pairs that make pieces of the vocabulary"));
  }

  // Those made by merges, the first first, then the others.
  std::vector<std::string> Ordered() const {
    std::vector<std::pair<int, absl::string_view>> order;
    for (const auto& [piece, rank] : ranks_) {
      if (!IsAdded(piece)) order.emplace_back(rank, piece);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::string> pieces;
    pieces.reserve(order.size());
    for (const auto& [rank, piece] : order) pieces.emplace_back(piece);
    return pieces;
  }

  void Exclude(const std::string& added) { added_.insert(added); }

 private:
  static constexpr int kUnmade = 1 << 30;

  bool IsAdded(absl::string_view piece) const { return added_.contains(piece); }

  int NumWays(absl::string_view piece) const {
    int ways = 0;
    for (size_t at = 1; at < piece.size(); ++at) {
      ways += ranks_.contains(piece.substr(0, at)) &&
              ranks_.contains(piece.substr(at));
    }
    return ways;
  }

  const std::string& path_;
  absl::flat_hash_map<std::string, int> ranks_;  // of the first that makes it
  absl::flat_hash_set<std::string> added_;
  int count_ = 0;
  int last_first_ = 0;
};

absl::Status ReadBpe(const Json& model, const std::string& charsmap,
                     const std::string& path, int vocab_size,
                     TokenizerJson& tokenizer) {
  PEREGRINE_RETURN_IF_ERROR(CheckBpe(model, path));
  PEREGRINE_ASSIGN_OR_RETURN(
      tokenizer.pieces, ParseVocabularyMap(Field(model, "vocab"),
                                           path + ": model.vocab", vocab_size));
  const Json& list = Field(model, "merges");
  if (!list.is_array()) {
    return Invalid(path, absl::StrCat("model.merges: found ", Shown(list),
                                      ", expected an array"));
  }
  Merges merges(tokenizer.pieces, path);
  for (const AddedToken& token : tokenizer.added_tokens) {
    merges.Exclude(token.content);
  }
  for (const Json& merge : list) PEREGRINE_RETURN_IF_ERROR(merges.Add(merge));
  PEREGRINE_RETURN_IF_ERROR(merges.CheckComplete());
  PEREGRINE_ASSIGN_OR_RETURN(
      tokenizer.splitter,
      text::SentencePieceModel::FromMerges(merges.Ordered(), charsmap, path));
  return absl::OkStatus();
}

// vocab: [["piece", score], ...] by id.
absl::StatusOr<std::vector<ScoredPiece>> ReadScores(const Json& model,
                                                    const std::string& path,
                                                    int vocab_size) {
  const Json& list = Field(model, "vocab");
  if (!list.is_array() || list.size() > static_cast<size_t>(vocab_size)) {
    return Invalid(
        path,
        absl::StrCat("model.vocab: found ",
                     list.is_array() ? absl::StrCat(list.size(), " pieces")
                                     : Shown(list),
                     ", expected an array of at most ", vocab_size,
                     ", as config.json has for vocab_size"));
  }
  std::vector<ScoredPiece> pieces;
  pieces.reserve(list.size());
  for (const Json& one : list) {
    if (!one.is_array() || one.size() != 2 || !one[0].is_string() ||
        !one[1].is_number()) {
      return Invalid(
          path, absl::StrCat("model.vocab[", pieces.size(), "]: found ",
                             Shown(one), ", expected a piece and its score"));
    }
    pieces.push_back({one[0].get<std::string>(), one[1].get<float>()});
  }
  return pieces;
}

absl::Status ReadUnigram(const Json& model, const std::string& charsmap,
                         const std::string& path, int vocab_size,
                         TokenizerJson& tokenizer) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<ScoredPiece> pieces,
                             ReadScores(model, path, vocab_size));
  const Json& unknown = Field(model, "unk_id");
  if (!unknown.is_number_unsigned() ||
      unknown.get<uint64_t>() >= pieces.size()) {
    return Invalid(path, absl::StrCat("model.unk_id: found ", Shown(unknown),
                                      ", expected an id below the ",
                                      pieces.size(), " of model.vocab"));
  }
  const bool byte_fallback = Field(model, "byte_fallback") == true;
  for (ScoredPiece& piece : pieces) {
    if (byte_fallback && text::ParseBytePiece(piece.text).has_value()) {
      piece.kind = ScoredPiece::Kind::kByte;
    }
  }
  for (const AddedToken& token : tokenizer.added_tokens) {
    if (token.id >= static_cast<int>(pieces.size())) continue;
    pieces[token.id].kind = token.special ? ScoredPiece::Kind::kControl
                                          : ScoredPiece::Kind::kUserDefined;
  }
  tokenizer.unk = unknown.get<int32_t>();
  pieces[tokenizer.unk].kind = ScoredPiece::Kind::kUnknown;
  tokenizer.pieces.resize(vocab_size);
  for (size_t id = 0; id < pieces.size(); ++id) {
    tokenizer.pieces[id] = pieces[id].text;
  }
  PEREGRINE_ASSIGN_OR_RETURN(tokenizer.splitter,
                             text::SentencePieceModel::FromScores(
                                 pieces, byte_fallback, charsmap, path));
  return absl::OkStatus();
}

}  // namespace

void AddedToken::ReadFlags(const Json& description) {
  const auto flag = [&](const char* name, bool absent) {
    const Json& value = Field(description, name);
    return value.is_boolean() ? value.get<bool>() : absent;
  };
  special = flag("special", special);
  single_word = flag("single_word", false);
  takes_left = flag("lstrip", false);
  takes_right = flag("rstrip", false);
}

absl::StatusOr<Json> ReadTokenizerJson(const std::string& path) {
  return ReadJson(path, kMaxTokenizerBytes, "a tokenizer");
}

absl::StatusOr<std::vector<AddedToken>> ParseAddedTokens(
    const Json& json, const std::string& path, int vocab_size) {
  std::vector<AddedToken> tokens;
  for (const Json& token : Field(json, "added_tokens")) {
    const Json& id = Field(token, "id");
    const Json& content = Field(token, "content");
    if (!id.is_number_unsigned() || !content.is_string() ||
        id.get<uint64_t>() >= static_cast<uint64_t>(vocab_size)) {
      return Invalid(path, absl::StrCat("added_tokens[", tokens.size(),
                                        "]: found ", Shown(token),
                                        ", expected its content and an "
                                        "id from 0 to ",
                                        vocab_size - 1));
    }
    AddedToken added;
    added.id = id.get<int32_t>();
    added.content = content.get<std::string>();
    added.ReadFlags(token);
    tokens.push_back(std::move(added));
  }
  return tokens;
}

absl::StatusOr<std::vector<AddedToken>> ParseAddedTokensDecoder(
    const Json& settings, const std::string& path, int vocab_size) {
  std::vector<AddedToken> tokens;
  const Json& decoder = Field(settings, "added_tokens_decoder");
  if (!decoder.is_object()) return tokens;
  for (const auto& [key, token] : decoder.items()) {
    const Json& content = Field(token, "content");
    AddedToken added;
    if (!absl::SimpleAtoi(key, &added.id) || added.id < 0 ||
        added.id >= vocab_size || !content.is_string()) {
      return Invalid(
          path,
          absl::StrCat("added_tokens_decoder: found \"", key,
                       "\": ", Shown(token), ", expected an id from 0 to ",
                       vocab_size - 1, " and an object with the content"));
    }
    added.content = content.get<std::string>();
    added.ReadFlags(token);
    tokens.push_back(std::move(added));
  }
  return tokens;
}

absl::StatusOr<TokenizerJson> ParseTokenizerJson(const Json& json,
                                                 const std::string& path,
                                                 int vocab_size) {
  TokenizerJson tokenizer;
  PEREGRINE_ASSIGN_OR_RETURN(tokenizer.added_tokens,
                             ParseAddedTokens(json, path, vocab_size));
  PEREGRINE_RETURN_IF_ERROR(CheckPreTokenizer(json, path));
  PEREGRINE_ASSIGN_OR_RETURN(const std::string charsmap,
                             ReadCharsmap(json, path));
  const Json& model = Field(json, "model");
  const Json& type = Field(model, "type");
  if (type == "BPE") {
    PEREGRINE_RETURN_IF_ERROR(
        ReadBpe(model, charsmap, path, vocab_size, tokenizer));
  } else if (type == "Unigram") {
    PEREGRINE_RETURN_IF_ERROR(
        ReadUnigram(model, charsmap, path, vocab_size, tokenizer));
  } else {
    return Unsupported(path, "model.type", type, "\"BPE\" or \"Unigram\"");
  }
  return tokenizer;
}

}  // namespace peregrine::formats
