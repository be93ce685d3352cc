// That such models compute what CTranslate2 computes is the business of
// tests/golden; here, what is said of those that are damaged or unsupported.

#include "engine/formats/ctranslate2/ctranslate2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/damage.h"
#include "engine/formats/damaged_directory.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/formats/recognise.h"
#include "engine/translator.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// ---- The file

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string String(const std::string& text) {
  return Bytes<uint16_t>(text.size() + 1) + text + '\0';
}

std::string Variable(const std::string& name,
                     const std::vector<uint32_t>& shape, uint8_t type,
                     const std::string& data) {
  std::string bytes = String(name) + Bytes<uint8_t>(shape.size());
  for (uint32_t dim : shape) bytes += Bytes(dim);
  return bytes + Bytes(type) + Bytes<uint32_t>(data.size()) + data;
}

std::string File(
    const std::vector<std::string>& variables,
    const std::vector<std::pair<std::string, std::string>>& aliases = {},
    uint32_t version = 6) {
  std::string bytes = Bytes(version) + String("TransformerSpec") +
                      Bytes<uint32_t>(7) + Bytes<uint32_t>(variables.size());
  for (const std::string& variable : variables) bytes += variable;
  bytes += Bytes<uint32_t>(aliases.size());
  for (const auto& [alias, name] : aliases)
    bytes += String(alias) + String(name);
  return bytes;
}

class CTranslate2FileTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<CTranslate2File>> Open(
      const std::string& content) const {
    directory_.Write("model.bin", content);
    return CTranslate2File::Open(directory_.File("model.bin"));
  }
  std::string Error(const std::string& content) const {
    const auto file = Open(content);
    return file.ok() ? "" : std::string(file.status().message());
  }

  const DamagedDirectory directory_{"ct2-int16"};
};

TEST_F(CTranslate2FileTest, ReadsEveryTypeAndFollowsAliases) {
  const auto file = Open(
      File({Variable("float32", {2}, 0, Bytes(0.5f) + Bytes(-3.0f)),
            Variable("float16", {1}, 4, Bytes<uint16_t>(0x3e00)),
            Variable("bfloat16", {1}, 5, Bytes<uint16_t>(0xc040)),
            Variable("rows", {2, 2}, 1, std::string("\x0a\xf6\x14\x00", 4)),
            Variable("rows_scale", {2}, 0, Bytes(10.0f) + Bytes(5.0f)),
            Variable("all", {2}, 2, Bytes<int16_t>(300) + Bytes<int16_t>(-3)),
            Variable("all_scale", {}, 0, Bytes(100.0f)),
            Variable("flag", {}, 1, "\x01")},
           {{"other", "rows"}}));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto read = [&](const char* name, std::vector<int64_t> shape) {
    const auto values = (*file)->Read(name, shape);
    EXPECT_TRUE(values.ok()) << values.status();
    return values.value_or(std::vector<float>());
  };
  EXPECT_THAT(read("float32", {2}), ElementsAre(0.5f, -3.0f));
  EXPECT_THAT(read("float16", {1}), ElementsAre(1.5f));
  EXPECT_THAT(read("bfloat16", {1}), ElementsAre(-3.0f));
  EXPECT_THAT(read("rows", {2, 2}), ElementsAre(1.0f, -1.0f, 4.0f, 0.0f));
  EXPECT_THAT(read("other", {2, 2}), ElementsAre(1.0f, -1.0f, 4.0f, 0.0f));
  EXPECT_THAT(read("all", {2}), ElementsAre(3.0f, -0.03f));
  EXPECT_THAT((*file)->Unread(), ElementsAre("flag"));
  EXPECT_EQ((*file)->Scalar("flag"), 1.0);
  EXPECT_EQ((*file)->Scalar("float32"), absl::nullopt);
  EXPECT_THAT((*file)->Unread(), IsEmpty());
}

TEST_F(CTranslate2FileTest, RefusesFilesThatLie) {
  EXPECT_THAT(Error(""), HasSubstr("found version 0, expected"));
  EXPECT_THAT(Error(File({}, {}, 7)), HasSubstr("found version 7, expected"));
  const std::string one = Variable("w", {1}, 0, Bytes(1.0f));
  EXPECT_THAT(Error(File({one, one})), HasSubstr("tensor w: found it twice"));
  EXPECT_THAT(
      Error(File({Variable("w", {2}, 0, Bytes(1.0f))})),
      HasSubstr(
          "tensor w: found 4 bytes for shape [2] of float32, expected 8"));
  EXPECT_THAT(
      Error(File({Variable("w", {1u << 31, 1u << 31}, 0, Bytes(1.0f))})),
      HasSubstr("expected a smaller shape"));
  EXPECT_THAT(Error(File({Variable("w", {1}, 9, Bytes(1.0f))})),
              HasSubstr("tensor w: found type 9"));
  EXPECT_THAT(
      Error(File({Variable("w", std::vector<uint32_t>(9, 1), 0, Bytes(1.0f))})),
      HasSubstr("found 9 dimensions, expected at most 8"));
  EXPECT_THAT(Error(File({one}, {{"a", "b"}})),
              HasSubstr("alias a: found it for b, expected a tensor"));
  EXPECT_THAT(Error(File({one}, {{"w", "w"}})), HasSubstr("name twice"));
  const std::string whole = File({one}, {{"a", "w"}});
  ForEachBeginning(whole, [&](const std::string& beginning) {
    EXPECT_THAT(Error(beginning), Not(IsEmpty())) << beginning.size();
  });
}

