#include "engine/formats/peregrine/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace peregrine::formats {
namespace {

using model::ArchitectureConfig;
using model::DecoderState;
using model::LengthLimit;
using model::OutputProjection;
using model::Stopping;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json ValidConfig() {
  return json::parse(R"({
    "format_version": 1,
    "name": "test", "source_language": "en", "target_language": "de",
    "architecture": {
      "source_vocab_size": 100, "target_vocab_size": 100,
      "encoder": {"num_layers": 2, "model_dim": 32, "ffn_dim": 64, "num_heads": 4, "head_dim": 8},
      "decoder": {"num_layers": 1, "model_dim": 32, "ffn_dim": 0, "num_heads": 1, "head_dim": 8},
      "norm": "pre", "activation": "relu", "positions": "sinusoidal_concatenated",
      "position_offset": 2, "max_positions": 64, "scale_embeddings": true,
      "share_embeddings": true, "output": "factorized", "output_rank": 8,
      "output_bias": false
    },
    "tokens": {"pad": 3, "bos": 1, "eos": 2, "unk": 0, "decoder_start": 1, "source_suffix": [2]},
    "tokenizer": {"type": "sentencepiece", "source": "source.spm", "target": "source.spm"},
    "decoding": {"beam_size": 4, "length_penalty": 0.6, "max_length_factor": 1.5,
                 "max_length_offset": 24}
  })");
}

