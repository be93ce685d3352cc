#include "engine/formats/ctranslate2/tokens.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/ctranslate2/languages.h"
#include "engine/formats/hugging_face/t5_tokenizer.h"
#include "engine/formats/hugging_face/tokenizer_json.h"
#include "engine/formats/limits.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

using Splitter = std::shared_ptr<const text::SentencePieceModel>;

// Of those who share a splitter for both sides.
constexpr const char* kSplitters[] = {
    "sentencepiece.model", "sentencepiece.bpe.model", "spm.model",
    "spiece.model", "flores200_sacrebleu_tokenizer_spm.model"};
constexpr const char* kTokenizerJson = "tokenizer.json";

// ---- Settings

// config.json, or before version 6 attributes of model.bin.
struct TokenSettings {
  std::string unk = "<unk>";
  std::string bos = "<s>";
  std::string eos = "</s>";
  std::string decoder_start = "<s>";
  bool add_source_bos = false;
  bool add_source_eos = false;
};

absl::StatusOr<TokenSettings> ReadTokenSettings(const std::string& directory,
                                                CTranslate2File& file) {
  TokenSettings settings;
  const auto flag = [&](const char* name, bool absent) {
    return file.Scalar(name).value_or(absent ? 1 : 0) != 0;
  };
  settings.unk = file.Text("unk_token").value_or(settings.unk);
  settings.bos = file.Text("bos_token").value_or(settings.bos);
  settings.eos = file.Text("eos_token").value_or(settings.eos);
  settings.add_source_bos = flag("with_source_bos", false);
  settings.add_source_eos = flag("with_source_eos", false);
  settings.decoder_start =
      flag("with_target_bos", true) ? settings.bos : settings.eos;
  const bool user_start = flag("user_decoder_start_tokens", false);
  const std::string path = directory + "/config.json";
  if (file.version() < 6 || !FileExists(path)) {
    if (user_start) {
      return absl::UnimplementedError(
          absl::StrCat(file.path(),
                       ": user_decoder_start_tokens: found 1, expected 0: "
                       "requests cannot say with which token to start"));
    }
    return settings;
  }
  PEREGRINE_ASSIGN_OR_RETURN(const Json json,
                             ReadJson(path, kMaxConfigBytes, "a config.json"));
  if (json.is_object() && json.contains("decoder_start_token") &&
      json["decoder_start_token"].is_null()) {
    return absl::UnimplementedError(absl::StrCat(
        path,
        ": decoder_start_token: found null, expected a token: requests cannot "
        "say with which one to start"));
  }
  JsonObjectReader reader(json, path, "");
  settings.unk = reader.String("unk_token", settings.unk);
  settings.bos = reader.String("bos_token", settings.bos);
  settings.eos = reader.String("eos_token", settings.eos);
  settings.decoder_start =
      reader.String("decoder_start_token", settings.decoder_start);
  settings.add_source_bos =
      reader.Bool("add_source_bos", settings.add_source_bos);
  settings.add_source_eos =
      reader.Bool("add_source_eos", settings.add_source_eos);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return settings;
}

// ---- Vocabularies

// The file NAME.json or NAME.txt; empty where there is neither.
std::string VocabularyPath(const std::string& directory, const char* name) {
  for (const char* extension : {".json", ".txt"}) {
    std::string path = absl::StrCat(directory, "/", name, extension);
    if (FileExists(path)) return path;
  }
  return "";
}

struct Vocabulary {
  std::string path;
  std::vector<std::string> pieces;  // by id; as many as the model has rows

  absl::optional<int32_t> Find(const std::string& piece) const {
    const auto found = std::find(pieces.begin(), pieces.end(), piece);
    if (found == pieces.end()) return absl::nullopt;
    return static_cast<int32_t>(found - pieces.begin());
  }

  absl::StatusOr<int32_t> Require(const std::string& piece) const {
    const auto found = Find(piece);
    if (found.has_value()) return *found;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found no token \"", piece, "\", expected it as the model's"));
  }
};

