// That such models compute what transformers computes is the business of
// tests/golden; here, what is said of those that are damaged or unsupported.

#include "engine/formats/hugging_face/marian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"
#include "engine/text_plan.h"

namespace peregrine::formats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class HuggingFaceMarianTest : public testing::Test {
 protected:
  struct Tensor {
    std::vector<int64_t> shape;
    std::string bytes;
  };

  // Of model.safetensors, by hand.
  Tensor ReadTensor(const std::string& name) const {
    const auto [header, data] = Split();
    const Json& entry = header[name];
    const size_t begin = entry["data_offsets"][0];
    const size_t end = entry["data_offsets"][1];
    return {entry["shape"].get<std::vector<int64_t>>(),
            data.substr(begin, end - begin)};
  }
  void AddTensor(const std::string& name, const std::vector<int64_t>& shape,
                 const std::string& bytes) const {
    auto [header, data] = Split();
    header[name] = {
        {"dtype", "F32"},
        {"shape", shape},
        {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    const std::string text = header.dump();
    const uint64_t size = text.size();
    model_.Write("model.safetensors",
                 std::string(reinterpret_cast<const char*>(&size), 8) + text +
                     data + bytes);
  }
  std::pair<Json, std::string> Split() const {
    const std::string file = model_.Read("model.safetensors");
    uint64_t size = 0;
    std::memcpy(&size, file.data(), sizeof(size));
    return {Json::parse(file.substr(8, size)), file.substr(8 + size)};
  }

  const DamagedDirectory model_{"hf-marian"};
};

TEST_F(HuggingFaceMarianTest, TellsWhatItIs) {
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Hugging Face MarianMT");
  EXPECT_THAT(checkpoint->config.name, HasSubstr("hf-marian"));
  EXPECT_EQ(checkpoint->config.source_language, "en");
  EXPECT_EQ(checkpoint->config.target_language, "de");
}

TEST_F(HuggingFaceMarianTest, ReadsItsGenerationSettings) {
  model_.Set("generation_config.json", "max_length", 33);
  model_.Set("generation_config.json", "early_stopping", true);
  model_.Set("generation_config.json", "length_penalty", 0.5);
  auto decoding = OpenCheckpoint(model_.File("."))->config.decoding;
  EXPECT_EQ(decoding.beam_size, 4);
  EXPECT_EQ(decoding.length_penalty, 0.5f);
  EXPECT_EQ(decoding.max_length_factor, 0.0f);
  EXPECT_EQ(decoding.max_length_offset, 31);  // less the start and eos
  EXPECT_EQ(decoding.rules.stopping, model::Stopping::kBestFinished);
  EXPECT_EQ(decoding.rules.length_limit, model::LengthLimit::kForcedEos);
  model_.Set("generation_config.json", "forced_eos_token_id", nullptr);
  model_.Set("generation_config.json", "max_new_tokens", 20);
  decoding = OpenCheckpoint(model_.File("."))->config.decoding;
  EXPECT_EQ(decoding.max_length_offset, 20);
  EXPECT_EQ(decoding.rules.length_limit, model::LengthLimit::kCut);
}

TEST_F(HuggingFaceMarianTest, NamesAMissingFile) {
  for (const char* file : {"model.safetensors", "source.spm", "target.spm",
                           "vocab.json", "config.json"}) {
    const std::string content = model_.Read(file);
    model_.Remove(file);
    EXPECT_THAT(model_.Error(), HasSubstr(model_.File(file)));
    model_.Write(file, content);
  }
  EXPECT_THAT(model_.Error(), IsEmpty());
}

TEST_F(HuggingFaceMarianTest, NamesWhatIsWrongInAPickle) {
  model_.Remove("model.safetensors");
  model_.Write("pytorch_model.bin",
               "\x80\x02\x8a\nl\xfc\x9c"
               "F\xf9 j\xa8P\x19.\x80\x02"
               "cos\nsystem\n.");
  EXPECT_THAT(model_.Error(),
              AllOf(HasSubstr("pytorch_model.bin: pickle, byte"),
                    HasSubstr("found the name \"os.system\"")));
}

// lm_head.weight beside model.shared.weight, which config.json ties: which
// counts is what transformers 4.57 and 5.23 were seen to do.
TEST_F(HuggingFaceMarianTest, FollowsTheVersionWhereTiedTensorsDiffer) {
  const auto shared = ReadTensor("model.shared.weight");
  std::string other = shared.bytes;
  other[0] = static_cast<char>(other[0] ^ 1);
  AddTensor("lm_head.weight", shared.shape, other);
  const auto open = [&](const Json& version) {
    model_.Set("config.json", "transformers_version", version);
    return OpenCheckpoint(model_.File("."));
  };
  auto checkpoint = open("5.23.0");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->config.architecture.output,
            model::OutputProjection::kSeparate);
  EXPECT_TRUE(checkpoint->config.architecture.share_embeddings);
  const auto output = checkpoint->tensors->Read("output.weight", shared.shape);
  const auto table =
      checkpoint->tensors->Read("encoder.embedding", shared.shape);
  ASSERT_TRUE(output.ok() && table.ok()) << output.status() << table.status();
  EXPECT_NE((*output)[0], (*table)[0]);
  EXPECT_EQ((*output)[1], (*table)[1]);

  checkpoint = open("4.57.6");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->config.architecture.output,
            model::OutputProjection::kTied);
  EXPECT_THAT(
      std::string(open(nullptr).status().message()),
      HasSubstr("found the tensors model.shared.weight and lm_head.weight to "
                "differ, expected them equal"));
  EXPECT_THAT(model_.Error(), HasSubstr("to differ"));
}

