// That such models compute what transformers computes is the business of
// tests/golden; here, what is read from their files, and what is said of those
// that are damaged or unsupported.

#include "engine/formats/hugging_face/m2m100.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"
#include "engine/text_plan.h"

namespace peregrine::formats {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Property;
using testing::SizeIs;

std::vector<std::string> Codes(const Checkpoint& checkpoint) {
  std::vector<std::string> codes;
  for (const model::Language& language : checkpoint.config.languages) {
    codes.push_back(language.code);
  }
  return codes;
}

class M2M100Test : public testing::Test {
 protected:
  const DamagedDirectory model_{"hf-m2m100"};
};

TEST_F(M2M100Test, TellsWhatItIs) {
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Hugging Face M2M100");
  EXPECT_EQ(checkpoint->config.source_language, "en");
  EXPECT_EQ(checkpoint->config.target_language, "");
  EXPECT_THAT(checkpoint->config.languages, SizeIs(100));
  const auto& tokenizer = *checkpoint->source_tokenizer;
  const auto* zulu = model::FindLanguage(checkpoint->config.languages, "zu");
  ASSERT_NE(zulu, nullptr);
  EXPECT_EQ(tokenizer.piece(zulu->token), "__zu__");
  EXPECT_EQ(tokenizer.Decode({zulu->token}), "");
}

TEST_F(M2M100Test, ReadsItsSettings) {
  model_.Set("tokenizer_config.json", "language_codes", "wmt21");
  model_.Set("tokenizer_config.json", "src_lang", "is");
  model_.Set("tokenizer_config.json", "tgt_lang", "ha");
  const auto config = OpenCheckpoint(model_.File("."))->config;
  EXPECT_THAT(config.languages, SizeIs(8));
  EXPECT_EQ(config.source_language, "is");
  EXPECT_EQ(config.target_language, "ha");
  EXPECT_EQ(config.decoding.rules.forced_first_token,
            model::FindLanguage(config.languages, "ha")->token);
  EXPECT_EQ(config.decoding.beam_size, 5);
  EXPECT_EQ(config.decoding.max_length_offset, 39);
  EXPECT_EQ(config.architecture.position_offset, 2);
  EXPECT_EQ(config.architecture.max_positions, 66);
}

TEST_F(M2M100Test, NamesAMissingFile) {
  for (const char* file :
       {"model.safetensors", "sentencepiece.bpe.model", "config.json"}) {
    const std::string content = model_.Read(file);
    model_.Remove(file);
    EXPECT_THAT(model_.Error(), HasSubstr(model_.File(file)));
    model_.Write(file, content);
  }
  EXPECT_THAT(model_.Error(), IsEmpty());
}

TEST_F(M2M100Test, NamesWhatIsWrong) {
  const auto error = [&](const char* file, const char* field,
                         const Json& value) {
    const std::string content = model_.Read(file);
    model_.Set(file, field, value);
    const std::string message = model_.Error();
    model_.Write(file, content);
    return message;
  };
  EXPECT_THAT(error("config.json", "tie_word_embeddings", false),
              HasSubstr("tensor lm_head.weight: found none, expected one"));
  EXPECT_THAT(error("config.json", "normalize_before", false),
              HasSubstr("normalize_before: found false, expected true"));
  EXPECT_THAT(error("config.json", "encoder_layers", 1),
              HasSubstr("does not have: model.encoder.layers.1."));
  EXPECT_THAT(error("config.json", "vocab_size", 200),
              HasSubstr("vocab.json: found 151 pieces, expected at most 100, "
                        "as config.json has a vocab_size of 200"));
  const char* settings = "tokenizer_config.json";
  EXPECT_THAT(error(settings, "language_codes", "wmt22"),
              HasSubstr("language_codes: found \"wmt22\", expected "
                        "\"m2m100\", \"wmt21\""));
  EXPECT_THAT(error(settings, "tokenizer_class", "CodeGenTokenizer"),
              HasSubstr("tokenizer_class: found \"CodeGenTokenizer\", "
                        "expected \"M2M100Tokenizer\", \"NllbTokenizer\""));
  EXPECT_THAT(error(settings, "src_lang", "xx"),
              HasSubstr("src_lang: found \"xx\", expected one of af, am, ar"));
  EXPECT_THAT(
      error(settings, "added_tokens_decoder", {{"999", {{"content", "x"}}}}),
      HasSubstr("found \"999\": {\"content\":\"x\"}, expected an id from 0"));
  EXPECT_THAT(
      error(settings, "added_tokens_decoder", {{"7", {{"content", "x"}}}}),
      HasSubstr("added token \"x\": found id 7, which the vocabulary has as"));
  EXPECT_THAT(error("generation_config.json", "forced_bos_token_id", 7),
              HasSubstr("forced_bos_token_id: found 7, expected the token of"));
}

TEST_F(M2M100Test, SurvivesDamage) {
  SurvivesDamage(model_, {"config.json", "generation_config.json", "vocab.json",
                          "tokenizer_config.json"});
}

// ---- SMaLL-100: the files of M2M100, and another place for the target

TEST(Small100Test, IsToldFromM2M100) {
  const DamagedDirectory model("hf-small100");
  const char* const settings = "tokenizer_config.json";
  const auto format = [&] {
    const auto checkpoint = OpenCheckpoint(model.File("."));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    return checkpoint.ok() ? checkpoint->format : "";
  };
  EXPECT_EQ(format(), "Hugging Face SMaLL-100");
  model.Set(settings, "tokenizer_class", "M2M100Tokenizer");
  EXPECT_EQ(format(), "Hugging Face M2M100");
  model.Set(settings, "tokenizer_class", nullptr);
  EXPECT_EQ(format(), "Hugging Face M2M100");
  model.Write("tokenization_small100.py", "");
  EXPECT_EQ(format(), "Hugging Face SMaLL-100");
  model.Remove("tokenization_small100.py");
  // The shape of the published one.
  model.Set("config.json", "encoder_layers", 12);
  model.Set("config.json", "decoder_layers", 3);
  EXPECT_EQ(format(), "Hugging Face SMaLL-100");
}

TEST(Small100Test, TellsTheTargetInTheSource) {
  const DamagedDirectory model("hf-small100");
  const auto checkpoint = OpenCheckpoint(model.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const model::ModelConfig& config = checkpoint->config;
  EXPECT_TRUE(config.tokens.target_in_source);
  EXPECT_EQ(config.target_language, "en");
  const auto* english = model::FindLanguage(config.languages, "en");
  ASSERT_NE(english, nullptr);
  EXPECT_THAT(config.tokens.source_prefix, ElementsAre(english->token));
}

// ---- mBART-50

TEST(MBart50Test, TellsWhatItIs) {
  const DamagedDirectory model("hf-mbart50");
  const auto checkpoint = OpenCheckpoint(model.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Hugging Face mBART-50");
  EXPECT_THAT(checkpoint->config.languages, SizeIs(52));
  EXPECT_EQ(checkpoint->config.source_language, "en_XX");
  EXPECT_TRUE(checkpoint->config.architecture.embedding_norm);
  EXPECT_NE(model::FindLanguage(checkpoint->config.languages, "de-de"),
            nullptr);
}

TEST(MBart50Test, RefusesTheFirstMBart) {
  const DamagedDirectory model("hf-mbart50");
  model.Set("tokenizer_config.json", "tokenizer_class", "MBartTokenizer");
  EXPECT_THAT(model.Error(), HasSubstr("found the first mBART, expected"));
}

// As transformers 5 saves it.
TEST(MBart50Test, CutsTextByTokenizerJsonAlone) {
  const DamagedDirectory model("hf-mbart50");
  const auto before = OpenCheckpoint(model.File("."));
  ASSERT_TRUE(before.ok()) << before.status();
  model.Remove("sentencepiece.bpe.model");
  const auto after = OpenCheckpoint(model.File("."));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(Codes(*after), Codes(*before));
  EXPECT_EQ(after->config.source_language, before->config.source_language);
  const Json golden = Json::parse(model.Read("golden.json"));
  ASSERT_FALSE(golden["sentences"].empty());
  for (const Json& sentence : golden["sentences"]) {
    const std::string text = sentence["text"];
    SCOPED_TRACE(text);
    const auto ids = before->source_tokenizer->Encode(text);
    EXPECT_EQ(after->source_tokenizer->Encode(text), ids);
    EXPECT_EQ(after->target_tokenizer->Decode(ids),
              before->target_tokenizer->Decode(ids));
  }
  Json json = Json::parse(model.Read("tokenizer.json"));
  json["added_tokens"] = Json::array({json["added_tokens"][0]});
  model.Write("tokenizer.json", json.dump());
  EXPECT_THAT(model.Error(), HasSubstr("tokenizer.json: found no language"));
  model.Remove("tokenizer.json");
  EXPECT_THAT(model.Error(), HasSubstr("sentencepiece.bpe.model"));
}

TEST(MBart50Test, SurvivesDamage) {
  const DamagedDirectory model("hf-mbart50");
  SurvivesDamage(model, {"config.json", "tokenizer_config.json",
                         "sentencepiece.bpe.model"});
}

// ---- NLLB

class NllbTest : public testing::Test {
 protected:
  // An error of tokenizer.json after a change at a place in it.
  std::string Changed(const char* pointer, const Json& value) const {
    const std::string content = model_.Read("tokenizer.json");
    Json json = Json::parse(content);
    json[Json::json_pointer(pointer)] = value;
    model_.Write("tokenizer.json", json.dump());
    const std::string message = model_.Error();
    model_.Write("tokenizer.json", content);
    return message;
  }

  const DamagedDirectory model_{"hf-nllb"};
};

TEST_F(NllbTest, TellsWhatItIs) {
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Hugging Face NLLB");
  EXPECT_THAT(Codes(*checkpoint),
              ElementsAre("deu_Latn", "eng_Latn", "rus_Cyrl", "zho_Hans"));
  EXPECT_EQ(checkpoint->config.source_language, "eng_Latn");
  EXPECT_EQ(checkpoint->config.target_language, "");
  EXPECT_THAT(checkpoint->config.tokens.source_suffix, ElementsAre(2));
  EXPECT_THAT(checkpoint->config.tokens.source_prefix, SizeIs(1));
}

// What transformers 5.23 makes of these texts after
// tokenizer.add_tokens(["grok", "GlobX"]) and with "<term>" among its
// extra_special_tokens.
TEST_F(NllbTest, SplitsTextAtAddedWords) {
  Json json = Json::parse(model_.Read("tokenizer.json"));
  for (const auto& [content, special] :
       {std::make_pair("grok", false), std::make_pair("GlobX", false),
        std::make_pair("<term>", true)}) {
    json["added_tokens"].push_back(
        {{"id", json["added_tokens"].back()["id"].get<int>() + 1},
         {"content", content},
         {"single_word", false},
         {"lstrip", false},
         {"rstrip", false},
         {"normalized", !special},
         {"special", special}});
  }
  model_.Write("tokenizer.json", json.dump());
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(Codes(*checkpoint), testing::Not(testing::Contains("grok")));
  const text::Tokenizer& tokenizer = *checkpoint->source_tokenizer;
  const auto pieces = [&](absl::string_view text) {
    std::vector<std::string> names;
    for (int32_t id : tokenizer.Encode(text)) {
      names.emplace_back(tokenizer.piece(id));
    }
    return names;
  };
  const std::string space = "\xE2\x96\x81";
  EXPECT_THAT(pieces("a grok b"),
              ElementsAre(space + "a", space, "grok", space, "b"));
  EXPECT_THAT(pieces("grok"), ElementsAre("grok"));
  EXPECT_THAT(pieces("agrokb"), ElementsAre(space + "a", "grok", space, "b"));
  EXPECT_THAT(pieces("x<term>y grokgrok"),
              ElementsAre(space, "<unk>", "<term>", space, "<unk>", space,
                          "grok", "grok"));
  EXPECT_THAT(pieces("a grok. b"),
              ElementsAre(space + "a", space, "grok", space, ".", space, "b"));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("a grok b")), "a grok b");
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("a <term>")), "a");
  // A text that spells a language or an end means its characters.
  EXPECT_THAT(pieces("eng_Latn"), testing::Not(testing::Contains("eng_Latn")));
}