absl::StatusOr<Vocabulary> LoadVocabulary(const std::string& path, int num_rows,
                                          const TokenSettings& settings) {
  Vocabulary vocabulary;
  vocabulary.path = path;
  PEREGRINE_ASSIGN_OR_RETURN(vocabulary.pieces, ReadVocabularyList(path));
  // As the library does, where the file has none.
  if (!vocabulary.Find(settings.unk)) vocabulary.pieces.push_back(settings.unk);
  if (vocabulary.pieces.size() > static_cast<size_t>(num_rows)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", vocabulary.pieces.size(),
                     " pieces with ", settings.unk, ", expected at most the ",
                     num_rows, " rows of the embedding"));
  }
  vocabulary.pieces.resize(num_rows);
  return vocabulary;
}

struct Vocabularies {
  Vocabulary source;
  Vocabulary target;
};

absl::StatusOr<Vocabularies> LoadVocabularies(
    const std::string& directory, const CTranslate2Architecture& architecture,
    const TokenSettings& settings) {
  const std::string shared = VocabularyPath(directory, "shared_vocabulary");
  std::string paths[2] = {shared, shared};
  const char* names[2] = {"source_vocabulary", "target_vocabulary"};
  for (int side = 0; side < 2; ++side) {
    if (shared.empty()) paths[side] = VocabularyPath(directory, names[side]);
    if (paths[side].empty()) {
      return absl::NotFoundError(absl::StrCat(
          directory, "/", names[side],
          ".json: no such file, expected it, or the same as .txt, or "
          "shared_vocabulary for both sides"));
    }
  }
  const model::ArchitectureConfig& config = architecture.config;
  const int extra = architecture.extra_rows();
  Vocabularies result;
  PEREGRINE_ASSIGN_OR_RETURN(
      result.source, LoadVocabulary(paths[0],
                                    config.source_vocab_size -
                                        (config.share_embeddings ? extra : 0),
                                    settings));
  PEREGRINE_ASSIGN_OR_RETURN(
      result.target,
      LoadVocabulary(paths[1], config.target_vocab_size - extra, settings));
  // The token that stands for the decoder's start has no spelling.
  result.source.pieces.resize(config.source_vocab_size);
  result.target.pieces.resize(config.target_vocab_size);
  return result;
}

// ---- What cuts text

// The first of `names` that is there; null where none is.
absl::StatusOr<Splitter> LoadSplitter(const std::string& directory,
                                      const char* first) {
  std::vector<const char*> names = {first};
  names.insert(names.end(), std::begin(kSplitters), std::end(kSplitters));
  for (const char* name : names) {
    const std::string path = absl::StrCat(directory, "/", name);
    if (!FileExists(path)) continue;
    PEREGRINE_ASSIGN_OR_RETURN(Splitter splitter,
                               text::SentencePieceModel::Load(path));
    return splitter;
  }
  return Splitter();
}

// Null where there is none.
absl::StatusOr<Splitter> SplitterOfJson(const std::string& directory,
                                        int vocab_size) {
  const std::string path = absl::StrCat(directory, "/", kTokenizerJson);
  if (!FileExists(path)) return Splitter();
  PEREGRINE_ASSIGN_OR_RETURN(const Json json, ReadTokenizerJson(path));
  PEREGRINE_ASSIGN_OR_RETURN(TokenizerJson parsed,
                             ParseTokenizerJson(json, path, vocab_size));
  return std::move(parsed.splitter);
}

// ---- What is added to sources

class Reader {
 public:
  Reader(const TokenSettings& settings,
         const CTranslate2Architecture& architecture, Vocabularies vocabularies)
      : settings_(settings),
        architecture_(architecture),
        vocabularies_(std::move(vocabularies)) {}