TEST_F(HuggingFaceMarianTest, TakesTiedTensorsThatAreStoredTwice) {
  const auto shared = ReadTensor("model.shared.weight");
  AddTensor("model.encoder.embed_tokens.weight", shared.shape, shared.bytes);
  model_.Set("config.json", "transformers_version", nullptr);
  const auto checkpoint = OpenCheckpoint(model_.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_TRUE(checkpoint->config.architecture.share_embeddings);
}

TEST_F(HuggingFaceMarianTest, NamesSettingsThatWeLack) {
  const auto error = [&](const char* file, const char* name,
                         const Json& value) {
    model_.Set(file, name, value);
    std::string message = model_.Error();
    model_.Set(file, name, nullptr);
    return message;
  };
  const char* const generation = "generation_config.json";
  EXPECT_THAT(error(generation, "stop_strings", {"."}),
              HasSubstr("stop_strings: found"));
  EXPECT_THAT(error(generation, "max_time", 1.5),
              HasSubstr("max_time: found 1.5, expected none"));
  EXPECT_THAT(error(generation, "forced_decoder_ids", {{1, 5}}),
              HasSubstr("forced_decoder_ids: found"));
  EXPECT_THAT(error("config.json", "normalize_before", true),
              HasSubstr("normalize_before: found true, expected false"));
  EXPECT_THAT(error("config.json", "normalize_embedding", true),
              HasSubstr("normalize_embedding: found true, expected false"));
  EXPECT_THAT(error("config.json", "quantization_config", {{"bits", 4}}),
              HasSubstr("quantization_config: found"));
  EXPECT_THAT(model_.Error(), IsEmpty());
}

TEST_F(HuggingFaceMarianTest, NamesAnotherModelType) {
  model_.Set("config.json", "model_type", "bart");
  EXPECT_THAT(model_.Error(),
              HasSubstr("config.json: model_type: found \"bart\", expected"));
}

TEST_F(HuggingFaceMarianTest, NamesAFieldThatIsWrong) {
  const auto error = [&](const char* file, const char* field,
                         const Json& value) {
    const std::string content = model_.Read(file);
    model_.Set(file, field, value);
    const std::string message = model_.Error();
    model_.Write(file, content);
    return message;
  };
  EXPECT_THAT(error("config.json", "d_model", 33), HasSubstr("d_model: found"));
  EXPECT_THAT(error("config.json", "d_model", 1e30),
              HasSubstr("d_model: found"));
  EXPECT_THAT(error("config.json", "vocab_size", nullptr),
              HasSubstr("vocab_size: missing"));
  EXPECT_THAT(error("config.json", "activation_function", "gelu_new"),
              HasSubstr("activation_function: found \"gelu_new\", expected "
                        "\"relu\", \"gelu\", \"swish\", \"silu\""));
  EXPECT_THAT(error("config.json", "encoder_layers", 3),
              HasSubstr("tensor model.encoder.layers.2.self_attn_layer_norm."
                        "weight: found none, expected one of shape [32]"));
  EXPECT_THAT(error("config.json", "encoder_layers", 1),
              HasSubstr("does not have: model.encoder.layers.1."));
  EXPECT_THAT(error("config.json", "encoder_ffn_dim", 64),
              HasSubstr("fc1.weight: found shape [48, 32], expected [64, 32]"));
  EXPECT_THAT(error("config.json", "vocab_size", 100),
              HasSubstr("config.json: pad_token_id: found 153, expected"));
  const char* generation = "generation_config.json";
  EXPECT_THAT(error(generation, "no_repeat_ngram_size", -3),
              HasSubstr("no_repeat_ngram_size: found -3, "));
  EXPECT_THAT(error(generation, "encoder_no_repeat_ngram_size", 3),
              HasSubstr("generation_config.json: encoder_no_repeat_ngram_size: "
                        "found 3, expected 0"));
  EXPECT_THAT(error(generation, "bad_words_ids", {{1, 999}}),
              HasSubstr("bad_words_ids: found [[1,999]], expected lists of "
                        "token ids below 154"));
  EXPECT_THAT(error(generation, "early_stopping", "maybe"),
              HasSubstr("early_stopping: found \"maybe\", expected true"));
  EXPECT_THAT(error(generation, "forced_eos_token_id", 5),
              HasSubstr("forced_eos_token_id: found 5, expected"));
}

TEST_F(HuggingFaceMarianTest, NamesAVocabularyThatIsWrong) {
  model_.Write("vocab.json", "[1, 2]");
  EXPECT_THAT(model_.Error(), HasSubstr("vocab.json: expected a JSON object"));
  model_.Write("vocab.json", R"({"</s>": 0, "a": 0})");
  EXPECT_THAT(model_.Error(), HasSubstr("both at id 0"));
  model_.Write("vocab.json", R"({"</s>": 0, "a": -1})");
  EXPECT_THAT(model_.Error(), HasSubstr("piece \"a\": found -1, expected"));
  model_.Write("vocab.json", R"({"</s>": 0, "a": 2})");
  EXPECT_THAT(model_.Error(), HasSubstr("found no piece \"<unk>\""));
  model_.Write("vocab.json", R"({"</s>": 0, "a": 154})");
  EXPECT_THAT(model_.Error(), HasSubstr("expected an id from 0 to 153"));
  model_.Write("vocab.json", std::string(1000, '['));
  EXPECT_THAT(model_.Error(), HasSubstr("found JSON more than 32 deep"));
  model_.Write("vocab.json", std::string(17 << 20, ' '));
  EXPECT_THAT(model_.Error(), HasSubstr("vocab.json: found 17825792 bytes"));
}

TEST_F(HuggingFaceMarianTest, SurvivesDamage) {
  SurvivesDamage(model_, {"config.json", "generation_config.json", "vocab.json",
                          "tokenizer_config.json"});
}

// The language code at the start of a text is that of all its sentences.
TEST(MultilingualMarianTest, EverySentenceHasTheLanguageCode) {
  const DamagedDirectory directory("hf-marian-multilingual");
  const auto loaded =
      TranslationModel::Load(directory.File("."), kernels::Device::kCpu);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const TranslationModel& model = **loaded;
  const int32_t code = *model.source_tokenizer()->id(">>hin<<");
  const TextPlan plan =
      TextPlan::Make(model, ">>hin<< Nt nt nsiot. G r g nt.", false);
  ASSERT_THAT(plan.sentences(), SizeIs(2));
  for (const auto& sentence : plan.sentences()) {
    EXPECT_EQ(sentence[0], code);
    EXPECT_GT(sentence.size(), 1u);
  }
  // One that the vocabulary lacks is text.
  const auto& tokenizer = *model.source_tokenizer();
  EXPECT_EQ(tokenizer.LanguageCode(">>xyz<< Nt."), "");
  EXPECT_EQ(tokenizer.LanguageCode(">>hin<<"), ">>hin<<");
  EXPECT_EQ(tokenizer.LanguageCode("a >>hin<<"), "");
  EXPECT_EQ(tokenizer.LanguageCode(">>hin"), "");
}

}  // namespace
}  // namespace peregrine::formats