TEST_F(CTranslate2FileTest, ReadErrorsNameTensorFoundAndExpected) {
  const auto file =
      *Open(File({Variable("w", {1, 2}, 1, "ab"), Variable("x", {2}, 1, "ab"),
                  Variable("x_scale", {3}, 0, std::string(12, '\0')),
                  Variable("nan", {1}, 0, Bytes(std::nanf("")))}));
  const auto error = [&](const char* name, std::vector<int64_t> shape) {
    return std::string(file->Read(name, shape).status().message());
  };
  EXPECT_THAT(error("v", {3}),
              HasSubstr("tensor v: found none, expected one of shape [3]"));
  EXPECT_THAT(error("w", {2, 1}), HasSubstr("found shape [1, 2], expected [2"));
  EXPECT_THAT(error("w", {1, 2}), HasSubstr("tensor w: found integers"));
  EXPECT_THAT(error("x", {2}), HasSubstr("x_scale: found 3 elements"));
  EXPECT_THAT(error("nan", {1}), HasSubstr("expected finite numbers"));
}

// ---- The directory

TEST(CTranslate2Test, ReadsWhatTheModelAddsToSources) {
  const DamagedDirectory directory("ct2-int8-shared");
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->format, HasSubstr("CTranslate2"));
  EXPECT_THAT(checkpoint->config.tokens.source_prefix, ElementsAre(1));
  EXPECT_THAT(checkpoint->config.tokens.source_suffix, ElementsAre(2));
  EXPECT_TRUE(checkpoint->config.architecture.share_embeddings);
  EXPECT_EQ(checkpoint->config.architecture.output,
            model::OutputProjection::kTied);
}

// Their converter leaves the end symbol to the caller.
TEST(CTranslate2Test, EndsSourcesOfModelsOfMarian) {
  const DamagedDirectory directory("ct2-opus");
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const model::ModelConfig& model = checkpoint->config;
  EXPECT_THAT(model.tokens.source_suffix, ElementsAre(0));
  const int last = model.architecture.target_vocab_size - 1;
  EXPECT_EQ(model.tokens.decoder_start, last);
  EXPECT_THAT(model.decoding.suppressed_tokens, ElementsAre(last));
  EXPECT_EQ(model.source_language, "en");
  EXPECT_EQ(model.target_language, "de");
}

TEST(CTranslate2Test, FindsLanguagesBesideTheModelOrInItsVocabulary) {
  const DamagedDirectory directory("ct2-nllb");
  const auto codes = [&] {
    const auto checkpoint = OpenCheckpoint(directory.File("."));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    std::string result;
    for (const model::Language& one : checkpoint->config.languages) {
      result += one.code + " ";
    }
    return result + "from " + checkpoint->config.source_language + " to " +
           checkpoint->config.target_language;
  };
  const char* expected =
      "deu_Latn eng_Latn rus_Cyrl zho_Hans from eng_Latn to ";
  EXPECT_EQ(codes(), expected);
  directory.Remove("tokenizer_config.json");  // tokenizer.json has them
  EXPECT_EQ(codes(), expected);
  directory.Remove("tokenizer.json");
  EXPECT_EQ(codes(), expected);
  directory.Write("tokenizer_config.json",
                  R"({"src_lang": "rus_Cyrl", "tgt_lang": "deu_Latn",
                      "additional_special_tokens":
                          ["rus_Cyrl", "deu_Latn", "not_Here"]})");
  EXPECT_EQ(codes(), "deu_Latn rus_Cyrl from rus_Cyrl to deu_Latn");
}

std::string TextRefusal(const DamagedDirectory& directory) {
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  return checkpoint.ok() ? checkpoint->text_refusal : "";
}

