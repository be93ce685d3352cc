#include "engine/formats/hugging_face/t5_tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

// As T5 has it, and as some copies of MADLAD-400 do.
constexpr const char* kModelFiles[] = {"spiece.model", "sentencepiece.model"};
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

absl::StatusOr<std::shared_ptr<const text::SentencePieceModel>> LoadModel(
    const HuggingFaceDirectory& directory, std::string& path) {
  for (const char* file : kModelFiles) {
    path = directory.Path(file);
    if (directory.Has(file)) return text::SentencePieceModel::Load(path);
  }
  path = directory.Path(kModelFiles[0]);
  return absl::NotFoundError(absl::StrCat(
      path,
      ": no such file, expected it to cut text by; tokenizer.json is "
      "not read for T5"));
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
  std::string path;
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::shared_ptr<const text::SentencePieceModel> model,
      LoadModel(directory, path));
  const int num_pieces = model->vocab_size();
  if (num_pieces > vocab_size) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found ", num_pieces, " pieces, expected at most ",
                     vocab_size, ", which config.json has as vocab_size"));
  }
  std::vector<std::string> pieces(vocab_size);
  for (int id = 0; id < num_pieces; ++id) {
    pieces[id] = std::string(model->piece(id));
  }
  tokens.unk = model->unk_id();
  absl::flat_hash_set<int32_t> silent = {tokens.unk, tokens.bos, tokens.eos,
                                         tokens.pad};
  for (int n = 0; n < kExtraIds; ++n) {
    const int id = num_pieces + kExtraIds - 1 - n;
    if (id >= vocab_size) continue;
    pieces[id] = absl::StrCat("<extra_id_", n, ">");
    silent.insert(id);
  }
  T5Tokenizer result;
  result.languages = MadladLanguages(pieces);
  if (!result.languages.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(
        const std::vector<std::string> before,
        PiecesBeforeLanguage(*model, pieces[result.languages[0].token], path));
    for (const std::string& piece : before) {
      result.before_language.push_back(model->id(piece).value_or(tokens.unk));
    }
  }
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(pieces), tokens.unk, std::move(silent));
  result.tokenizer =
      std::make_shared<text::VocabularyTokenizer>(std::move(vocabulary), model);
  std::vector<std::string> tasks = ReadTasks(directory.config());
  if (!tasks.empty()) {
    result.tokenizer = std::make_shared<TaskTokenizer>(
        std::move(result.tokenizer), std::move(tasks));
  }
  return result;
}

}  // namespace peregrine::formats
