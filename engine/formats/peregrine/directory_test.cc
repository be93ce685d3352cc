// A directory whose tokenizers are vocabularies with BPE codes; tests/golden
// has the others.

#include "engine/formats/peregrine/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"
#include "engine/translator.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kVocabSize = 97;

// Without digits: a word with some may be a product number, which no model
// sees.
std::string Word(int id) {
  return {'w', static_cast<char>('a' + id / 10),
          static_cast<char>('a' + id % 10)};
}

class SubwordNmtDirectoryTest : public testing::Test {
 protected:
  SubwordNmtDirectoryTest() {
    std::string pieces = "<s>\n<pad>\n</s>\n<unk>\nlow\nlo@@\nwer\n";
    for (int id = 7; id < kVocabSize; ++id) {
      absl::StrAppend(&pieces, Word(id), "\n");
    }
    directory_.Write("both.txt", pieces);
    directory_.Write("bpe.codes", "#version: 0.2\nl o\nw e\nwe r</w>\n");
    Json tokenizer = {{"type", "subword_nmt"},
                      {"source", "both.txt"},
                      {"target", "both.txt"},
                      {"source_codes", "bpe.codes"}};
    directory_.Set("config.json", "tokenizer", tokenizer);
  }

  const DamagedDirectory directory_{"fairseq-pre"};
};

TEST_F(SubwordNmtDirectoryTest, CutsAndJoinsWords) {
  const auto checkpoint = OpenCheckpoint(directory_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->source_tokenizer->Encode(
                  absl::StrCat("lower ", Word(9), " nowhere")),
              testing::Contains(6));
  EXPECT_THAT(checkpoint->source_tokenizer->Encode("lower"), ElementsAre(5, 6));
  EXPECT_EQ(checkpoint->target_tokenizer->Decode({5, 6, 9, 2}),
            absl::StrCat("lower ", Word(9)));
  // Without codes of its own the target has words.
  EXPECT_THAT(checkpoint->target_tokenizer->Encode("low lower"),
              ElementsAre(4, 3));
  EXPECT_THAT(directory_.Error(), IsEmpty());
}

TEST_F(SubwordNmtDirectoryTest, NamesWhatIsWrong) {
  directory_.Write("bpe.codes", "a\n");
  EXPECT_THAT(directory_.Error(),
              HasSubstr("bpe.codes: line 1: found 1 symbols, expected two"));
  directory_.Remove("bpe.codes");
  EXPECT_THAT(directory_.Error(), HasSubstr("bpe.codes: no such file"));
  directory_.Write("bpe.codes", "a b\n");
  directory_.Write("both.txt", "a\nb\nc\nd\n");
  EXPECT_THAT(directory_.Error(),
              HasSubstr("both.txt: found 4 pieces, expected the vocabulary "
                        "size of config.json, 97"));
}

TEST_F(SubwordNmtDirectoryTest, DoesNotCutMarkers) {
  std::string pieces = directory_.Read("both.txt");
  pieces.replace(pieces.find(Word(20)), 3, "<m0>");
  directory_.Write("both.txt", pieces);
  EXPECT_THAT(OpenCheckpoint(directory_.File("."))
                  ->source_tokenizer->Encode("low <m0>"),
              testing::Not(testing::Contains(20)));
  directory_.Set("config.json", "markers", {"<m0>"});
  EXPECT_THAT(directory_.Error(), IsEmpty());
  const auto checkpoint = OpenCheckpoint(directory_.File("."));
  EXPECT_THAT(checkpoint->source_tokenizer->Encode("low <m0>"),
              testing::Contains(20));
  directory_.Set("config.json", "markers", {"<m1>"});
  EXPECT_THAT(directory_.Error(),
              HasSubstr("config.json: markers: found '<m1>', expected a piece "
                        "of the source vocabulary"));
}

// Languages by request: a directory for each pair, which has none, translates
// in the same way.
class LanguagesTest : public SubwordNmtDirectoryTest {
 protected:
  static constexpr int kLow = 90;
  static constexpr int kHigh = 91;

  // The best hypothesis with its score, or what is wrong.
  std::string Translate(absl::string_view source, absl::string_view target) {
    const auto model =
        TranslationModel::Load(directory_.File("."), kernels::Device::kCpu);
    if (!model.ok()) return std::string(model.status().message());
    const auto translator = Translator::Create(**model, {});
    const auto translations =
        (*translator)
            ->Translate({absl::StrJoin({std::string("low lower"), Word(9),
                                        Word(kLow), Word(kHigh)},
                                       " ")},
                        source, target);
    if (!translations.ok()) return std::string(translations.status().message());
    const TextHypothesis& best = (*translations)[0].hypotheses[0];
    return std::string(
        absl::StripAsciiWhitespace(absl::StrCat(best.text, " ", best.score)));
  }

  void SetTokens(int source, const Json& more) {
    Json tokens = {{"pad", 1},
                   {"bos", 0},
                   {"eos", 2},
                   {"unk", 3},
                   {"decoder_start", 2},
                   {"source_suffix", {2}},
                   {"source_prefix", {source}}};
    tokens.update(more);
    directory_.Set("config.json", "tokens", tokens);
  }
};

TEST_F(LanguagesTest, AreThoseOfTheRequest) {
  const Json decoding = Json::parse(directory_.Read("config.json"))["decoding"];
  std::map<std::pair<int, int>, std::string> expected;
  for (int source : {kLow, kHigh}) {
    for (int target : {kLow, kHigh}) {
      SetTokens(source, Json::object());
      Json forced = decoding;
      forced["forced_first_token"] = target;
      directory_.Set("config.json", "decoding", forced);
      // A model of one pair shows the token as text.
      const std::string text = Translate("", "");
      const std::string token = Word(target);
      ASSERT_TRUE(absl::StartsWith(text, token)) << text;
      expected[{source, target}] =
          std::string(absl::StripLeadingAsciiWhitespace(
              absl::string_view(text).substr(token.size())));
    }
  }
  EXPECT_NE((expected[{kLow, kLow}]), (expected[{kHigh, kLow}]));
  EXPECT_NE((expected[{kLow, kLow}]), (expected[{kLow, kHigh}]));

  SetTokens(kLow, {{"source_language", kLow}});
  directory_.Set("config.json", "decoding", decoding);
  directory_.Set("config.json", "languages", {{"low", kLow}, {"high", kHigh}});
  directory_.Set("config.json", "source_language", "low");
  directory_.Set("config.json", "target_language", "high");
  EXPECT_EQ(Translate("low", "low"), (expected[{kLow, kLow}]));
  EXPECT_EQ(Translate("high", "low"), (expected[{kHigh, kLow}]));
  EXPECT_EQ(Translate("HIGH", "high"), (expected[{kHigh, kHigh}]));
  EXPECT_EQ(Translate("", ""), (expected[{kLow, kHigh}]));
  EXPECT_THAT(Translate("", "fr"),
              HasSubstr("found \"fr\", expected one of high, low"));
}

}  // namespace
}  // namespace peregrine::formats
