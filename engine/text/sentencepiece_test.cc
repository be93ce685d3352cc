#include "engine/text/sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/damage.h"
#include "engine/text/open_prefix.h"
#include "engine/text/sentencepiece_model.pb.h"
#include "engine/text/spellings.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ModelPointer = std::unique_ptr<SentencePieceModel>;

// Where the reference library's answers are (see testdata/make_goldens.py). The
// environment may name another such directory, for a larger check.
std::string GoldenDirectory() {
  const char* other = std::getenv("PEREGRINE_TEXT_GOLDENS");
  return other != nullptr
             ? other
             : absl::StrCat(PEREGRINE_SOURCE_DIR, "/tests/golden/text");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::vector<std::string> lines = absl::StrSplit(ReadFile(path), '\n');
  EXPECT_EQ(lines.back(), "") << path;
  lines.pop_back();
  return lines;
}

std::string Unescape(absl::string_view escaped) {
  std::string text;
  EXPECT_TRUE(absl::CUnescape(escaped, &text)) << escaped;
  return text;
}

std::vector<std::int32_t> ParseIds(absl::string_view field) {
  std::vector<std::int32_t> ids;
  for (const absl::string_view word :
       absl::StrSplit(field, ' ', absl::SkipEmpty())) {
    std::int32_t id = -1;
    EXPECT_TRUE(absl::SimpleAtoi(word, &id)) << word;
    ids.push_back(id);
  }
  return ids;
}

std::string FormatRanges(const std::vector<Piece>& pieces) {
  std::string ranges;
  for (const Piece& piece : pieces) {
    absl::StrAppend(&ranges, ranges.empty() ? "" : " ", piece.begin, "-",
                    piece.end);
  }
  return ranges;
}

std::vector<std::int32_t> Ids(const std::vector<Piece>& pieces) {
  std::vector<std::int32_t> ids;
  for (const Piece& piece : pieces) ids.push_back(piece.id);
  return ids;
}

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(GoldenDirectory())) {
    if (entry.path().extension() == ".model") {
      names.push_back(entry.path().stem());
    }
  }
  return names;
}

class GoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto model = SentencePieceModel::Load(Path(".model"));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  std::string Path(absl::string_view suffix) const {
    return absl::StrCat(GoldenDirectory(), "/", GetParam(), suffix);
  }

  ModelPointer model_;
};

TEST_P(GoldenTest, SpellingsDecodeToTheSame) {
  for (const std::string text : {"garden", "the old", "a", "x y z"}) {
    const auto spellings = Spellings(*model_, text, 8);
    EXPECT_EQ(spellings[0], model_->Encode(text));
    EXPECT_LE(spellings.size(), 8u);
    const std::set<std::vector<int32_t>> different(spellings.begin(),
                                                   spellings.end());
    EXPECT_EQ(different.size(), spellings.size());
    for (const std::vector<int32_t>& spelling : spellings) {
      EXPECT_EQ(model_->Decode(spelling), model_->Decode(spellings[0]));
    }
  }
}

// Each way through a completion spells a word that begins so.
TEST_P(GoldenTest, AnOpenPrefixGoesOnInAnyPieces) {
  for (const std::string text :
       {"the gard", "the garden", "a", "the 12", "x, "}) {
    const std::vector<int32_t> tokens = model_->Encode(text);
    const OpenPrefix open = OpenLastWord(*model_, text, tokens);
    if (open.completion.empty()) {
      EXPECT_EQ(open.tokens, tokens);
      continue;
    }
    std::mt19937 random(1);
    for (int i = 0; i < 50; ++i) {
      std::vector<int32_t> spelled = open.tokens;
      size_t place = 0;
      while (place < open.completion.size()) {
        const std::vector<int32_t>& ways = open.completion[place];
        ASSERT_FALSE(ways.empty());
        const size_t way = random() % (ways.size() / 2);
        if (way > 0) {
          EXPECT_LT(ways[2 * way - 2], ways[2 * way]);
        }
        spelled.push_back(ways[2 * way]);
        ASSERT_GT(static_cast<size_t>(ways[2 * way + 1]), place);
        place = static_cast<size_t>(ways[2 * way + 1]);
      }
      const std::string usual = model_->Decode(tokens);
      EXPECT_EQ(model_->Decode(spelled).substr(0, usual.size()), usual);
    }
  }
  EXPECT_TRUE(OpenLastWord(*model_, "the 12", model_->Encode("the 12"))
                  .completion.empty());
}