std::string ErrorOf(const json& config) {
  const auto parsed = ParseConfig(config.dump(), "dir/config.json");
  EXPECT_FALSE(parsed.ok());
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(ConfigTest, ReadsEveryField) {
  const auto config = ParseConfig(ValidConfig().dump(), "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  const ArchitectureConfig& architecture = config->architecture;
  EXPECT_EQ(config->name, "test");
  EXPECT_EQ(architecture.encoder.num_layers, 2);
  EXPECT_EQ(architecture.encoder.heads().width(), 32);
  EXPECT_EQ(architecture.decoder.ffn_dim, 0);
  EXPECT_EQ(architecture.position_offset, 2);
  EXPECT_EQ(architecture.output, OutputProjection::kFactorized);
  EXPECT_EQ(architecture.output_rank, 8);
  EXPECT_FLOAT_EQ(architecture.layer_norm_epsilon, 1e-5f);
  EXPECT_THAT(config->tokens.source_suffix, ElementsAre(2));
  EXPECT_THAT(config->tokens.source_prefix, IsEmpty());
  EXPECT_EQ(config->decoding.rules.stopping, Stopping::kFirstFinished);
  EXPECT_THAT(config->decoding.suppressed_tokens, ElementsAre(3, 1));
  EXPECT_EQ(DescribeArchitecture(architecture),
            "pre-norm, encoder 2 x 32 (4 heads of 8, ffn 64), decoder 1 x 32 "
            "(1 head of "
            "8, no ffn), output rank 8");
}

ArchitectureConfig WithDecoder(const json& changes) {
  json config = ValidConfig();
  config["architecture"]["decoder"].update(changes);
  const auto parsed = ParseConfig(config.dump(), "config.json");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? parsed->architecture : ArchitectureConfig();
}

TEST(ConfigTest, ReadsEveryDecoderState) {
  EXPECT_EQ(WithDecoder({{"state", "self_attention"}}).decoder_state,
            DecoderState::kSelfAttention);
  const ArchitectureConfig aan =
      WithDecoder({{"state", "aan"}, {"aan_ffn_dim", 24}});
  EXPECT_EQ(aan.decoder_state, DecoderState::kAan);
  EXPECT_EQ(aan.aan_ffn_dim, 24);
  EXPECT_THAT(DescribeArchitecture(aan),
              HasSubstr("decoder 1 x 32 (aan with ffn 24, 1 head of 8, no "
                        "ffn)"));
  EXPECT_THAT(DescribeArchitecture(WithDecoder({{"state", "aan"}})),
              HasSubstr("(aan, 1 head of 8, no ffn)"));
  EXPECT_THAT(DescribeArchitecture(WithDecoder({{"state", "ssru"}})),
              HasSubstr("(ssru, 1 head of 8, no ffn)"));
  EXPECT_THAT(DescribeArchitecture(WithDecoder(
                  {{"state", "can"}, {"num_heads", 3}, {"ffn_dim", 66}})),
              HasSubstr("(can, 3 heads of 8, ffn 66)"));
}

TEST(ConfigTest, RefusesValuesThatHeadsCannotShare) {
  json config = ValidConfig();
  config["architecture"]["decoder"].update(
      {{"state", "can"}, {"num_heads", 3}, {"ffn_dim", 64}});
  EXPECT_THAT(ErrorOf(config),
              HasSubstr("decoder.ffn_dim: found 64, expected a multiple of "
                        "num_heads = 3 for state \"can\""));
}

struct BadField {
  const char* pointer;  // JSON pointer to what is replaced
  const char* value;    // JSON text, or "" to remove it
  const char* error;
};

class BadConfigTest : public testing::TestWithParam<BadField> {};

TEST_P(BadConfigTest, NamesFileFieldFoundAndExpected) {
  json config = ValidConfig();
  const json::json_pointer pointer(GetParam().pointer);
  if (*GetParam().value == '\0') {
    config[pointer.parent_pointer()].erase(pointer.back());
  } else {
    config[pointer] = json::parse(GetParam().value);
  }
  const std::string error = ErrorOf(config);
  EXPECT_THAT(error, HasSubstr("dir/config.json: "));
  EXPECT_THAT(error, HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigTest,
    testing::Values(
        BadField{"/format_version", "2",
                 "format_version: found 2, expected an integer from 1 to 1"},
        BadField{"/name", "", "name: missing"},
        BadField{"/name", "\"\"",
                 "name: found \"\", expected a string that is not empty"},
        BadField{"/nmae", "1", "nmae: unknown field"},
        BadField{"/architecture", "[]", "architecture: expected a JSON object"},
        BadField{"/architecture/encoder/num_layers", "0",
                 "encoder.num_layers: found 0"},
        BadField{"/architecture/encoder/num_layers", "1.5",
                 "encoder.num_layers: found 1.5"},
        BadField{"/architecture/encoder/num_layers", "-9223372036854775808",
                 "encoder.num_layers: found"},
        BadField{"/architecture/encoder/num_layers", "18446744073709551615",
                 "encoder.num_layers: found"},
        BadField{"/architecture/encoder/ffn_dim", "0",
                 "encoder.ffn_dim: found 0"},
        BadField{"/architecture/encoder/model_dim", "33",
                 "encoder.model_dim: found 33, expected an even number"},
        BadField{"/architecture/encoder/layers", "3",
                 "architecture.encoder.layers: unknown field"},
        BadField{"/architecture/decoder/state", "\"rnn\"",
                 "decoder.state: found \"rnn\", expected \"self_attention\", "
                 "\"aan\", \"ssru\", \"can\""},
        BadField{"/architecture/encoder/state", "\"aan\"",
                 "encoder.state: unknown field"},
        BadField{"/architecture/decoder/aan_ffn_dim", "64",
                 "decoder.aan_ffn_dim: found 64, expected 0 unless state is "
                 "\"aan\""},
        BadField{"/architecture/decoder/aan_ffn_dim", "-1",
                 "decoder.aan_ffn_dim: found -1, expected an integer from 0"},
        BadField{"/architecture/decoder/state", "\"can\"",
                 "decoder.ffn_dim: found 0, expected a multiple of num_heads = "
                 "1 for state \"can\""},
        BadField{"/architecture/decoder/num_heads", "65536",
                 "num_heads: found 65536 heads of 8"},
        BadField{"/architecture/norm", "\"middle\"",
                 "norm: found \"middle\", expected \"pre\", \"post\""},
        BadField{"/architecture/output_rank", "0", "output_rank: found 0"},
        BadField{"/architecture/output", "\"tied\"", "output_rank: found 8"},
        BadField{"/architecture/max_positions", "3",
                 "max_positions: found 3, expected more than position_offset + "
                 "1 = 3"},
        BadField{"/architecture/target_vocab_size", "99",
                 "share_embeddings: found vocabularies of 100 and 99"},
        BadField{"/architecture/output_bias", "0",
                 "output_bias: found 0, expected true or false"},
        BadField{"/tokens/eos", "100",
                 "tokens.eos: found 100, expected an integer from 0 to 99"},
        BadField{"/tokens/source_suffix", "[100]",
                 "tokens.source_suffix: found 100"},
        BadField{"/tokens/source_prefix", "[100]",
                 "tokens.source_prefix: found 100"},
        BadField{"/decoding/stopping", "\"soon\"",
                 "decoding.stopping: found \"soon\", expected "
                 "\"first_finished\", \"best_finished\", \"heuristic\", "
                 "\"never\", \"shrinking_beam\""},
        BadField{"/decoding/word_penalty", "1000",
                 "decoding.word_penalty: found 1000"},
        BadField{"/architecture/final_norm", "1",
                 "final_norm: found 1, expected true or false"},
        BadField{"/tokenizer/source_codes", "\"x\"",
                 "tokenizer.source_codes: unknown field"},
        BadField{"/decoding/length_limit", "1",
                 "decoding.length_limit: found 1, expected \"eos\""},
        BadField{"/decoding/renormalize_min_length", "1",
                 "decoding.renormalize_min_length: found 1, expected true"},
        BadField{"/decoding/min_length", "-1",
                 "decoding.min_length: found -1, expected an integer from 0"},
        BadField{"/decoding/forced_first_token", "-1",
                 "decoding.forced_first_token: found -1, expected"},
        BadField{"/tokens/source_suffix", "2",
                 "tokens.source_suffix: found 2, expected an array"},
        BadField{"/tokenizer/type", "\"bpe\"", "tokenizer.type: found \"bpe\""},
        BadField{"/tokenizer/source", "\"../secret\"",
                 "tokenizer.source: found \"../secret\""},
        BadField{"/decoding/beam_size", "0", "decoding.beam_size: found 0"},
        BadField{"/decoding/length_penalty", "\"0.6\"",
                 "decoding.length_penalty: found \"0.6\""},
        BadField{"/decoding/suppressed_tokens", "[2]",
                 "suppressed_tokens: found eos"}));

json MultilingualConfig() {
  json config = ValidConfig();
  config["languages"] = {{"zh_cn", 92}, {"de", 91}, {"en", 90}};
  config["source_language"] = "EN";
  config.erase("target_language");
  config["tokens"]["source_prefix"] = {90};
  config["tokens"]["source_language"] = 90;
  return config;
}

TEST(ConfigTest, ReadsLanguages) {
  json config = MultilingualConfig();
  auto parsed = ParseConfig(config.dump(), "c");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->languages.size(), 3u);
  EXPECT_EQ(parsed->languages[0].code, "de");
  EXPECT_EQ(parsed->languages[0].token, 91);
  EXPECT_EQ(parsed->source_language, "en");
  EXPECT_EQ(parsed->target_language, "");
  EXPECT_EQ(parsed->tokens.source_language, 90);
  EXPECT_EQ(parsed->decoding.rules.forced_first_token, -1);

  config["target_language"] = "zh-CN";
  parsed = ParseConfig(config.dump(), "c");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->target_language, "zh_cn");
  EXPECT_EQ(parsed->decoding.rules.forced_first_token, 92);
}

TEST(ConfigTest, RefusesLanguagesThatContradict) {
  const auto error_with = [](const char* pointer, const json& value) {
    json config = MultilingualConfig();
    config[json::json_pointer(pointer)] = value;
    return ErrorOf(config);
  };
  EXPECT_THAT(error_with("/languages/fr", 100),
              HasSubstr("languages.fr: found 100, expected an integer from 0 "
                        "to 99"));
  EXPECT_THAT(error_with("/languages", json::object()),
              HasSubstr("languages: found 0 languages, expected 1 to 1000"));
  EXPECT_THAT(error_with("/languages", {"en", "de"}),
              HasSubstr("languages: expected a JSON object"));
  EXPECT_THAT(error_with("/languages/EN", 7),
              HasSubstr("languages.en: found EN, too, which is the same"));
  EXPECT_THAT(error_with("/languages/", 7),
              HasSubstr("found a language without a code"));
  EXPECT_THAT(error_with("/target_language", "fr"),
              HasSubstr("target_language: found \"fr\", expected one of de, "
                        "en, zh_cn"));
  EXPECT_THAT(error_with("/decoding/forced_first_token", 91),
              HasSubstr("decoding.forced_first_token: found 91, expected none "
                        "or the token of target_language"));
  EXPECT_THAT(error_with("/tokens/source_language", 91),
              HasSubstr("tokens.source_language: found 91, expected an id of "
                        "source_prefix or source_suffix"));
  json config = MultilingualConfig();
  config.erase("languages");
  config.erase("source_language");
  EXPECT_THAT(ErrorOf(config), HasSubstr("source_language: missing"));
}

TEST(ConfigTest, ReadsHowSureTranslationsAre) {
  EXPECT_FALSE(
      ParseConfig(ValidConfig().dump(), "config.json")->confidence.has_value());
  json config = ValidConfig();
  config["confidence"] = {{"bias", 2.5}, {"mean", -1}};
  const auto parsed = ParseConfig(config.dump(), "config.json");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_FLOAT_EQ(parsed->confidence->bias, 2.5f);
  EXPECT_FLOAT_EQ(parsed->confidence->mean, -1.0f);
  EXPECT_FLOAT_EQ(parsed->confidence->worst, 0.0f);
  config["confidence"].erase("bias");
  EXPECT_THAT(ErrorOf(config), HasSubstr("confidence.bias: missing"));
  config["confidence"] = {{"bias", "high"}};
  EXPECT_THAT(ErrorOf(config), HasSubstr("confidence.bias: found"));
  config["confidence"] = {{"bias", 1}, {"median", 1}};
  EXPECT_THAT(ErrorOf(config), HasSubstr("confidence.median"));
}

TEST(ConfigTest, ReadsMarkers) {
  json config = ValidConfig();
  std::vector<std::string> markers = {"of another"};
  ASSERT_TRUE(ParseConfig(config.dump(), "config.json", &markers).ok());
  EXPECT_THAT(markers, IsEmpty());
  config["markers"] = {"<m0>", "<m1>"};
  ASSERT_TRUE(ParseConfig(config.dump(), "config.json", &markers).ok());
  EXPECT_THAT(markers, ElementsAre("<m0>", "<m1>"));
  EXPECT_TRUE(ParseConfig(config.dump(), "config.json").ok());
  config["markers"] = {"<m0>", "<m1>", "<m0>"};
  EXPECT_THAT(ErrorOf(config),
              HasSubstr("markers: found '<m0>' twice, expected it once"));
  config["markers"] = {""};
  EXPECT_THAT(ErrorOf(config),
              HasSubstr("markers: found \"\", expected a string that is not "
                        "empty"));
  config["markers"] = "<m0>";
  EXPECT_THAT(ErrorOf(config), HasSubstr("expected an array of strings"));
  config["markers"] = json::array();
  for (int i = 0; i < 65; ++i) {
    config["markers"].push_back("<" + std::to_string(i) + ">");
  }
  EXPECT_THAT(ErrorOf(config),
              HasSubstr("markers: found 65, expected at most 64"));
}

TEST(ConfigTest, ReadsHowPreNormEnds) {
  json config = ValidConfig();
  config["architecture"]["final_norm"] = false;
  EXPECT_FALSE(ParseConfig(config.dump(), "c")->architecture.final_norm);
  EXPECT_FALSE(ParseConfig(config.dump(), "c")->architecture.embedding_norm);
  config["architecture"]["embedding_norm"] = true;
  EXPECT_TRUE(ParseConfig(config.dump(), "c")->architecture.embedding_norm);
  config["architecture"]["norm"] = "post";
  EXPECT_THAT(ErrorOf(config), HasSubstr("final_norm: found false, expected "
                                         "true unless norm is \"pre\""));
}

TEST(ConfigTest, ReadsVocabulariesWithCodes) {
  json config = ValidConfig();
  config["tokenizer"] = {{"type", "subword_nmt"},
                         {"source", "source.txt"},
                         {"target", "target.txt"},
                         {"source_codes", "../secret"}};
  EXPECT_THAT(ErrorOf(config),
              HasSubstr("tokenizer.source_codes: found \"../secret\""));
  config["tokenizer"]["source_codes"] = "source.codes";
  const auto parsed = ParseConfig(config.dump(), "c");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->tokenizer.source_codes, "source.codes");
  EXPECT_EQ(parsed->tokenizer.target_codes, "");
}

TEST(ConfigTest, RefusesWhatIsNotJson) {
  EXPECT_THAT(std::string(ParseConfig("{", "c").status().message()),
              HasSubstr("c: not valid JSON"));
  EXPECT_THAT(std::string(ParseConfig("[]", "c").status().message()),
              HasSubstr("expected a JSON object"));
  EXPECT_FALSE(ParseConfig("", "c").ok());
}

TEST(ConfigTest, NamesAMissingFile) {
  const auto config = ReadConfig("/nonexistent/config.json");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()),
              HasSubstr("/nonexistent/config.json"));
}

}  // namespace
}  // namespace peregrine::formats
