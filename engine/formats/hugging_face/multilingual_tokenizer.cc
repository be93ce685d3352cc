#include "engine/formats/hugging_face/multilingual_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/tokenizer_json.h"
#include "engine/formats/vocabulary_files.h"

namespace peregrine::formats {
namespace {

constexpr const char* kModelFile = "sentencepiece.bpe.model";
constexpr const char* kTokenizerFile = "tokenizer.json";
constexpr const char* kSettingsFile = "tokenizer_config.json";

// Languages whose tokens, "__af__" and so on, have the ids after the
// vocabulary. They are in no file that transformers writes: it knows them by
// the name that tokenizer_config.json gives as language_codes.
constexpr absl::string_view kM2M100Languages =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi "
    "fr fy ga gd gl gu ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn "
    "ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt "
    "ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh "
    "yi yo zh zu";
constexpr absl::string_view kWmt21Languages = "en ha is ja cs ru zh de";

constexpr absl::string_view kMBart50Languages =
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX "
    "kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN "
    "zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN "
    "mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA "
    "ur_PK xh_ZA gl_ES sl_SI";

// What fairseq has before the pieces of the SentencePiece model, whose own
// first three stand for the same.
constexpr const char* kFairseqSpecials[] = {"<s>", "<pad>", "</s>", "<unk>"};
constexpr int kFairseqOffset = 1;

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

void SortLanguages(std::vector<model::Language>& languages) {
  std::sort(languages.begin(), languages.end(),
            [](const auto& a, const auto& b) { return a.code < b.code; });
}

absl::Status ReadSettings(const HuggingFaceDirectory& directory,
                          const Json& settings,
                          MultilingualTokenizer& tokenizer) {
  JsonObjectReader reader(settings, directory.Path(kSettingsFile), "");
  // Others put the languages elsewhere.
  reader.Choice<bool>("tokenizer_class",
                      {{"M2M100Tokenizer", true},
                       {"NllbTokenizer", true},
                       {"NllbTokenizerFast", true},
                       {"MBart50Tokenizer", true},
                       {"MBart50TokenizerFast", true},
                       {"SMALL100Tokenizer", true}},
                      /*absent=*/true);
  tokenizer.source_language = reader.String("src_lang", "");
  tokenizer.target_language = reader.String("tgt_lang", "");
  tokenizer.language_is_suffix = reader.Bool("legacy_behaviour", false);
  return reader.status();
}

absl::StatusOr<std::shared_ptr<const text::SentencePieceModel>> LoadSplitter(
    const HuggingFaceDirectory& directory) {
  return text::SentencePieceModel::Load(directory.Path(kModelFile));
}

// A language and its script: "eng_Latn".
bool IsNllbLanguage(absl::string_view token) {
  const size_t line = token.find('_');
  if (line < 2 || line > 3 || token.size() != line + 5) return false;
  const auto is_lower = [](absl::string_view text) {
    return std::all_of(text.begin(), text.end(), absl::ascii_islower);
  };
  return is_lower(token.substr(0, line)) &&
         absl::ascii_isupper(token[line + 1]) &&
         is_lower(token.substr(line + 2));
}

// A language and a country or XX: "en_XX".
bool IsMBartLanguage(absl::string_view token) {
  return token.size() == 5 && token[2] == '_' &&
         absl::ascii_islower(token[0]) && absl::ascii_islower(token[1]) &&
         absl::ascii_isupper(token[3]) && absl::ascii_isupper(token[4]);
}

bool IsM2M100Language(absl::string_view token) {
  return token.size() > 4 && absl::StartsWith(token, "__") &&
         absl::EndsWith(token, "__");
}

// A text that spells one of these means its characters.
bool IsReserved(absl::string_view token) {
  for (absl::string_view reserved :
       {"<s>", "</s>", "<pad>", "<unk>", "<mask>"}) {
    if (token == reserved) return true;
  }
  return IsNllbLanguage(token) || IsM2M100Language(token) ||
         IsMBartLanguage(token);
}

// Puts the tokens in their places, which must be free or theirs already.
absl::Status Place(const std::vector<AddedToken>& tokens,
                   const std::string& path, MultilingualTokenizer& tokenizer) {
  for (const AddedToken& token : tokens) {
    std::string& piece = tokenizer.pieces[token.id];
    if (!piece.empty() && piece != token.content) {
      return Error(
          path, absl::StrCat("added token \"", token.content, "\": found id ",
                             token.id, ", which the vocabulary has as \"",
                             piece, "\", expected one of its own"));
    }
    piece = token.content;
    const bool is_reserved = IsReserved(token.content);
    if (is_reserved || token.special) tokenizer.special.push_back(token.id);
    if (is_reserved) continue;
    tokenizer.words.push_back(token.Word());
  }
  return absl::OkStatus();
}

absl::Status PlaceNllbLanguages(const std::vector<AddedToken>& tokens,
                                const std::string& path,
                                MultilingualTokenizer& tokenizer) {
  PEREGRINE_RETURN_IF_ERROR(Place(tokens, path, tokenizer));
  for (const AddedToken& token : tokens) {
    if (!IsNllbLanguage(token.content)) continue;
    tokenizer.languages.push_back({token.content, token.id});
  }
  SortLanguages(tokenizer.languages);
  return absl::OkStatus();
}

// Pieces, and what cuts text into them.
absl::Status TakeTokenizerJson(const Json& json, const std::string& path,
                               int vocab_size,
                               MultilingualTokenizer& tokenizer) {
  PEREGRINE_ASSIGN_OR_RETURN(TokenizerJson parsed,
                             ParseTokenizerJson(json, path, vocab_size));
  tokenizer.pieces = std::move(parsed.pieces);
  tokenizer.splitter = std::move(parsed.splitter);
  return absl::OkStatus();
}

// The pieces of the SentencePiece model, where fairseq has them.
absl::Status PlaceModelPieces(const std::string& path, int vocab_size,
                              MultilingualTokenizer& tokenizer) {
  const text::SentencePieceModel& model = *tokenizer.splitter;
  if (model.vocab_size() + kFairseqOffset > vocab_size) {
    return Error(path, absl::StrCat("found ", model.vocab_size(),
                                    " pieces, expected at most ",
                                    vocab_size - kFairseqOffset,
                                    ", one less than config.json has as "
                                    "vocab_size"));
  }
  if (model.vocab_size() < 3 || model.unk_id() != 0) {
    return Error(path,
                 absl::StrCat("found ", model.vocab_size(),
                              " pieces, the unknown one at ", model.unk_id(),
                              ", expected it first, then those that "
                              "begin and end a sentence"));
  }
  tokenizer.pieces.resize(vocab_size);
  std::copy(std::begin(kFairseqSpecials), std::end(kFairseqSpecials),
            tokenizer.pieces.begin());
  for (int id = 3; id < model.vocab_size(); ++id) {
    tokenizer.pieces[id + kFairseqOffset] = std::string(model.piece(id));
  }
  return absl::OkStatus();
}

// Places the pieces of sentencepiece.bpe.model; the tokens beside them, which
// `source` names. Versions of transformers know the languages by heart.
absl::StatusOr<std::vector<AddedToken>> ReadMBart50Model(
    const HuggingFaceDirectory& directory, const Json& settings, int vocab_size,
    std::string& source, MultilingualTokenizer& tokenizer) {
  const std::string path = directory.Path(kModelFile);
  PEREGRINE_ASSIGN_OR_RETURN(tokenizer.splitter, LoadSplitter(directory));
  PEREGRINE_RETURN_IF_ERROR(PlaceModelPieces(path, vocab_size, tokenizer));
  PEREGRINE_ASSIGN_OR_RETURN(
      std::vector<AddedToken> tokens,
      ParseAddedTokensDecoder(settings, directory.Path(kSettingsFile),
                              vocab_size));
  source = directory.Path(kSettingsFile);
  if (std::any_of(tokens.begin(), tokens.end(), [](const AddedToken& token) {
        return IsMBartLanguage(token.content);
      })) {
    return tokens;
  }
  source = path;
  int32_t id = tokenizer.splitter->vocab_size() + kFairseqOffset;
  for (absl::string_view code : absl::StrSplit(kMBart50Languages, ' ')) {
    if (id >= vocab_size) {
      return Error(path, absl::StrCat("found ", id,
                                      " pieces and languages, expected at "
                                      "most the vocab_size of config.json, ",
                                      vocab_size));
    }
    AddedToken& token = tokens.emplace_back();
    token.id = id++;
    token.content = std::string(code);
  }
  return tokens;
}

}  // namespace

absl::StatusOr<MultilingualTokenizer> LoadM2M100Tokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size) {
  MultilingualTokenizer tokenizer;
  const std::string vocabulary_path = directory.Path("vocab.json");
  PEREGRINE_RETURN_IF_ERROR(ReadSettings(directory, settings, tokenizer));
  tokenizer.language_is_suffix = false;
  PEREGRINE_ASSIGN_OR_RETURN(tokenizer.splitter, LoadSplitter(directory));
  PEREGRINE_ASSIGN_OR_RETURN(tokenizer.pieces,
                             ReadVocabularyMap(vocabulary_path, vocab_size));
  const auto count = static_cast<int>(
      std::count_if(tokenizer.pieces.begin(), tokenizer.pieces.end(),
                    [](const std::string& piece) { return !piece.empty(); }));

  JsonObjectReader reader(settings, directory.Path(kSettingsFile), "");
  const std::vector<absl::string_view> codes = absl::StrSplit(
      reader.Choice<absl::string_view>(
          "language_codes",
          {{"m2m100", kM2M100Languages}, {"wmt21", kWmt21Languages}},
          kM2M100Languages),
      ' ');
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  if (count + static_cast<int>(codes.size()) > vocab_size) {
    return Error(
        vocabulary_path,
        absl::StrCat("found ", count, " pieces, expected at most ",
                     vocab_size - static_cast<int>(codes.size()),
                     ", as config.json has a vocab_size of ", vocab_size,
                     " and ", codes.size(), " languages follow"));
  }
  std::vector<AddedToken> tokens;
  for (absl::string_view code : codes) {
    const int32_t id = count + static_cast<int>(tokens.size());
    AddedToken& token = tokens.emplace_back();
    token.id = id;
    token.content = absl::StrCat("__", code, "__");
    tokenizer.languages.push_back({std::string(code), id});
  }
  SortLanguages(tokenizer.languages);
  PEREGRINE_RETURN_IF_ERROR(Place(tokens, vocabulary_path, tokenizer));
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::vector<AddedToken> added,
      ParseAddedTokensDecoder(settings, directory.Path(kSettingsFile),
                              vocab_size));
  PEREGRINE_RETURN_IF_ERROR(
      Place(added, directory.Path(kSettingsFile), tokenizer));
  if (tokenizer.source_language.empty()) tokenizer.source_language = "en";
  return tokenizer;
}