TEST_F(NllbTest, NamesWhatATokenizerMustHave) {
  EXPECT_THAT(Changed("/model/type", "WordPiece"),
              HasSubstr("tokenizer.json: model.type: found \"WordPiece\", "
                        "expected \"BPE\" or \"Unigram\""));
  EXPECT_THAT(Changed("/model/byte_fallback", true),
              HasSubstr("model.byte_fallback: found true, expected none"));
  EXPECT_THAT(Changed("/model/merges", 7),
              HasSubstr("model.merges: found 7, expected an array"));
  EXPECT_THAT(Changed("/model/merges/0", {"a", "qqq"}),
              HasSubstr("model.merges[0]: found [\"a\",\"qqq\"], expected two "
                        "pieces that are one in the vocabulary"));
  EXPECT_THAT(
      Changed("/model/merges", Json::array()),
      HasSubstr("model.merges: found 0, expected the 50 pairs that make "
                "pieces of the vocabulary"));
  EXPECT_THAT(Changed("/model/vocab/qqq", 157),
              HasSubstr("model.vocab: found \"qqq\", expected pieces of one "
                        "character or made by merges"));
  EXPECT_THAT(Changed("/model/vocab/xyz", 100000),
              HasSubstr("piece \"xyz\": found 100000, expected an id from 0"));
  EXPECT_THAT(Changed("/pre_tokenizer", nullptr),
              HasSubstr("pre_tokenizer: found null, expected a Metaspace"));
  EXPECT_THAT(
      Changed("/normalizer", {{"type", "Lowercase"}}),
      HasSubstr("normalizer: found {\"type\":\"Lowercase\"}, expected"));
  EXPECT_THAT(Changed("/normalizer",
                      {{"type", "Precompiled"}, {"precompiled_charsmap", "*"}}),
              HasSubstr("found a string that is not Base64"));
  const Json specials = {{{"id", 0}, {"content", "<s>"}},
                         {{"id", 1}, {"content", "<pad>"}},
                         {{"id", 2}, {"content", "</s>"}},
                         {{"id", 3}, {"content", "<unk>"}}};
  EXPECT_THAT(Changed("/added_tokens", specials),
              HasSubstr("tokenizer.json: found no language among its added"));
  EXPECT_THAT(Changed("/added_tokens/0/id", -1),
              HasSubstr("added_tokens[0]: found {"));
}