TEST_P(GoldenTest, EncodesAsTheReference) {
  const std::vector<std::string> texts =
      ReadLines(GoldenDirectory() + "/texts.txt");
  const std::vector<std::string> answers = ReadLines(Path(".encode"));
  ASSERT_EQ(texts.size(), answers.size());
  ASSERT_GT(texts.size(), 100);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("text ", i, ": ", texts[i]));
    const std::string text = Unescape(texts[i]);
    const std::vector<std::string> fields = absl::StrSplit(answers[i], '\t');
    ASSERT_EQ(fields.size(), 3);

    const std::vector<std::int32_t> ids = model_->Encode(text);
    EXPECT_EQ(ids, ParseIds(fields[0]));
    const std::vector<Piece> pieces = model_->EncodeWithOffsets(text);
    EXPECT_EQ(Ids(pieces), ids);
    EXPECT_EQ(FormatRanges(pieces), fields[1]);
    EXPECT_EQ(model_->Decode(ids),
              fields[2] == "=" ? text : Unescape(fields[2]));
  }
}

// Pieces by their spellings are those of the ids, but that unknown characters
// are spelt as they are.
TEST_P(GoldenTest, SpellsWhatItEncodes) {
  for (const std::string& line : ReadLines(GoldenDirectory() + "/texts.txt")) {
    SCOPED_TRACE(line);
    const std::string text = Unescape(line);
    const std::vector<std::int32_t> ids = model_->Encode(text);
    const std::vector<std::string> pieces = model_->EncodeAsPieces(text);
    ASSERT_EQ(pieces.size(), ids.size());
    bool has_unknown = false;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == model_->unk_id()) {
        has_unknown = true;
        EXPECT_NE(pieces[i], "");
        EXPECT_NE(pieces[i], model_->piece(ids[i]));
      } else {
        EXPECT_EQ(pieces[i], model_->piece(ids[i]));
      }
    }
    if (has_unknown) continue;
    const std::vector<absl::string_view> views(pieces.begin(), pieces.end());
    EXPECT_EQ(model_->DecodePieces(views), model_->Decode(ids));
  }
  EXPECT_EQ(model_->DecodePieces({"no such", "\xE2\x96\x81piece"}),
            "no such piece");
}

TEST_P(GoldenTest, DecodesAsTheReference) {
  const std::vector<std::string> answers = ReadLines(Path(".decode"));
  ASSERT_GT(answers.size(), 10);
  for (const std::string& answer : answers) {
    SCOPED_TRACE(answer);
    const std::vector<std::string> fields = absl::StrSplit(answer, '\t');
    ASSERT_EQ(fields.size(), 2);
    EXPECT_EQ(model_->Decode(ParseIds(fields[0])), Unescape(fields[1]));
  }
}

TEST_P(GoldenTest, FindsEveryPiece) {
  ASSERT_GT(model_->vocab_size(), 0);
  for (std::int32_t id = 0; id < model_->vocab_size(); ++id) {
    EXPECT_EQ(model_->id(model_->piece(id)), id) << model_->piece(id);
  }
  EXPECT_EQ(model_->id("no such piece"), absl::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& test) { return test.param; });

