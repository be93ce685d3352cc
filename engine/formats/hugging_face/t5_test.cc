// That such models compute what transformers computes is the business of
// tests/golden; here, what is read from their files, and what is said of those
// that are damaged or unsupported.

#include "engine/formats/hugging_face/t5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"
#include "engine/text_plan.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class T5Test : public testing::Test {
 protected:
  // What loading says once a setting has another value.
  static std::string ErrorWith(const DamagedDirectory& model, const char* field,
                               const Json& value,
                               const char* file = "config.json") {
    const std::string content = model.Read(file);
    model.Set(file, field, value);
    const std::string message = model.Error();
    model.Write(file, content);
    return message;
  }

  const DamagedDirectory t5_{"hf-t5"};
  const DamagedDirectory mt5_{"hf-mt5"};
  const DamagedDirectory madlad_{"hf-madlad"};
};

TEST_F(T5Test, TellsWhatItIs) {
  const auto t5 = OpenCheckpoint(t5_.File("."));
  ASSERT_TRUE(t5.ok()) << t5.status();
  EXPECT_EQ(t5->format, "Hugging Face T5");
  EXPECT_FALSE(t5->config.architecture.gated_ffn);
  EXPECT_EQ(t5->config.architecture.activation, kernels::Activation::kRelu);
  EXPECT_EQ(t5->config.architecture.encoder.head_dim, 10);
  EXPECT_EQ(t5->config.architecture.distances.num_buckets, 32);
  EXPECT_EQ(t5->config.architecture.distances.max_distance, 128);
  EXPECT_THAT(t5->config.languages, IsEmpty());

  const auto mt5 = OpenCheckpoint(mt5_.File("."));
  ASSERT_TRUE(mt5.ok()) << mt5.status();
  EXPECT_EQ(mt5->format, "Hugging Face mT5");
  EXPECT_TRUE(mt5->config.architecture.gated_ffn);
  EXPECT_EQ(mt5->config.architecture.activation,
            kernels::Activation::kGeluTanh);
  EXPECT_EQ(mt5->config.architecture.decoder.num_layers, 2);
}

TEST_F(T5Test, LeavesNoTextOfWhatWasLeftOutInTraining) {
  const auto t5 = OpenCheckpoint(t5_.File("."));
  ASSERT_TRUE(t5.ok()) << t5.status();
  const text::Tokenizer& tokenizer = *t5->target_tokenizer;
  const auto first = tokenizer.id("<extra_id_0>");
  const auto last = tokenizer.id("<extra_id_99>");
  ASSERT_TRUE(first.has_value() && last.has_value());
  EXPECT_EQ(*first, *last + 99);
  EXPECT_EQ(tokenizer.Decode({*first, *last}), "");
  EXPECT_EQ(tokenizer.vocab_size(), t5->config.architecture.target_vocab_size);
}

TEST_F(T5Test, PutsTheTaskBeforeEachSentence) {
  const auto model =
      TranslationModel::Load(t5_.File("."), kernels::Device::kCpu);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto sentences = [&](const std::string& text) {
    return TextPlan::Make(**model, text, false, "").sentences();
  };
  const std::string task = "translate English to German: ";
  const auto both = sentences(task + "Abba dea. Gnu vez.");
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0], sentences(task + "Abba dea.")[0]);
  EXPECT_EQ(both[1], sentences(task + "Gnu vez.")[0]);
  EXPECT_NE(both[1], sentences("Gnu vez.")[0]);
}

TEST_F(T5Test, AsksForTheTargetLanguageOfMadlad) {
  const auto madlad = OpenCheckpoint(madlad_.File("."));
  ASSERT_TRUE(madlad.ok()) << madlad.status();
  EXPECT_EQ(madlad->format, "Hugging Face MADLAD-400");
  std::vector<std::string> codes;
  for (const auto& language : madlad->config.languages) {
    codes.push_back(language.code);
  }
  EXPECT_THAT(codes, ElementsAre("de", "en", "fr", "zh_Latn"));
  EXPECT_EQ(madlad->config.source_language, "en");
  EXPECT_EQ(madlad->config.target_language, "");
  EXPECT_TRUE(madlad->config.tokens.target_in_source);
  EXPECT_EQ(madlad->config.tokens.source_prefix.back(),
            madlad->config.tokens.source_language);
  EXPECT_NE(madlad->config.tokens.decoder_start, madlad->config.tokens.pad);
}