absl::StatusOr<MultilingualTokenizer> LoadMBart50Tokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size) {
  MultilingualTokenizer tokenizer;
  tokenizer.space_is_piece = true;
  PEREGRINE_RETURN_IF_ERROR(ReadSettings(directory, settings, tokenizer));
  tokenizer.language_is_suffix = false;
  std::string source;
  std::vector<AddedToken> tokens;
  if (directory.Has(kModelFile) || !directory.Has(kTokenizerFile)) {
    PEREGRINE_ASSIGN_OR_RETURN(
        tokens,
        ReadMBart50Model(directory, settings, vocab_size, source, tokenizer));
  } else {  // as transformers 5 writes it
    source = directory.Path(kTokenizerFile);
    PEREGRINE_ASSIGN_OR_RETURN(const Json json, ReadTokenizerJson(source));
    PEREGRINE_RETURN_IF_ERROR(
        TakeTokenizerJson(json, source, vocab_size, tokenizer));
    PEREGRINE_ASSIGN_OR_RETURN(tokens,
                               ParseAddedTokens(json, source, vocab_size));
  }
  PEREGRINE_RETURN_IF_ERROR(Place(tokens, source, tokenizer));
  for (const AddedToken& token : tokens) {
    if (IsMBartLanguage(token.content)) {
      tokenizer.languages.push_back({token.content, token.id});
    }
  }
  SortLanguages(tokenizer.languages);
  if (tokenizer.languages.empty()) {
    return Error(source,
                 "found no language among its added tokens, expected "
                 "some such as \"en_XX\"");
  }
  if (tokenizer.source_language.empty()) tokenizer.source_language = "en_XX";
  return tokenizer;
}

