// That such models compute what Marian's equations say is the business of
// tests/golden; here, what is said of those that are damaged or unsupported.

#include "engine/formats/marian/marian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Replaces a text of a file by another; the settings stand in the weights.
void Replace(const DamagedDirectory& directory, const std::string& file,
             const std::string& from, const std::string& to) {
  const std::string content = directory.Read(file);
  ASSERT_THAT(content, HasSubstr(from));
  directory.Write(file, absl::StrReplaceAll(content, {{from, to}}));
}

// What loading says with another setting, of as many bytes, in the weights.
std::string ErrorWith(const DamagedDirectory& directory,
                      const std::string& file, const std::string& from,
                      const std::string& to) {
  EXPECT_EQ(from.size(), to.size());
  const std::string content = directory.Read(file);
  Replace(directory, file, from, to);
  const std::string error = directory.Error();
  directory.Write(file, content);
  return error;
}

TEST(MarianTest, TellsWhatItIs) {
  const DamagedDirectory directory("marian-student");
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Marian, binary");
  const model::ArchitectureConfig& architecture =
      checkpoint->config.architecture;
  EXPECT_EQ(architecture.decoder_state, model::DecoderState::kSsru);
  EXPECT_EQ(architecture.encoder.num_layers, 6);
  EXPECT_EQ(architecture.decoder.num_layers, 2);
  EXPECT_TRUE(architecture.share_embeddings);
  // As the program of Firefox Translations decodes, which needs no settings.
  const model::DecodingConfig& decoding = checkpoint->config.decoding;
  EXPECT_EQ(decoding.beam_size, 1);
  EXPECT_EQ(decoding.length_penalty, 1.0f);
  EXPECT_EQ(decoding.max_length_factor, 2.0f);
  EXPECT_EQ(decoding.rules.stopping, model::Stopping::kShrinkingBeam);
  EXPECT_THAT(decoding.suppressed_tokens,
              ElementsAre(architecture.target_vocab_size - 1, 1));
}

TEST(MarianTest, AlignsByTheFirstHeadOfTheLayerThatMarianNames) {
  const DamagedDirectory directory("marian-aan");
  const auto layer = [&] {
    const auto checkpoint = OpenCheckpoint(directory.File("."));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(checkpoint->config.alignment.heads, ElementsAre(0));
    EXPECT_FALSE(checkpoint->config.alignment.shifted);
    return checkpoint->config.alignment.layer;
  };
  const std::string name = "transformer-guided-alignment-layer: ";
  const auto last = OpenCheckpoint(directory.File("."))
                        ->config.architecture.decoder.num_layers -
                    1;
  EXPECT_EQ(layer(), last);
  const std::string file = "model.bin";
  EXPECT_THAT(ErrorWith(directory, file, name + "last", name + "9999"),
              HasSubstr("transformer-guided-alignment-layer: found 9999"));
  Replace(directory, file, name + "last", name + "1   ");
  EXPECT_EQ(layer(), 0);
}

TEST(MarianTest, ReadsItsDecoderConfiguration) {
  const DamagedDirectory directory("marian-pre");
  auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->format, "Marian, .npz");
  EXPECT_EQ(checkpoint->config.decoding.beam_size, 6);
  EXPECT_EQ(checkpoint->config.decoding.length_penalty, 1.0f);
  EXPECT_EQ(checkpoint->config.decoding.rules.word_penalty, 0.2f);
  Replace(directory, "decoder.yml", "opus.model.npz",
          "/elsewhere/opus.model.npz");
  Replace(directory, "decoder.yml", "word-penalty: 0.2", "allow-unk: true");
  checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->config.decoding.suppressed_tokens,
              ElementsAre(checkpoint->config.tokens.decoder_start));
}

// The tokens that a sentence of the source token 5 may be made of.
std::vector<int32_t> TargetsOfFive(const Checkpoint& checkpoint) {
  std::vector<int32_t> targets;
  checkpoint.shortlist->TargetsOf({5}, {checkpoint.config.tokens.eos}, targets);
  return targets;
}

