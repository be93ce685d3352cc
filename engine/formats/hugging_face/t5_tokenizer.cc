#include "engine/formats/hugging_face/t5_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/tokenizer_json.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

// As T5 has it, and as some copies of MADLAD-400 do.
constexpr const char* kModelFiles[] = {"spiece.model", "sentencepiece.model"};
constexpr const char* kTokenizerFile = "tokenizer.json";
constexpr const char* kSettingsFile = "tokenizer_config.json";
constexpr int kExtraIds = 100;

// A task that a text may begin with, for all of its sentences.
class TaskTokenizer final : public text::Tokenizer {
 public:
  TaskTokenizer(std::shared_ptr<const text::Tokenizer> tokenizer,
                std::vector<std::string> tasks)
      : tokenizer_(std::move(tokenizer)), tasks_(std::move(tasks)) {}

  std::vector<int32_t> Encode(absl::string_view text) const override {
    return tokenizer_->Encode(text);
  }
  std::string Decode(absl::Span<const int32_t> ids) const override {
    return tokenizer_->Decode(ids);
  }
  absl::string_view LanguageCode(absl::string_view text) const override {
    for (const std::string& task : tasks_) {
      if (absl::StartsWith(text, task)) return text.substr(0, task.size());
    }
    return "";
  }
  int vocab_size() const override { return tokenizer_->vocab_size(); }
  int32_t unk_id() const override { return tokenizer_->unk_id(); }
  absl::string_view piece(int32_t id) const override {
    return tokenizer_->piece(id);
  }
  absl::optional<int32_t> id(absl::string_view piece) const override {
    return tokenizer_->id(piece);
  }

 private:
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const std::vector<std::string> tasks_;
};

// The prefixes of task_specific_params, "translate English to German: ". What
// is no task with a prefix is passed over, as it changes nothing.
std::vector<std::string> ReadTasks(const Json& config) {
  std::vector<std::string> tasks;
  const auto found = config.find("task_specific_params");
  if (found == config.end() || !found->is_object()) return tasks;
  for (const auto& [name, task] : found->items()) {
    if (!task.is_object()) continue;
    const auto prefix = task.find("prefix");
    if (prefix == task.end() || !prefix->is_string()) continue;
    std::string text = prefix->get<std::string>();
    if (!text.empty()) tasks.push_back(std::move(text));
  }
  return tasks;
}

// The code of "<2de>", "" where the piece is none. "<2Latn>" is a script's.
absl::string_view LanguageOf(absl::string_view piece) {
  if (!absl::ConsumePrefix(&piece, "<2") || !absl::ConsumeSuffix(&piece, ">") ||
      piece.size() < 2 || !absl::ascii_islower(piece[0])) {
    return "";
  }
  return piece;
}

struct Pieces {
  std::shared_ptr<const text::SentencePieceModel> model;
  std::string path;
  std::vector<std::string> by_id;
  int32_t unk = -1;
  std::vector<int32_t> places;  // where text was left out in training
  std::vector<text::AddedWord> words;

  // A token beside those of the model: special, or a word.
  void Add(const AddedToken& token) {
    by_id[token.id] = token.content;
    if (token.special) {
      places.push_back(token.id);
    } else {
      words.push_back(token.Word());
    }
  }
};

// spiece.model leaves the ids behind its own to the places, the last first, and
// to words that tokenizer_config.json has.
absl::StatusOr<Pieces> PiecesOfModel(const HuggingFaceDirectory& directory,
                                     const char* file, int vocab_size) {
  Pieces pieces;
  pieces.path = directory.Path(file);
  PEREGRINE_ASSIGN_OR_RETURN(pieces.model,
                             text::SentencePieceModel::Load(pieces.path));
  const int count = pieces.model->vocab_size();
  if (count > vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        pieces.path, ": found ", count, " pieces, expected at most ",
        vocab_size, ", which config.json has as vocab_size"));
  }
  pieces.unk = pieces.model->unk_id();
  pieces.by_id.resize(vocab_size);
  for (int id = 0; id < count; ++id) {
    pieces.by_id[id] = std::string(pieces.model->piece(id));
  }
  for (int n = 0; n < kExtraIds; ++n) {
    const int id = count + kExtraIds - 1 - n;
    if (id >= vocab_size) continue;
    pieces.by_id[id] = absl::StrCat("<extra_id_", n, ">");
    pieces.places.push_back(id);
  }
  PEREGRINE_ASSIGN_OR_RETURN(const Json settings,
                             directory.ReadTokenizerConfig());
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::vector<AddedToken> added,
      ParseAddedTokensDecoder(settings, directory.Path(kSettingsFile),
                              vocab_size));
  for (const AddedToken& token : added) {
    if (token.id >= count) pieces.Add(token);
  }
  return pieces;
}

