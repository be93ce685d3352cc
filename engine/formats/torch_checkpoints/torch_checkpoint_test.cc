// The oracle is `peregrine convert`, which is tested against the toolkits
// themselves: what the server reads of a checkpoint must be what that made of
// it (tests/formats/converted_files.py).

#include "engine/formats/torch_checkpoints/torch_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/damage.h"
#include "engine/formats/recognise.h"
#include "engine/translation_model.h"

namespace peregrine::formats {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;

const char kData[] =
    PEREGRINE_SOURCE_DIR "/engine/formats/torch_checkpoints/testdata/";

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Error(const std::string& path) {
  const auto model = TranslationModel::Load(path, kernels::Device::kCpu);
  return model.ok() ? "" : std::string(model.status().message());
}

class TorchCheckpointTest : public testing::TestWithParam<const char*> {
 protected:
  const std::string directory_ = std::string(kData) + GetParam();
};

INSTANTIATE_TEST_SUITE_P(Toolkits, TorchCheckpointTest,
                         testing::Values("fairseq-pre", "fairseq-post",
                                         "fairseq-first", "fairseq-learned",
                                         "opennmt"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

// All that there is of tensors under our names.
void ExpectSameTensors(const model::ArchitectureConfig& architecture,
                       model::TensorSource& found,
                       model::TensorSource& expected) {
  for (const std::string& name : expected.Unread()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(found.Has(name));
  }
  const auto same = [&](const std::string& name,
                        std::initializer_list<int64_t> shape) {
    if (!expected.Has(name)) return;
    const std::vector<int64_t> dims = shape;
    const auto a = found.Read(name, dims);
    const auto b = expected.Read(name, dims);
    ASSERT_TRUE(a.ok()) << a.status();
    ASSERT_TRUE(b.ok()) << b.status();
    EXPECT_EQ(*a, *b) << name;
  };
  const int vocab = architecture.source_vocab_size;
  const int dim = architecture.encoder.model_dim;
  const int rank = architecture.output_rank;
  same("encoder.embedding", {vocab, dim});
  if (!architecture.share_embeddings) same("decoder.embedding", {vocab, dim});
  same("encoder.positions", {architecture.max_positions, dim});
  same("output.weight", {vocab, rank > 0 ? rank : dim});
  same("output.factor.weight", {rank, dim});
  for (const std::string& layer :
       {std::string("encoder.layers.0."), std::string("decoder.layers.0.")}) {
    for (const char* part :
         {"self_attention.query", "self_attention.key", "self_attention.value",
          "self_attention.output", "cross_attention.query",
          "cross_attention.key", "cross_attention.output"}) {
      same(layer + part + ".weight", {dim, dim});
      same(layer + part + ".bias", {dim});
    }
    for (const char* norm :
         {"self_attention.norm", "cross_attention.norm", "ffn.norm"}) {
      same(layer + norm + ".weight", {dim});
      same(layer + norm + ".bias", {dim});
    }
  }
}

TEST_P(TorchCheckpointTest, IsWhatConvertMakesOfIt) {
  auto found = OpenCheckpoint(directory_);
  ASSERT_TRUE(found.ok()) << found.status();
  auto expected = OpenCheckpoint(directory_ + "/converted");
  ASSERT_TRUE(expected.ok()) << expected.status();
  const model::ModelConfig& a = found->config;
  const model::ModelConfig& b = expected->config;
  EXPECT_EQ(model::DescribeArchitecture(a.architecture),
            model::DescribeArchitecture(b.architecture));
  EXPECT_EQ(a.architecture.positions, b.architecture.positions);
  EXPECT_EQ(a.architecture.max_positions, b.architecture.max_positions);
  EXPECT_EQ(a.architecture.position_offset, b.architecture.position_offset);
  EXPECT_EQ(a.architecture.activation, b.architecture.activation);
  EXPECT_EQ(a.architecture.scale_embeddings, b.architecture.scale_embeddings);
  EXPECT_EQ(a.architecture.share_embeddings, b.architecture.share_embeddings);
  EXPECT_EQ(a.architecture.output_bias, b.architecture.output_bias);
  EXPECT_EQ(a.architecture.layer_norm_epsilon,
            b.architecture.layer_norm_epsilon);
  EXPECT_EQ(a.source_language, b.source_language);
  EXPECT_EQ(a.target_language, b.target_language);
  EXPECT_EQ(a.tokens.decoder_start, b.tokens.decoder_start);
  EXPECT_EQ(a.tokens.source_suffix, b.tokens.source_suffix);
  EXPECT_EQ(a.tokens.pad, b.tokens.pad);
  EXPECT_EQ(a.tokens.eos, b.tokens.eos);
  EXPECT_EQ(a.tokens.unk, b.tokens.unk);
  EXPECT_EQ(a.decoding.beam_size, b.decoding.beam_size);
  EXPECT_EQ(a.decoding.length_penalty, b.decoding.length_penalty);
  EXPECT_EQ(a.decoding.max_length_offset, b.decoding.max_length_offset);
  EXPECT_EQ(a.decoding.min_length, b.decoding.min_length);
  EXPECT_EQ(a.decoding.suppressed_tokens, b.decoding.suppressed_tokens);
  for (const char* text : {"w3 lower w9", "er low nothing", ""}) {
    const auto ids = found->source_tokenizer->Encode(text);
    EXPECT_EQ(ids, expected->source_tokenizer->Encode(text));
    EXPECT_EQ(found->target_tokenizer->Decode(ids),
              expected->target_tokenizer->Decode(ids));
  }
  ExpectSameTensors(b.architecture, *found->tensors, *expected->tensors);
}

TEST_P(TorchCheckpointTest, LoadsByDirectoryAndByFile) {
  EXPECT_THAT(Error(directory_), IsEmpty());
  EXPECT_THAT(Error(directory_ + "/checkpoint_best.pt"), IsEmpty());
}

TEST_P(TorchCheckpointTest, SurvivesDamage) {
  const std::string path =
      testing::TempDir() + "/" + GetParam() + "_damaged.pt";
  const auto load = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_THAT(Error(path), AnyOf(IsEmpty(), HasSubstr(path)));
  };
  const std::string content = Content(directory_ + "/checkpoint_best.pt");
  DamageOptions options;
  options.rounds = 100;
  options.edge_bytes = 3000;
  ForEachDamage(content, options, load);
  fs::remove(path);
}

TEST(TorchCheckpointNamesTest, RefusesOtherNamesAndSaysThem) {
  const std::string path = testing::TempDir() + "/named.pt";
  std::string content =
      Content(std::string(kData) + "fairseq-first/checkpoint_best.pt");
  const size_t place = content.find("cargparse\nNamespace");
  ASSERT_NE(place, std::string::npos);
  content.replace(place, 19, "cargparse\nNamespacf");
  std::ofstream(path, std::ios::binary) << content;
  EXPECT_THAT(Error(path), HasSubstr("found the name \"argparse.Namespacf\", "
                                     "expected none but those of tensors"));
  fs::remove(path);
}

TEST(TorchCheckpointNamesTest, AsksWhichOfSeveral) {
  const fs::path directory = testing::TempDir() + "/several_checkpoints";
  fs::remove_all(directory);
  fs::create_directories(directory);
  for (const char* name : {"checkpoint1.pt", "checkpoint2.pt"}) {
    fs::copy_file(std::string(kData) + "opennmt/checkpoint_best.pt",
                  directory / name);
  }
  EXPECT_THAT(Error(directory), HasSubstr("found several checkpoints: "
                                          "checkpoint1.pt, checkpoint2.pt"));
  fs::remove(directory / "checkpoint1.pt");
  EXPECT_THAT(Error(directory), IsEmpty());
  fs::remove_all(directory);
}

}  // namespace
}  // namespace peregrine::formats