TEST(MarianTest, UsesTheShortlistOfAStudentAndOneThatTheConfigurationNames) {
  for (const char* name : {"marian-student", "marian-aan"}) {
    const DamagedDirectory directory(name);
    const auto checkpoint = OpenCheckpoint(directory.File("."));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ASSERT_NE(checkpoint->shortlist, nullptr) << name;
    const std::vector<int32_t> targets = TargetsOfFive(*checkpoint);
    // The first 11 always; up to 6 of its own and of the end symbol's; filled
    // up to a multiple of 8.
    EXPECT_EQ(targets.size() % 8, 0u);
    EXPECT_GE(targets.size(), 16u);
    EXPECT_LE(targets.size(), 24u);
    EXPECT_EQ(targets[10], 10);
  }
}

TEST(MarianTest, UsesNoShortlistThatNothingButItsNameSpeaksFor) {
  const DamagedDirectory directory("marian-pre");
  directory.Write("lex.s2t", "a b 0.5\n");
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->shortlist, nullptr);
}

TEST(MarianTest, NamesWhatIsWrongInTheShortlist) {
  const DamagedDirectory directory("marian-student");
  directory.Truncate("lex.50.50.xxyy.s2t.bin", 0.5);
  EXPECT_THAT(directory.Error(), HasSubstr("lex.50.50.xxyy.s2t.bin: found"));
}

TEST(MarianTest, RefusesNumbersThatNoShortlistHas) {
  const DamagedDirectory directory("marian-pre");
  directory.Write("lex.s2t", "a b 0.5\n");
  const std::string config = directory.Read("decoder.yml");
  for (const char* number : {"1e300", "-1", "text"}) {
    directory.Write(
        "decoder.yml",
        absl::StrCat(config, "\nshortlist: [lex.s2t, ", number, "]\n"));
    EXPECT_THAT(directory.Error(), HasSubstr("shortlist: found")) << number;
  }
}

TEST(MarianTest, NamesWhatIsWrongInTheConfiguration) {
  const DamagedDirectory directory("marian-pre");
  const std::string config = directory.Read("decoder.yml");
  const auto error = [&](const std::string& from, const std::string& to) {
    Replace(directory, "decoder.yml", from, to);
    std::string message = directory.Error();
    directory.Write("decoder.yml", config);
    return message;
  };
  EXPECT_THAT(error("opus.model.npz", "other.npz"),
              HasSubstr("other.npz: no such file, expected the model"));
  EXPECT_THAT(error("  - opus", "  - a.npz\n  - opus"),
              HasSubstr("models: found an ensemble of 2"));
  EXPECT_THAT(error("beam-size: 6", "beam-size: 0"),
              HasSubstr("decoder.yml: beam-size: found 0, expected"));
  EXPECT_THAT(error("mini-batch: 16", "output-sampling: [topk, 5]"),
              HasSubstr("output-sampling: found"));
  EXPECT_THAT(error("mini-batch: 16", "shortlist: [lex.s2t, 1e300]"),
              HasSubstr("lex.s2t"));
  EXPECT_THAT(error("target.vocab.yml", "nothing.yml"),
              HasSubstr("nothing.yml: no such file, expected the target voc"));
  EXPECT_THAT(error("  - target.vocab.yml\n", ""),
              HasSubstr("found 1 vocabularies, expected"));
  EXPECT_THAT(error("mini-batch: 16", "mini-batch"),
              HasSubstr("decoder.yml: line "));
  directory.Write("other.decoder.yml", config);
  EXPECT_THAT(directory.Error(), IsEmpty());  // decoder.yml it is
  directory.Write("third.decoder.yml", config);
  directory.Remove("decoder.yml");
  EXPECT_THAT(directory.Error(),
              HasSubstr("other.decoder.yml, third.decoder.yml"));
}