// A vocabulary of <unk> and, from id 1, the given pieces of score 0, -1, ...
ModelFile MakeFile(const std::vector<std::string>& pieces) {
  ModelFile file;
  file.mutable_training()->set_model_type(Training::BPE);
  file.mutable_normalization()->set_add_dummy_prefix(false);
  ModelFile::Piece* unknown = file.add_pieces();
  unknown->set_piece("<unk>");
  unknown->set_type(ModelFile::Piece::UNKNOWN);
  for (const std::string& text : pieces) {
    ModelFile::Piece* piece = file.add_pieces();
    piece->set_piece(text);
    piece->set_score(1.0F - static_cast<float>(file.pieces_size()));
  }
  return file;
}

absl::StatusOr<ModelPointer> Parse(const ModelFile& file) {
  return SentencePieceModel::Parse(file.SerializeAsString(), "some.model");
}

ModelPointer ParseOrDie(const ModelFile& file) {
  absl::StatusOr<ModelPointer> model = Parse(file);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::string ErrorOf(const ModelFile& file) {
  const absl::StatusOr<ModelPointer> model = Parse(file);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("some.model: "));
  return std::string(model.status().message());
}

TEST(SentencePieceTest, MergesTheBestPairFirstAndThenTheLeftmost) {
  const ModelPointer model = ParseOrDie(MakeFile({"bc", "ab", "a", "b", "c"}));
  EXPECT_THAT(model->Encode("abc"), ElementsAre(3, 1));
  EXPECT_THAT(model->Encode("abb"), ElementsAre(2, 4));
  EXPECT_THAT(model->Encode("bcbc"), ElementsAre(1, 1));
}

// "a", "aa" and "aa", "a" score alike.
TEST(SentencePieceTest, PrefersTheShorterFirstPieceOfEquallyProbableCuts) {
  ModelFile file = MakeFile({"a", "aa"});
  file.mutable_training()->set_model_type(Training::UNIGRAM);
  file.mutable_pieces(1)->set_score(-1);
  file.mutable_pieces(2)->set_score(-1.5F);
  EXPECT_THAT(ParseOrDie(file)->Encode("aaa"), ElementsAre(1, 2));
}

TEST(SentencePieceTest, JoinsUnknownCharactersIntoOneToken) {
  const ModelPointer model = ParseOrDie(MakeFile({"a"}));
  EXPECT_THAT(model->Encode("xyazz"), ElementsAre(0, 1, 0));
  EXPECT_EQ(FormatRanges(model->EncodeWithOffsets("x\xC3\xA9"
                                                  "a")),
            "0-3 3-4");
}

TEST(SentencePieceTest, DecodesAnyId) {
  const ModelPointer model = ParseOrDie(MakeFile({"a"}));
  const std::string unknown = " \xE2\x81\x87 ";
  EXPECT_EQ(model->Decode({1, -1, 1}), "a" + unknown + "a");
  EXPECT_EQ(model->Decode({2}), unknown);
  EXPECT_EQ(model->Decode({INT32_MIN, INT32_MAX}), unknown + unknown);
  EXPECT_EQ(model->Decode({}), "");
}

TEST(SentencePieceTest, NeverYieldsControlTokens) {
  ModelFile file = MakeFile({"a", "</s>", "x"});
  file.mutable_pieces(2)->set_type(ModelFile::Piece::CONTROL);
  file.mutable_pieces(3)->set_type(ModelFile::Piece::CONTROL);
  for (const auto type : {Training::BPE, Training::UNIGRAM}) {
    file.mutable_training()->set_model_type(type);
    const ModelPointer model = ParseOrDie(file);
    EXPECT_THAT(model->Encode("a</s>x"), ElementsAre(1, 0));
    EXPECT_EQ(model->Decode({1, 2, 3, 1}), "aa");
  }
}

TEST(SentencePieceTest, ReadsANulPieceBesideBytePiecesAsUnused) {
  ModelFile file = MakeFile({std::string(1, '\0')});
  EXPECT_THAT(ErrorOf(file), HasSubstr("NUL"));
  file.mutable_training()->set_byte_fallback(true);
  for (int byte = 0; byte < 256; ++byte) {
    ModelFile::Piece* piece = file.add_pieces();
    piece->set_piece(absl::StrCat(
        "<0x",
        absl::AsciiStrToUpper(absl::StrCat(absl::Hex(byte, absl::kZeroPad2))),
        ">"));
    piece->set_type(ModelFile::Piece::BYTE);
  }
  const ModelPointer model = ParseOrDie(file);
  EXPECT_THAT(model->Encode(std::string(1, '\0')), ElementsAre(2));
}