absl::StatusOr<MultilingualTokenizer> LoadNllbTokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size) {
  MultilingualTokenizer tokenizer;
  tokenizer.space_is_piece = true;
  PEREGRINE_RETURN_IF_ERROR(ReadSettings(directory, settings, tokenizer));
  PEREGRINE_ASSIGN_OR_RETURN(
      std::vector<AddedToken> tokens,
      ParseAddedTokensDecoder(settings, directory.Path(kSettingsFile),
                              vocab_size));
  std::string source = directory.Path(kSettingsFile);
  const std::string tokenizer_path = directory.Path(kTokenizerFile);
  const bool has_model = directory.Has(kModelFile);
  if (!has_model || (tokens.empty() && directory.Has(kTokenizerFile))) {
    source = tokenizer_path;
    PEREGRINE_ASSIGN_OR_RETURN(const Json json,
                               ReadTokenizerJson(tokenizer_path));
    PEREGRINE_ASSIGN_OR_RETURN(
        tokens, ParseAddedTokens(json, tokenizer_path, vocab_size));
    if (!has_model) {
      PEREGRINE_RETURN_IF_ERROR(
          TakeTokenizerJson(json, tokenizer_path, vocab_size, tokenizer));
    }
  }
  if (has_model) {
    PEREGRINE_ASSIGN_OR_RETURN(tokenizer.splitter, LoadSplitter(directory));
    PEREGRINE_RETURN_IF_ERROR(
        PlaceModelPieces(directory.Path(kModelFile), vocab_size, tokenizer));
  }
  PEREGRINE_RETURN_IF_ERROR(PlaceNllbLanguages(tokens, source, tokenizer));
  if (tokenizer.languages.empty()) {
    return Error(source,
                 "found no language among its added tokens, expected "
                 "some such as \"eng_Latn\"");
  }
  if (tokenizer.source_language.empty() &&
      model::FindLanguage(tokenizer.languages, "eng_Latn") != nullptr) {
    tokenizer.source_language = "eng_Latn";
  }
  return tokenizer;
}

}  // namespace peregrine::formats