  absl::StatusOr<CTranslate2Tokens> Read(const std::string& directory) && {
    PEREGRINE_ASSIGN_OR_RETURN(
        languages_,
        ReadCTranslate2Languages(directory, vocabularies_.source.pieces));
    PEREGRINE_RETURN_IF_ERROR(ReadSymbols());
    PEREGRINE_RETURN_IF_ERROR(ReadAdded());
    result_.languages = languages_.languages;
    result_.source_language = languages_.source;
    result_.target_language = languages_.target;
    if (architecture_.is_t5) PEREGRINE_RETURN_IF_ERROR(AddT5(directory));
    PEREGRINE_RETURN_IF_ERROR(MakeTokenizers(directory));
    return std::move(result_);
  }

 private:
  absl::Status ReadSymbols() {
    const Vocabulary& target = vocabularies_.target;
    model::TokenConfig& tokens = result_.config;
    PEREGRINE_ASSIGN_OR_RETURN(tokens.unk,
                               vocabularies_.source.Require(settings_.unk));
    PEREGRINE_ASSIGN_OR_RETURN(tokens.eos, target.Require(settings_.eos));
    if (architecture_.zero_start) {
      tokens.decoder_start = architecture_.config.target_vocab_size - 1;
      tokens.bos = tokens.decoder_start;
    } else {
      PEREGRINE_ASSIGN_OR_RETURN(tokens.decoder_start,
                                 target.Require(settings_.decoder_start));
      tokens.bos = target.Find(settings_.bos).value_or(tokens.decoder_start);
    }
    tokens.pad = tokens.bos;  // there is no padding
    return absl::OkStatus();
  }

  // The converters of transformers' models add nothing: its tokenizers do. A
  // model of Marian needs the end symbol; M2M100 and NLLB also a language.
  absl::Status ReadAdded() {
    const Vocabulary& source = vocabularies_.source;
    model::TokenConfig& tokens = result_.config;
    const bool is_multilingual = !languages_.languages.empty();
    const bool adds_nothing =
        !settings_.add_source_bos && !settings_.add_source_eos;
    if (settings_.add_source_bos) {
      PEREGRINE_ASSIGN_OR_RETURN(const int32_t bos,
                                 source.Require(settings_.bos));
      tokens.source_prefix = {bos};
    }
    if (settings_.add_source_eos || architecture_.zero_start ||
        architecture_.is_t5 || is_multilingual) {
      PEREGRINE_ASSIGN_OR_RETURN(const int32_t eos,
                                 source.Require(settings_.eos));
      tokens.source_suffix = {eos};
    }
    if (is_multilingual) AddLanguage(tokens);
    if (adds_nothing && tokens.source_suffix.empty() &&
        settings_.decoder_start == settings_.eos) {
      result_.text_refusal =
          "its converter left to the caller what sources begin and end with, "
          "and no tokenizer_config.json tells it";
    }
    return absl::OkStatus();
  }

  void AddLanguage(model::TokenConfig& tokens) {
    const model::Language* language =
        model::FindLanguage(languages_.languages, languages_.source);
    const int32_t placeholder =
        language != nullptr ? language->token : languages_.languages[0].token;
    tokens.source_language = placeholder;
    if (languages_.is_suffix) {
      tokens.source_suffix.push_back(placeholder);
    } else {
      tokens.source_prefix.push_back(placeholder);
    }
    const std::string& name = languages_.tokenizer_class;
    if (!name.empty() && name != "M2M100Tokenizer" &&
        !absl::StartsWith(name, "NllbTokenizer")) {
      result_.text_refusal = absl::StrCat(
          "tokenizer_config.json: tokenizer_class: found \"", name,
          "\", expected M2M100Tokenizer or NllbTokenizer: it may put the "
          "languages elsewhere");
    }
  }

