// A directory whose tokenizers are vocabularies with BPE codes; tests/golden
// has the others.

#include "engine/formats/peregrine_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kVocabSize = 97;

class SubwordNmtDirectoryTest : public testing::Test {
 protected:
  SubwordNmtDirectoryTest() {
    std::string pieces = "<s>\n<pad>\n</s>\n<unk>\nlow\nlo@@\nwer\n";
    for (int id = 7; id < kVocabSize; ++id) {
      absl::StrAppend(&pieces, "w", id, "\n");
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
  EXPECT_THAT(checkpoint->source_tokenizer->Encode("lower w9 nowhere"),
              testing::Contains(6));
  EXPECT_THAT(checkpoint->source_tokenizer->Encode("lower"), ElementsAre(5, 6));
  EXPECT_EQ(checkpoint->target_tokenizer->Decode({5, 6, 9, 2}), "lower w9");
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

}  // namespace
}  // namespace peregrine::formats