TEST(SentencePieceTest, EncodesNothingAsNothing) {
  const ModelPointer model = ParseOrDie(MakeFile({"a"}));
  EXPECT_THAT(model->Encode(""), IsEmpty());
  EXPECT_THAT(model->EncodeWithOffsets("   "), IsEmpty());
}

// A long text must neither overflow the stack nor take quadratic time.
TEST(SentencePieceTest, EncodesLongTexts) {
  ModelFile file = MakeFile({"a", "b", "ab", "abab"});
  std::string text;
  while (text.size() < 2'000'000) text += "abaab";
  for (const auto type : {Training::BPE, Training::UNIGRAM}) {
    file.mutable_training()->set_model_type(type);
    const ModelPointer model = ParseOrDie(file);
    EXPECT_EQ(model->Decode(model->Encode(text)), text);
  }
}

// Unused pieces are taken apart one merge at a time: a deep one must not need
// a deep stack.
TEST(SentencePieceTest, TakesLongUnusedPiecesApart) {
  std::vector<std::string> pieces = {"a"};
  for (std::size_t size = 2; size <= 3000; ++size) {
    pieces.emplace_back(size, 'a');
  }
  ModelFile file = MakeFile(pieces);
  for (int id = 2; id < file.pieces_size(); ++id) {
    file.mutable_pieces(id)->set_type(ModelFile::Piece::UNUSED);
    file.mutable_pieces(id)->set_score(static_cast<float>(id));
  }
  const ModelPointer model = ParseOrDie(file);
  EXPECT_EQ(model->Encode(std::string(3000, 'a')),
            std::vector<std::int32_t>(3000, 1));
}

TEST(LoadTest, NamesTheFileThatIsMissingOrNoFile) {
  const auto missing = SentencePieceModel::Load("/no/such.model");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("/no/such.model"));
  const auto directory = SentencePieceModel::Load(GoldenDirectory());
  EXPECT_EQ(directory.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr(GoldenDirectory()));
}

TEST(LoadTest, RefusesWhatIsNoModel) {
  for (const std::string& bytes :
       {std::string(), std::string("just some text"), std::string(1000, '\0'),
        std::string(1000, '\xFF'), std::string("\x0A\xFF\xFF\xFF\x7F", 5)}) {
    const auto model = SentencePieceModel::Parse(bytes, "some.model");
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(model.status().message()),
                HasSubstr("some.model: "));
  }
}

