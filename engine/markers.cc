#include "engine/markers.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "engine/document/units.h"

namespace peregrine {
namespace {

absl::Status Wrong(absl::string_view found, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("markers: found ", found, ", expected ", expected));
}

bool Holds(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool IsSpecial(int32_t id, const model::ModelConfig& config) {
  const model::TokenConfig& tokens = config.tokens;
  for (int32_t special : {tokens.pad, tokens.bos, tokens.eos, tokens.unk,
                          tokens.decoder_start, tokens.source_language}) {
    if (id == special) return true;
  }
  return Holds(tokens.source_prefix, id) || Holds(tokens.source_suffix, id) ||
         std::any_of(config.languages.begin(), config.languages.end(),
                     [&](const model::Language& language) {
                       return language.token == id;
                     });
}

// Wherever it stands, no word that touches it takes it for a part of itself.
bool StandsAlone(absl::string_view text) {
  for (const char* beside : {"a", "1"}) {
    const std::string glued = absl::StrCat(beside, text, beside);
    const std::vector<document::ByteRange> units = document::Units(glued);
    if (units.front().end != 1 || units.back().begin + 1 != glued.size()) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<int32_t> IdOf(absl::string_view text,
                             const text::Tokenizer& tokenizer,
                             absl::string_view side) {
  const auto id = tokenizer.id(text);
  if (id.has_value()) return *id;
  return Wrong(absl::StrCat("'", text, "'"),
               absl::StrCat("a piece of the ", side, " vocabulary"));
}

absl::Status CheckTexts(const std::vector<std::string>& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!StandsAlone(texts[i])) {
      return Wrong(absl::StrCat("'", texts[i], "'"),
                   "one that neither begins nor ends with a letter or digit");
    }
    for (size_t j = 0; j < texts.size(); ++j) {
      if (i != j && absl::StrContains(texts[j], texts[i])) {
        return Wrong(absl::StrCat("'", texts[i], "'"),
                     absl::StrCat("one that is no part of '", texts[j], "'"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Markers> FindMarkers(std::vector<std::string> texts,
                                    const model::ModelConfig& config,
                                    const text::Tokenizer* source,
                                    const text::Tokenizer* target) {
  Markers markers;
  if (texts.empty()) return markers;
  if (source == nullptr || target == nullptr) {
    return Wrong("some", "none where there is no tokenizer");
  }
  PEREGRINE_RETURN_IF_ERROR(CheckTexts(texts));
  for (const std::string& text : texts) {
    PEREGRINE_ASSIGN_OR_RETURN(const int32_t source_id,
                               IdOf(text, *source, "source"));
    PEREGRINE_ASSIGN_OR_RETURN(const int32_t target_id,
                               IdOf(text, *target, "target"));
    const std::string name = absl::StrCat("'", text, "'");
    if (IsSpecial(source_id, config) || IsSpecial(target_id, config)) {
      return Wrong(absl::StrCat(name, ", a special token"),
                   "pieces that stand for text");
    }
    if (Holds(config.decoding.suppressed_tokens, target_id)) {
      return Wrong(absl::StrCat(name, " among decoding.suppressed_tokens"),
                   "a piece that may be generated");
    }
    if (!Holds(source->Encode(absl::StrCat("a ", text, " a")), source_id) ||
        target->Decode({target_id}) != text) {
      return Wrong(absl::StrCat(name, ", which text is not cut into"),
                   "a piece that it is, such as a user-defined symbol");
    }
    markers.source_ids.push_back(source_id);
    markers.target_ids.push_back(target_id);
  }
  markers.texts = std::move(texts);
  return markers;
}

}  // namespace peregrine