  // MADLAD-400 is told the target's language before the source.
  absl::Status AddT5(const std::string& directory) {
    result_.languages = MadladLanguages(vocabularies_.source.pieces);
    if (result_.languages.empty()) return absl::OkStatus();
    const model::Language* english =
        model::FindLanguage(result_.languages, "en");
    result_.source_language =
        english != nullptr ? english->code : result_.languages[0].code;
    result_.target_language = "";
    model::TokenConfig& tokens = result_.config;
    tokens.target_in_source = true;
    tokens.source_language = result_.languages[0].token;
    PEREGRINE_ASSIGN_OR_RETURN(const Splitter splitter,
                               FindSplitter(directory, "source.spm"));
    if (splitter != nullptr) {
      PEREGRINE_ASSIGN_OR_RETURN(
          const std::vector<std::string> before,
          PiecesBeforeLanguage(
              *splitter, vocabularies_.source.pieces[tokens.source_language],
              directory));
      for (const std::string& piece : before) {
        PEREGRINE_ASSIGN_OR_RETURN(tokens.source_prefix.emplace_back(),
                                   vocabularies_.source.Require(piece));
      }
    }
    tokens.source_prefix.push_back(tokens.source_language);
    return absl::OkStatus();
  }

  // By tokenizer.json, too, where the tokenizer is of a known kind.
  absl::StatusOr<Splitter> FindSplitter(const std::string& directory,
                                        const char* first) const {
    PEREGRINE_ASSIGN_OR_RETURN(Splitter found, LoadSplitter(directory, first));
    if (found != nullptr || !may_have_json()) return found;
    return SplitterOfJson(directory, architecture_.config.source_vocab_size);
  }

  bool may_have_json() const {
    return !languages_.languages.empty() || architecture_.is_t5;
  }

  absl::Status MakeTokenizers(const std::string& directory) {
    PEREGRINE_ASSIGN_OR_RETURN(Splitter target,
                               LoadSplitter(directory, "target.spm"));
    PEREGRINE_ASSIGN_OR_RETURN(Splitter source,
                               FindSplitter(directory, "source.spm"));
    if (target == nullptr && may_have_json()) target = source;
    if (source == nullptr && HasSentencePieces(vocabularies_.source.pieces)) {
      result_.text_refusal =
          "its pieces are SentencePiece's, and neither sentencepiece.model nor "
          "source.spm and target.spm stand in its directory";
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        result_.source, Tokenizer(vocabularies_.source, std::move(source)));
    PEREGRINE_ASSIGN_OR_RETURN(
        result_.target, Tokenizer(vocabularies_.target, std::move(target)));
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const text::Tokenizer>> Tokenizer(
      Vocabulary& vocabulary, Splitter splitter) const {
    PEREGRINE_ASSIGN_OR_RETURN(const int32_t unk,
                               vocabulary.Require(settings_.unk));
    absl::flat_hash_set<int32_t> silent;
    for (const std::string& piece : {settings_.bos, settings_.eos}) {
      silent.insert(vocabulary.Find(piece).value_or(-1));
    }
    if (!languages_.languages.empty()) {  // as transformers has it
      silent.insert({unk, vocabulary.Find("<pad>").value_or(-1),
                     vocabulary.Find("<mask>").value_or(-1)});
    }
    for (const model::Language& language : languages_.languages) {
      silent.insert(language.token);
    }
    return std::make_shared<text::VocabularyTokenizer>(
        std::make_shared<const text::Vocabulary>(std::move(vocabulary.pieces),
                                                 unk, std::move(silent)),
        std::move(splitter));
  }

  const TokenSettings& settings_;
  const CTranslate2Architecture& architecture_;
  Vocabularies vocabularies_;
  CTranslate2Languages languages_;
  CTranslate2Tokens result_;
};

}  // namespace

absl::StatusOr<CTranslate2Tokens> ReadCTranslate2Tokens(
    const std::string& directory, const std::string& tokenizer_directory,
    CTranslate2File& file, const CTranslate2Architecture& architecture) {
  PEREGRINE_ASSIGN_OR_RETURN(const TokenSettings settings,
                             ReadTokenSettings(directory, file));
  PEREGRINE_ASSIGN_OR_RETURN(
      Vocabularies vocabularies,
      LoadVocabularies(directory, architecture, settings));
  return Reader(settings, architecture, std::move(vocabularies))
      .Read(tokenizer_directory);
}

}  // namespace peregrine::formats