// What transformers 5.23 makes of these texts after
// tokenizer.add_tokens(["grok", "GlobX"]).
TEST_F(T5Test, SplitsTextAtAddedWords) {
  Json json = Json::parse(mt5_.Read("tokenizer.json"));
  Json decoder;
  int id = json["model"]["vocab"].size();
  for (const char* content : {"grok", "GlobX"}) {
    const Json token = {{"id", id++}, {"content", content}, {"special", false}};
    json["added_tokens"].push_back(token);
    decoder[std::to_string(token["id"].get<int>())] = token;
  }
  mt5_.Write("tokenizer.json", json.dump());
  const auto checkpoint = OpenCheckpoint(mt5_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const text::Tokenizer& tokenizer = *checkpoint->source_tokenizer;
  const auto pieces = [&](absl::string_view text) {
    std::vector<std::string> names;
    for (int32_t one : tokenizer.Encode(text)) {
      names.emplace_back(tokenizer.piece(one));
    }
    return names;
  };
  const std::string space = "\xE2\x96\x81";
  EXPECT_THAT(pieces("a grok b"), ElementsAre(space, "a", "grok", space, "b"));
  EXPECT_THAT(pieces("grok"), ElementsAre("grok"));
  EXPECT_THAT(pieces("agrokb"), ElementsAre(space, "a", "grok", space, "b"));
  EXPECT_THAT(pieces("a grok. b"),
              ElementsAre(space, "a", "grok", space, ".", space, "b"));
  EXPECT_THAT(pieces("GlobX  grok"), ElementsAre("GlobX", "grok"));

  // As transformers 4 saves them beside spiece.model.
  t5_.Set("tokenizer_config.json", "added_tokens_decoder", decoder);
  const auto t5 = OpenCheckpoint(t5_.File("."));
  ASSERT_TRUE(t5.ok()) << t5.status();
  EXPECT_EQ(t5->source_tokenizer->Encode("grok"),
            std::vector<int32_t>{*t5->source_tokenizer->id("grok")});
}

TEST_F(T5Test, NamesWhatATokenizerMustHave) {
  // An error of tokenizer.json after a change at a place in it.
  const auto changed = [&](const char* pointer, const Json& value) {
    const std::string content = mt5_.Read("tokenizer.json");
    Json json = Json::parse(content);
    json[Json::json_pointer(pointer)] = value;
    mt5_.Write("tokenizer.json", json.dump());
    const std::string message = mt5_.Error();
    mt5_.Write("tokenizer.json", content);
    return message;
  };
  EXPECT_THAT(changed("/model/type", "WordLevel"),
              HasSubstr("tokenizer.json: model.type: found \"WordLevel\", "
                        "expected \"BPE\" or \"Unigram\""));
  EXPECT_THAT(changed("/model/unk_id", 100000),
              HasSubstr("model.unk_id: found 100000, expected an id below"));
  EXPECT_THAT(changed("/model/unk_id", nullptr),
              HasSubstr("model.unk_id: found null, expected an id below"));
  EXPECT_THAT(changed("/model/vocab", 7),
              HasSubstr("model.vocab: found 7, expected an array of at most"));
  EXPECT_THAT(changed("/model/vocab/9", {"a", "b"}),
              HasSubstr("model.vocab[9]: found [\"a\",\"b\"], expected a piece "
                        "and its score"));
  EXPECT_THAT(changed("/model/vocab/9/1", 1e300),
              HasSubstr("piece 9 has the score inf, expected a finite number"));
  EXPECT_THAT(changed("/model/byte_fallback", true),
              HasSubstr("tokenizer.json: "));
}

TEST_F(T5Test, NamesAMissingFile) {
  for (const char* file : {"model.safetensors", "spiece.model"}) {
    const std::string content = t5_.Read(file);
    t5_.Remove(file);
    EXPECT_THAT(t5_.Error(), HasSubstr(t5_.File(file)));
    t5_.Write(file, content);
  }
  EXPECT_THAT(t5_.Error(), IsEmpty());
}

TEST_F(T5Test, NamesWhatIsWrong) {
  EXPECT_THAT(ErrorWith(t5_, "feed_forward_proj", "gated-tanh"),
              HasSubstr("feed_forward_proj: found \"gated-tanh\", expected "
                        "\"relu\""));
  EXPECT_THAT(ErrorWith(t5_, "feed_forward_proj", "gated-gelu"),
              HasSubstr("DenseReluDense.wi_0.weight: found none"));
  EXPECT_THAT(ErrorWith(t5_, "d_kv", 8), HasSubstr("SelfAttention.q.weight"));
  EXPECT_THAT(ErrorWith(t5_, "relative_attention_num_buckets", 16),
              HasSubstr("relative_attention_bias.weight: found shape"));
  EXPECT_THAT(ErrorWith(t5_, "relative_attention_num_buckets", 31),
              HasSubstr("remainder of 2 in the buckets of distances: found 1"));
  EXPECT_THAT(ErrorWith(t5_, "relative_attention_max_distance", 16),
              HasSubstr("longest distance with a bucket of its own: found 16, "
                        "expected 17"));
  EXPECT_THAT(ErrorWith(t5_, "vocab_size", 100),
              HasSubstr("pieces, expected at most 100"));
  EXPECT_THAT(ErrorWith(t5_, "quantization_config", {{"bits", 8}}),
              HasSubstr("quantization_config: found {\"bits\":8}"));
  EXPECT_THAT(ErrorWith(t5_, "tie_word_embeddings", false),
              HasSubstr("lm_head.weight: found none"));
  EXPECT_THAT(ErrorWith(mt5_, "model_type", "umt5"),
              HasSubstr("model_type: found \"umt5\", expected"));
}

TEST_F(T5Test, SurvivesDamage) {
  SurvivesDamage(t5_, {"config.json", "spiece.model", "model.safetensors",
                       "generation_config.json"});
  SurvivesDamage(mt5_, {"pytorch_model.bin", "tokenizer.json"});
}

}  // namespace
}  // namespace peregrine::formats