// A map that SentencePiece would make complete, in another order of merges.
TEST_F(NllbTest, RefusesMergesThatSentencePieceWouldNotMake) {
  Json json = Json::parse(model_.Read("tokenizer.json"));
  json["model"]["merges"].erase(json["model"]["merges"].size() - 1);
  model_.Write("tokenizer.json", json.dump());
  EXPECT_THAT(model_.Error(), HasSubstr("SentencePiece model"));
}

// "a b" is how older files write ["a", "b"].
TEST_F(NllbTest, ReadsMergesOfEitherForm) {
  const auto before = OpenCheckpoint(model_.File("."));
  Json json = Json::parse(model_.Read("tokenizer.json"));
  for (Json& merge : json["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  model_.Write("tokenizer.json", json.dump());
  const auto after = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(after.ok()) << after.status();
  const std::string text = "ﬁ Ａ１ and two  spaces.";
  EXPECT_EQ(after->source_tokenizer->Encode(text),
            before->source_tokenizer->Encode(text));
}

TEST_F(NllbTest, NamesAMissingTokenizer) {
  model_.Remove("tokenizer.json");
  EXPECT_THAT(model_.Error(), HasSubstr(model_.File("tokenizer.json")));
}

TEST_F(NllbTest, SurvivesDamage) {
  SurvivesDamage(model_,
                 {"config.json", "tokenizer.json", "tokenizer_config.json",
                  "model.safetensors.index.json"});
}

// ---- Shards

constexpr const char* kIndex = "model.safetensors.index.json";

TEST_F(NllbTest, NamesAMissingShard) {
  model_.Remove("model-00003-of-00004.safetensors");
  EXPECT_THAT(model_.Error(),
              HasSubstr(model_.File("model-00003-of-00004.safetensors")));
}

TEST_F(NllbTest, NamesATruncatedShard) {
  model_.Truncate("model-00002-of-00004.safetensors", 0.5);
  EXPECT_THAT(model_.Error(),
              HasSubstr(model_.File("model-00002-of-00004.safetensors")));
}

TEST_F(NllbTest, NamesATensorThatIsNotWhereTheIndexSays) {
  Json index = Json::parse(model_.Read(kIndex));
  Json& map = index["weight_map"];
  const std::string tensor = map.begin().key();
  const std::string file = map.begin().value();
  const std::string other = file == "model-00001-of-00004.safetensors"
                                ? "model-00002-of-00004.safetensors"
                                : "model-00001-of-00004.safetensors";
  map[tensor] = other;
  model_.Write(kIndex, index.dump());
  EXPECT_THAT(model_.Error(), HasSubstr(other + ": tensor " + tensor +
                                        ": found none, "
                                        "expected it as " +
                                        model_.File(kIndex)));
  map.erase(tensor);
  model_.Write(kIndex, index.dump());
  EXPECT_THAT(model_.Error(), HasSubstr(file + ": tensor " + tensor +
                                        ": found here, expected nowhere"));
}

TEST_F(NllbTest, NamesATensorThatStandsTwice) {
  Json index = Json::parse(model_.Read(kIndex));
  model_.Write("twice.safetensors",
               model_.Read("model-00001-of-00004.safetensors"));
  // One tensor of the copy is listed, the others stand where they were.
  for (auto& entry : index["weight_map"].items()) {
    if (entry.value() != "model-00001-of-00004.safetensors") continue;
    entry.value() = "twice.safetensors";
    break;
  }
  model_.Write(kIndex, index.dump());
  EXPECT_THAT(model_.Error(), HasSubstr(": found here, expected in "));
}

TEST_F(NllbTest, NamesAnIndexThatIsNone) {
  model_.Write(kIndex, "{}");
  EXPECT_THAT(model_.Error(), HasSubstr("weight_map: found null, expected"));
  model_.Write(kIndex, R"({"weight_map": {"x": "../y.safetensors"}})");
  EXPECT_THAT(model_.Error(),
              HasSubstr("tensor x: found \"../y.safetensors\", expected the "
                        "name of a .safetensors or .bin file, without a "
                        "folder"));
  model_.Write(kIndex, R"({"weight_map": {"x": 1}})");
  EXPECT_THAT(model_.Error(), HasSubstr("tensor x: found 1, expected"));
  Json many;
  for (int i = 0; i < 2000; ++i) {
    const std::string file = std::to_string(i) + ".safetensors";
    many["weight_map"][std::to_string(i)] = file;
    model_.Write(file, std::string("\2\0\0\0\0\0\0\0{}", 10));
  }
  model_.Write(kIndex, many.dump());
  EXPECT_THAT(model_.Error(), HasSubstr("found more than 1000 files"));
}

TEST_F(NllbTest, NamesAnIndexOfPicklesThatIsWrong) {
  model_.Remove(kIndex);
  model_.Write("pytorch_model.bin.index.json", "{}");
  EXPECT_THAT(
      model_.Error(),
      HasSubstr("pytorch_model.bin.index.json: weight_map: found null"));
}

// ---- The file of SentencePiece, and the language behind the source

class NllbLegacyTest : public testing::Test {
 protected:
  const DamagedDirectory model_{"hf-nllb-legacy"};
};

TEST_F(NllbLegacyTest, ReadsItsSettings) {
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const model::ModelConfig& config = checkpoint->config;
  EXPECT_THAT(Codes(*checkpoint),
              ElementsAre("eng_Latn", "hin_Deva", "tha_Thai"));
  EXPECT_EQ(config.target_language, "hin_Deva");
  EXPECT_THAT(config.tokens.source_prefix, IsEmpty());
  EXPECT_THAT(config.tokens.source_suffix,
              ElementsAre(2, config.tokens.source_language));
  EXPECT_EQ(checkpoint->source_tokenizer->piece(3), "<unk>");
}

TEST_F(NllbLegacyTest, NamesWhatIsWrong) {
  model_.Set("tokenizer_config.json", "added_tokens_decoder", Json::object());
  EXPECT_THAT(model_.Error(), HasSubstr("found no language among its added"));
  model_.Set("generation_config.json", "forced_bos_token_id", nullptr);
  model_.Set("config.json", "vocab_size", 100);
  EXPECT_THAT(model_.Error(),
              HasSubstr("sentencepiece.bpe.model: found 150 pieces, expected "
                        "at most 99"));
}

TEST_F(NllbLegacyTest, LanguagesAreChosenByNameOrTag) {
  const auto loaded =
      TranslationModel::Load(model_.File("."), kernels::Device::kCpu);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto pair = (*loaded)->ChooseLanguages("tha-Thai", "");
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(pair->source.code, "tha_Thai");
  EXPECT_EQ(pair->target.code, "hin_Deva");
  EXPECT_THAT((*loaded)->ChooseLanguages("", "fra_Latn").status(),
              Property(&absl::Status::message,
                       "target_language: found \"fra_Latn\", expected one of "
                       "eng_Latn, hin_Deva, tha_Thai"));
}

}  // namespace
}  // namespace peregrine::formats