TEST(MarianTest, NamesASettingThatIsNotSupported) {
  const DamagedDirectory directory("marian-pre");
  const auto error = [&](const std::string& from, const std::string& to) {
    return ErrorWith(directory, "opus.model.npz", from, to);
  };
  EXPECT_THAT(error("type: transformer", "type: s2s________"),
              HasSubstr("special:model.yml: type: found s2s________, expected "
                        "transformer"));
  EXPECT_THAT(
      error("transformer-postprocess: da", "transformer-postprocess: dh"),
      HasSubstr("found \"n\", \"h\" and \"n\" beside dropout, expected"));
  EXPECT_THAT(error("version: v1.12.42", "version: v1.10.42"),
              HasSubstr("version: found v1.10.42"));
  EXPECT_THAT(error("transformer-ffn-depth: 2", "transformer-ffn-depth: 3"),
              HasSubstr("transformer-ffn-depth: found 3, expected 2"));
  EXPECT_THAT(error("ffn-activation: swish", "ffn-activation: xwish"),
              HasSubstr("transformer-ffn-activation: found xwish, expected"));
  EXPECT_THAT(error("enc-depth: 3", "enc-depth: 2"),
              HasSubstr("does not have: encoder_l3_"));
  EXPECT_THAT(error("enc-depth: 3", "enc-depth: 4"),
              HasSubstr("tensor encoder_l4_self_Wo_ln_scale_pre: found none, "
                        "expected one of shape [1, 24]"));
  EXPECT_THAT(error("dim-emb: 24", "dim-emb: 48"), HasSubstr("tensor "));
  EXPECT_THAT(error("dim-emb: 24", "dim-emb: 25"),
              HasSubstr("dim-emb: found 25, expected an even number"));
  const DamagedDirectory student("marian-student");
  EXPECT_THAT(ErrorWith(student, "model.xxyy.intgemm.alphas.bin",
                        "dec-cell: ssru", "dec-cell: lstm"),
              HasSubstr("transformer-decoder-autoreg: found rnn with dec-cell "
                        "lstm, expected"));
}

TEST(MarianTest, NamesAMissingFile) {
  const DamagedDirectory directory("marian-student");
  const std::string spm = directory.Read("vocab.xxyy.spm");
  directory.Remove("vocab.xxyy.spm");
  EXPECT_THAT(directory.Error(), HasSubstr("found 0 vocabularies, expected"));
  directory.Write("srcvocab.spm", spm);
  directory.Write("trgvocab.spm", spm);
  EXPECT_THAT(directory.Error(), IsEmpty());
  directory.Write("model.npz", "");
  EXPECT_THAT(directory.Error(),
              HasSubstr("found several: model.npz, model.xxyy.intgemm."));
}

TEST(MarianTest, NamesAVocabularyThatIsWrong) {
  const DamagedDirectory directory("marian-aan");
  directory.Write("source.vocab.yml", "a: 0\nb: 1\n");
  EXPECT_THAT(directory.Error(),
              HasSubstr("found no piece \"</s>\", expected"));
  directory.Write("source.vocab.yml", "</s>: 0\n<unk>: 100000\n");
  EXPECT_THAT(directory.Error(),
              HasSubstr("found 100000, expected an id from"));
  Replace(directory, "decoder.yml", "shortlist:", "alignment:");
  // Symbols of Nematus.
  directory.Write("source.vocab.yml", "{\"eos\": 0, \"UNK\": 1, \"a\": 2}");
  EXPECT_THAT(directory.Error(), IsEmpty());
}

// As the older models of OPUS have them.
TEST(MarianTest, CutsWordsByCodesBesideTheVocabulary) {
  const DamagedDirectory directory("marian-aan");
  Replace(directory, "decoder.yml", "shortlist:", "alignment:");
  directory.Write("source.vocab.yml",
                  "</s>: 0\n<unk>: 1\nlo@@: 2\nw: 3\nmodels: 4\n");
  directory.Write("source.bpe", "#version: 0.2\nl o\n");
  const auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->source_tokenizer->Encode("low w"),
              ElementsAre(2, 3, 3));
  directory.Write("source.bpe", "l o w\n");
  EXPECT_THAT(directory.Error(), HasSubstr("source.bpe: line 1: found 3"));
}