TEST(LoadTest, RefusesOtherModelTypes) {
  ModelFile file = MakeFile({"a"});
  file.mutable_training()->set_model_type(Training::CHAR);
  EXPECT_EQ(Parse(file).status().code(), absl::StatusCode::kUnimplemented);
  file.mutable_training()->set_model_type(Training::WORD);
  EXPECT_EQ(Parse(file).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LoadTest, RefusesDamagedVocabularies) {
  ModelFile file = MakeFile({"a"});
  file.clear_pieces();
  EXPECT_THAT(ErrorOf(file), HasSubstr("0 pieces"));

  file = MakeFile({"a"});
  file.mutable_pieces(0)->set_type(ModelFile::Piece::NORMAL);
  EXPECT_THAT(ErrorOf(file), HasSubstr("UNKNOWN"));

  file = MakeFile({"a"});
  file.mutable_pieces(1)->set_type(ModelFile::Piece::UNKNOWN);
  EXPECT_THAT(ErrorOf(file), HasSubstr("pieces 0 and 1"));

  EXPECT_THAT(ErrorOf(MakeFile({"a", "a"})), HasSubstr("pieces 1 and 2"));
  EXPECT_THAT(ErrorOf(MakeFile({""})), HasSubstr("piece 1 has 0 bytes"));
  EXPECT_THAT(ErrorOf(MakeFile({std::string(1'000'000, 'a')})),
              HasSubstr("piece 1 has 1000000 bytes"));
  EXPECT_THAT(ErrorOf(MakeFile({"a\xFF"})), HasSubstr("not UTF-8 at byte 1"));

  file = MakeFile({"a"});
  file.mutable_pieces(1)->set_score(std::nanf(""));
  EXPECT_THAT(ErrorOf(file), HasSubstr("score nan"));
}

TEST(LoadTest, RefusesDamagedBytePieces) {
  ModelFile file = MakeFile({"<0x41>"});
  file.mutable_pieces(1)->set_type(ModelFile::Piece::BYTE);
  EXPECT_THAT(ErrorOf(file), HasSubstr("1 pieces of type BYTE"));
  file.mutable_training()->set_byte_fallback(true);
  EXPECT_THAT(ErrorOf(file), HasSubstr("expected 256"));
  file.mutable_pieces(1)->set_piece("<0x4g>");
  EXPECT_THAT(ErrorOf(file), HasSubstr("<0x4g>"));
}

TEST(LoadTest, RefusesADamagedCharsmap) {
  ModelFile file = MakeFile({"a"});
  file.mutable_normalization()->set_precompiled_charsmap("abc");
  EXPECT_THAT(ErrorOf(file), HasSubstr("precompiled_charsmap: 3 bytes"));
}

// Whatever `model` has become, it must answer, in valid UTF-8 and known ids.
void Exercise(const SentencePieceModel& model) {
  for (const absl::string_view text :
       {"The falcon\xCC\x81 falls.",
        "\xFF\xE2\x96\x81 \xEF\xBC\xA1\xE3\x80\x80",
        "\xED\x95\x9C \xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB \xF0\x9F\x90\xA6"}) {
    const std::vector<Piece> pieces = model.EncodeWithOffsets(text);
    int end = 0;
    for (const Piece& piece : pieces) {
      ASSERT_GE(piece.id, 0);
      ASSERT_LT(piece.id, model.vocab_size());
      ASSERT_GE(piece.begin, end);
      ASSERT_GE(piece.end, piece.begin);
      end = piece.end;
    }
    ASSERT_LE(end, static_cast<int>(text.size()));
    const std::string decoded = model.Decode(Ids(pieces));
    ASSERT_EQ(FindInvalidUtf8(decoded), absl::nullopt);
  }
}

class HostileTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    bytes_ = ReadFile(absl::StrCat(PEREGRINE_SOURCE_DIR, "/tests/golden/text/",
                                   GetParam(), ".model"));
    ASSERT_FALSE(bytes_.empty());
  }

  std::string bytes_;
};

TEST_P(HostileTest, RefusesTruncatedFiles) {
  ForEachBeginning(
      bytes_,
      [&](const std::string& beginning) {
        const auto model = SentencePieceModel::Parse(beginning, "some.model");
        ASSERT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument)
            << beginning.size() << " of " << bytes_.size() << " bytes";
      },
      /*step=*/bytes_.size() / 500 + 1);
}

TEST_P(HostileTest, SurvivesDamagedFiles) {
  std::mt19937 random(20240229);
  int accepted = 0;
  for (int trial = 0; trial < 300; ++trial) {
    std::string damaged = bytes_;
    const int num_flips = trial % 2 == 0 ? 1 : 100;
    for (int i = 0; i < num_flips; ++i) {
      damaged[random() % damaged.size()] ^=
          static_cast<char>(1 << random() % 8);
    }
    const auto model = SentencePieceModel::Parse(damaged, "some.model");
    if (!model.ok()) continue;
    ++accepted;
    Exercise(**model);
  }
  EXPECT_GT(accepted, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, HostileTest,
                         ::testing::Values("unigram_nfkc", "bpe_nfkc_cf_bytes",
                                           "unigram_phrases", "bpe_unused"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace peregrine::text