// All that transformers 5 writes.
absl::StatusOr<Pieces> PiecesOfJson(std::string path, int vocab_size) {
  Pieces pieces;
  pieces.path = std::move(path);
  PEREGRINE_ASSIGN_OR_RETURN(const Json json, ReadTokenizerJson(pieces.path));
  PEREGRINE_ASSIGN_OR_RETURN(TokenizerJson parsed,
                             ParseTokenizerJson(json, pieces.path, vocab_size));
  if (parsed.unk < 0) {
    return absl::UnimplementedError(absl::StrCat(
        pieces.path,
        ": model.type: found \"BPE\", expected \"Unigram\", as T5 has it"));
  }
  pieces.model = std::move(parsed.splitter);
  pieces.by_id = std::move(parsed.pieces);
  pieces.unk = parsed.unk;
  for (const AddedToken& token : parsed.added_tokens) pieces.Add(token);
  return pieces;
}

absl::StatusOr<Pieces> LoadPieces(const HuggingFaceDirectory& directory,
                                  int vocab_size) {
  for (const char* file : kModelFiles) {
    if (directory.Has(file)) {
      return PiecesOfModel(directory, file, vocab_size);
    }
  }
  if (directory.Has(kTokenizerFile)) {
    return PiecesOfJson(directory.Path(kTokenizerFile), vocab_size);
  }
  return absl::NotFoundError(absl::StrCat(directory.Path(kModelFiles[0]),
                                          ": no such file, expected it or ",
                                          kTokenizerFile, " to cut text by"));
}

}  // namespace

std::vector<model::Language> MadladLanguages(
    const std::vector<std::string>& pieces) {
  std::vector<model::Language> languages;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const absl::string_view code = LanguageOf(pieces[id]);
    if (code.empty()) continue;
    languages.push_back({std::string(code), static_cast<int32_t>(id)});
  }
  std::sort(languages.begin(), languages.end(),
            [](const auto& a, const auto& b) { return a.code < b.code; });
  return languages;
}

absl::StatusOr<std::vector<std::string>> PiecesBeforeLanguage(
    const text::SentencePieceModel& model, const std::string& language,
    const std::string& path) {
  std::vector<std::string> pieces = model.EncodeAsPieces(language);
  if (pieces.empty() || pieces.back() != language) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": piece ", language,
        ": found that text is not cut into it, expected a token of a language "
        "that it may begin with"));
  }
  pieces.pop_back();
  return pieces;
}

absl::StatusOr<T5Tokenizer> LoadT5Tokenizer(
    const HuggingFaceDirectory& directory, int vocab_size,
    model::TokenConfig& tokens) {
  PEREGRINE_ASSIGN_OR_RETURN(Pieces pieces, LoadPieces(directory, vocab_size));
  tokens.unk = pieces.unk;
  T5Tokenizer result;
  result.languages = MadladLanguages(pieces.by_id);
  if (!result.languages.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(
        const std::vector<std::string> before,
        PiecesBeforeLanguage(*pieces.model,
                             pieces.by_id[result.languages[0].token],
                             pieces.path));
    for (const std::string& piece : before) {
      result.before_language.push_back(
          pieces.model->id(piece).value_or(tokens.unk));
    }
  }
  absl::flat_hash_set<int32_t> silent(pieces.places.begin(),
                                      pieces.places.end());
  silent.insert({tokens.unk, tokens.bos, tokens.eos, tokens.pad});
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(pieces.by_id), tokens.unk, std::move(silent));
  text::VocabularyTokenizer::Added words;
  words.words = text::AddedWords(std::move(pieces.words));
  result.tokenizer = std::make_shared<text::VocabularyTokenizer>(
      std::move(vocabulary), std::move(pieces.model), std::move(words));
  std::vector<std::string> tasks = ReadTasks(directory.config());
  if (!tasks.empty()) {
    result.tokenizer = std::make_shared<TaskTokenizer>(
        std::move(result.tokenizer), std::move(tasks));
  }
  return result;
}

}  // namespace peregrine::formats
