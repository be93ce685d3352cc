#include "engine/formats/ctranslate2/languages.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

// tokenizer.json holds a whole vocabulary; that of NLLB has 32 MB.
constexpr size_t kMaxTokenizerBytes = 64 << 20;
// Fewer are no languages but pieces that look like some.
constexpr size_t kMinLanguages = 2;

// The language of a token, "" where it is none: "en" of "__en__" as M2M100 has
// them, "eng_Latn" of itself as NLLB has them.
std::string LanguageOf(absl::string_view token) {
  if (token.size() > 4 && absl::StartsWith(token, "__") &&
      absl::EndsWith(token, "__")) {
    const absl::string_view code = token.substr(2, token.size() - 4);
    return LanguageTag(code) == "und" ? "" : std::string(code);
  }
  // Three letters, and four of the script.
  const bool is_nllb =
      token.size() == 8 && token[3] == '_' && absl::ascii_isupper(token[4]) &&
      std::all_of(token.begin(), token.begin() + 3, absl::ascii_islower) &&
      std::all_of(token.begin() + 5, token.end(), absl::ascii_islower);
  return is_nllb ? std::string(token) : "";
}

// {} where there is no such file.
absl::StatusOr<Json> ReadObject(const std::string& path, size_t max_bytes) {
  if (!FileExists(path)) return Json::object();
  PEREGRINE_ASSIGN_OR_RETURN(Json json,
                             ReadJson(path, max_bytes, "a tokenizer's file"));
  if (!json.is_object()) return Json::object();
  return json;
}

// A token, or an object that describes one.
void AddToken(const Json& token, std::set<std::string>& tokens) {
  if (token.is_string()) {
    tokens.insert(token.get<std::string>());
  } else if (token.is_object() && token.contains("content") &&
             token["content"].is_string()) {
    tokens.insert(token["content"].get<std::string>());
  }
}

// A list or an object of them.
void AddTokens(const Json& json, const char* field,
               std::set<std::string>& tokens) {
  const auto found = json.find(field);
  if (found == json.end()) return;
  if (!found->is_array() && !found->is_object()) return;
  for (const Json& token : *found) AddToken(token, tokens);
}

std::string Text(const Json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

std::vector<model::Language> LanguagesAmong(
    const std::set<std::string>& tokens,
    const std::map<std::string, int32_t>& ids) {
  std::vector<model::Language> languages;
  for (const std::string& token : tokens) {
    const std::string code = LanguageOf(token);
    const auto id = ids.find(token);
    if (!code.empty() && id != ids.end()) {
      languages.push_back({code, id->second});
    }
  }
  std::sort(languages.begin(), languages.end(),
            [](const auto& a, const auto& b) { return a.code < b.code; });
  return languages;
}

}  // namespace

absl::StatusOr<CTranslate2Languages> ReadCTranslate2Languages(
    const std::string& directory, const std::vector<std::string>& pieces) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json settings,
      ReadObject(directory + "/tokenizer_config.json", kMaxConfigBytes));
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json special,
      ReadObject(directory + "/special_tokens_map.json", kMaxConfigBytes));
  std::set<std::string> tokens;
  for (const char* field : {"additional_special_tokens", "extra_special_tokens",
                            "added_tokens_decoder"}) {
    AddTokens(settings, field, tokens);
    AddTokens(special, field, tokens);
  }
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (!LanguageOf(pieces[id]).empty()) {
      ids.emplace(pieces[id], static_cast<int32_t>(id));
    }
  }
  CTranslate2Languages found;
  found.languages = LanguagesAmong(tokens, ids);
  if (found.languages.size() < kMinLanguages && !ids.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(
        const Json tokenizer,
        ReadObject(directory + "/tokenizer.json", kMaxTokenizerBytes));
    AddTokens(tokenizer, "added_tokens", tokens);
    found.languages = LanguagesAmong(tokens, ids);
  }
  if (found.languages.size() < kMinLanguages) {
    tokens.clear();
    for (const auto& [piece, id] : ids) tokens.insert(piece);
    found.languages = LanguagesAmong(tokens, ids);
  }
  if (found.languages.size() < kMinLanguages) found.languages.clear();
  found.tokenizer_class = Text(settings, "tokenizer_class");
  const auto legacy = settings.find("legacy_behaviour");
  found.is_suffix =
      legacy != settings.end() && legacy->is_boolean() && legacy->get<bool>();
  if (found.languages.empty()) {  // as Marian's tokenizer calls them
    found.source = Text(settings, "source_lang");
    found.target = Text(settings, "target_lang");
    return found;
  }
  const auto known = [&](const std::string& code) {
    return model::FindLanguage(found.languages, code) != nullptr;
  };
  // Without any, transformers takes English.
  for (const std::string& code : {Text(settings, "src_lang"),
                                  std::string("eng_Latn"), std::string("en")}) {
    if (found.source.empty() && known(code)) found.source = code;
  }
  const std::string target = Text(settings, "tgt_lang");
  if (known(target)) found.target = target;
  return found;
}

}  // namespace peregrine::formats