TEST(CTranslate2Test, RefusesTextWhereNothingTellsWhatToDoWithIt) {
  const DamagedDirectory m2m100("ct2-m2m100");
  EXPECT_EQ(TextRefusal(m2m100), "");
  m2m100.Set("tokenizer_config.json", "tokenizer_class", "SMALL100Tokenizer");
  EXPECT_THAT(TextRefusal(m2m100), HasSubstr("found \"SMALL100Tokenizer\""));
  m2m100.Remove("tokenizer_config.json");
  EXPECT_EQ(TextRefusal(m2m100), "");  // the vocabulary tells
  std::string vocabulary = m2m100.Read("shared_vocabulary.json");
  for (size_t at = 0;
       (at = vocabulary.find("\"__", at)) != std::string::npos;) {
    vocabulary.replace(at, 3, "\"++");
  }
  m2m100.Write("shared_vocabulary.json", vocabulary);
  EXPECT_THAT(TextRefusal(m2m100),
              HasSubstr("left to the caller what sources begin and end with"));
  m2m100.Remove("sentencepiece.bpe.model");
  EXPECT_THAT(TextRefusal(m2m100), HasSubstr("its pieces are SentencePiece's"));
}

TEST(CTranslate2Test, NamesWhatIsWrong) {
  const DamagedDirectory directory("ct2-float32");
  directory.Set("config.json", "decoder_start_token", nullptr);
  EXPECT_THAT(directory.Error(),
              HasSubstr("config.json: decoder_start_token: found null"));
  directory.Set("config.json", "decoder_start_token", "<nowhere>");
  EXPECT_THAT(directory.Error(), HasSubstr("found no token \"<nowhere>\""));
  directory.Set("config.json", "decoder_start_token", "<s>");
  EXPECT_THAT(directory.Error(), IsEmpty());
  const std::string vocabulary = directory.Read("target_vocabulary.json");
  directory.Remove("target_vocabulary.json");
  EXPECT_THAT(directory.Error(), HasSubstr("target_vocabulary.json: no such"));
  directory.Write("target_vocabulary.json", "[\"<unk>\", 5]");
  EXPECT_THAT(directory.Error(), HasSubstr("piece 1: found 5, expected a"));
  directory.Write("target_vocabulary.json", vocabulary);
  Json longer = Json::parse(vocabulary);
  longer.push_back("one too many");
  directory.Write("target_vocabulary.json", longer.dump());
  EXPECT_THAT(directory.Error(), HasSubstr("expected at most the"));
}

TEST(CTranslate2Test, CutsTextByTokenizerJsonAlone) {
  const DamagedDirectory directory("ct2-t5");
  const auto before = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(before.ok()) << before.status();
  directory.Remove("spiece.model");
  const auto after = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(after.ok()) << after.status();
  const Json golden = Json::parse(directory.Read("golden.json"));
  ASSERT_FALSE(golden["sentences"].empty());
  for (const Json& sentence : golden["sentences"]) {
    const std::string text = sentence["text"];
    SCOPED_TRACE(text);
    EXPECT_EQ(after->source_tokenizer->Encode(text),
              before->source_tokenizer->Encode(text));
  }
  directory.Remove("tokenizer.json");
  EXPECT_THAT(TextRefusal(directory), HasSubstr("SentencePiece"));
}

TEST(CTranslate2Test, ReadsVocabulariesOfLines) {
  const DamagedDirectory directory("ct2-int16");
  const Json pieces = Json::parse(directory.Read("source_vocabulary.json"));
  for (const char* end : {"\n", "\r\n"}) {
    std::string lines;
    for (const Json& piece : pieces) lines += piece.get<std::string>() + end;
    directory.Remove("source_vocabulary.json");
    directory.Write("source_vocabulary.txt", lines);
    const auto checkpoint = OpenCheckpoint(directory.File("."));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->source_tokenizer->piece(7),
              pieces[7].get<std::string>());
  }
}

TEST(CTranslate2Test, SurvivesDamage) {
  const DamagedDirectory directory("ct2-float16");
  SurvivesDamage(directory, {"model.bin"}, {300, 4, 400});
}

// A model that people use, of the oldest version of the file: no config.json,
// no attributes, no tokenizers. tests/formats/compare.py compares it at length.
TEST(CTranslate2Test, LoadsTheRealModel) {
  const std::filesystem::path path =
      std::filesystem::path(PEREGRINE_SOURCE_DIR) /
      "../shared/data/models/ct2-aren-transliteration";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << " is not there";
  }
  const auto model = TranslationModel::Load(path, kernels::Device::kCpu);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->config().architecture.encoder.num_layers, 6);
  EXPECT_EQ((*model)->config().architecture.encoder.num_heads, 8);
  const auto translator = Translator::Create(**model, {});
  ASSERT_TRUE(translator.ok()) << translator.status();
  const auto translations = (*translator)->Translate({"ي و ر"});
  ASSERT_TRUE(translations.ok()) << translations.status();
  EXPECT_EQ((*translations)[0].hypotheses[0].text, "y o r");
}

}  // namespace
}  // namespace peregrine::formats