// Settings beside weights that have none inside.
TEST(MarianTest, ReadsSettingsBesideTheWeights) {
  const DamagedDirectory directory("marian-aan");
  const std::string content = directory.Read("model.bin");
  const size_t begin = content.find("bert-train-type-embeddings: ");
  ASSERT_NE(begin, std::string::npos);
  directory.Write("model.bin.yml",
                  content.substr(begin, content.find('\0', begin) - begin));
  Replace(directory, "model.bin", "special:model.yml", "special:nothing!!");
  EXPECT_THAT(directory.Error(), HasSubstr("does not have: special:nothing!!"));
  directory.Remove("model.bin.yml");
  EXPECT_THAT(directory.Error(),
              HasSubstr("model.bin.yml: no such file, expected the settings"));
}

// As a training leaves them: several configurations, none called decoder.yml.
TEST(MarianTest, TakesADecoderConfigurationAsTheModel) {
  const DamagedDirectory directory("marian-base");
  const std::string config = directory.Read("decoder.yml");
  const std::string name = "model.npz.best-bleu.npz.decoder.yml";
  directory.Remove("decoder.yml");
  directory.Write("other.decoder.yml", config);
  directory.Write(name, config);
  Replace(directory, name, "beam-size: 4", "beam-size: 7");
  EXPECT_THAT(directory.Error(),
              HasSubstr("or give the one that is meant as the model"));
  auto checkpoint = OpenCheckpoint(directory.File(name));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->config.decoding.beam_size, 7);
  // Vocabularies of a training stand elsewhere.
  const std::filesystem::path elsewhere = directory.File("data");
  std::filesystem::create_directory(elsewhere);
  std::filesystem::rename(directory.File("vocab.spm"), elsewhere / "vocab.spm");
  for (const std::string& path :
       {std::string("data/vocab.spm"), (elsewhere / "vocab.spm").string()}) {
    directory.Write(name, absl::StrReplaceAll(config, {{"vocab.spm", path}}));
    checkpoint = OpenCheckpoint(directory.File(name));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  }
}

TEST(MarianTest, ReadsWordListsOfAnyEnding) {
  const DamagedDirectory directory("marian-aan");
  Replace(directory, "decoder.yml", "shortlist:", "alignment:");
  for (const char* name : {"xx.vocab", "xx.lst", "xx"}) {
    directory.Write(name, "</s>\n<unk>\nlow\n");
    const std::string config = directory.Read("decoder.yml");
    Replace(directory, "decoder.yml", "source.vocab.yml", name);
    const auto checkpoint = OpenCheckpoint(directory.File("."));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(checkpoint->source_tokenizer->Encode("low"), ElementsAre(2));
    directory.Write("decoder.yml", config);
  }
}

TEST(MarianTest, RefusesTextThatItCannotCut) {
  const DamagedDirectory directory("marian-pre");
  auto checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->text_refusal, "");
  directory.Write("source.tcmodel", "");
  checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->text_refusal, HasSubstr("source.tcmodel"));
  directory.Remove("source.tcmodel");
  directory.Remove("source.spm");
  checkpoint = OpenCheckpoint(directory.File("."));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->text_refusal, HasSubstr("source.spm is not there"));
}

TEST(MarianTest, RefusesTheShortlistOfAnotherPair) {
  const DamagedDirectory directory("marian-aan");
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += absl::StrCat("x", i, " y", i, " 0.5\n");
  directory.Write("lex.s2t", lines);
  EXPECT_THAT(directory.Error(),
              HasSubstr("lex.s2t: found the pieces of 0 of 20 lines in the "
                        "vocabularies, expected most"));
}

TEST(MarianTest, NamesCompressedFiles) {
  const DamagedDirectory directory("marian-student");
  std::filesystem::rename(directory.File("model.xxyy.intgemm.alphas.bin"),
                          directory.File("model.xxyy.intgemm.alphas.bin.gz"));
  EXPECT_THAT(directory.Error(), HasSubstr("run gunzip"));
}

TEST(MarianTest, SurvivesDamage) {
  for (const auto& [golden, file] :
       {std::make_pair("marian-plain", "model.npz"),
        std::make_pair("marian-student", "model.xxyy.intgemm.alphas.bin")}) {
    const DamagedDirectory directory(golden);
    SurvivesDamage(directory, {file}, {100, 4, 2000});
  }
}

}  // namespace
}  // namespace peregrine::formats
