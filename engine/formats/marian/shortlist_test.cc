#include "engine/formats/marian/shortlist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/damage.h"
#include "engine/formats/recognise.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string Golden(const std::string& name) {
  return std::string(PEREGRINE_SOURCE_DIR) + "/tests/golden/" + name;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class MarianShortlistTest : public testing::Test {
 protected:
  MarianShortlistTest()
      : vocabulary_(
            std::make_shared<const text::Vocabulary>(
                std::vector<std::string>{"</s>", "<unk>", "a", "b", "c"}, 1,
                absl::flat_hash_set<int32_t>{0}),
            nullptr) {}

  absl::StatusOr<std::unique_ptr<const MarianShortlist>> Open(
      const std::string& content) {
    path_ = testing::TempDir() + "/marian_shortlist_test.s2t";
    std::ofstream(path_, std::ios::binary) << content;
    return MarianShortlist::Open(path_, vocabulary_, vocabulary_, options_);
  }
  std::string Error(const std::string& content) {
    const auto shortlist = Open(content);
    return shortlist.ok() ? "" : std::string(shortlist.status().message());
  }

  const text::VocabularyTokenizer vocabulary_;
  MarianShortlist::TextOptions options_;
  std::string path_;
};

TEST_F(MarianShortlistTest, TakesTheMostProbableOfAText) {
  options_ = {3, 2, 0.1f};
  const auto shortlist = Open(
      "c a 0.2\nb a 0.9\n</s> a 0.3\na b 0.05\nNULL b 0.9\nb\tNULL\t1\n"
      "c z 0.4\nc c 0.5\n");
  ASSERT_TRUE(shortlist.ok()) << shortlist.status();
  EXPECT_EQ((*shortlist)->first_n(), 3);
  EXPECT_THAT((*shortlist)->targets(2), ElementsAre(0, 3));
  EXPECT_THAT((*shortlist)->targets(3), IsEmpty());       // not probable enough
  EXPECT_THAT((*shortlist)->targets(1), ElementsAre(4));  // z is unknown
  EXPECT_THAT((*shortlist)->targets(4), ElementsAre(4));
  EXPECT_THAT((*shortlist)->targets(5), IsEmpty());
  EXPECT_THAT((*shortlist)->targets(-1), IsEmpty());
}

// "b a 0.9" by gzip, twice: files one behind the other are one.
TEST_F(MarianShortlistTest, ReadsATextThatIsCompressed) {
  const std::string line(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x52\x48\x54"
      "\x30\xd0\xb3\xe4\x02\x00\x27\x45\x91\x16\x08\x00\x00\x00",
      28);
  const auto shortlist = Open(line + line);
  ASSERT_TRUE(shortlist.ok()) << shortlist.status();
  EXPECT_THAT((*shortlist)->targets(2), ElementsAre(3));
  EXPECT_THAT(Error(line.substr(0, 20)), HasSubstr("cut off or damaged"));
}

TEST_F(MarianShortlistTest, NamesTheLineOfATextThatIsWrong) {
  EXPECT_THAT(Error("a b 0.5\nb a\n"),
              HasSubstr("line 2: found 2 words, expected a target, a source"));
  EXPECT_THAT(Error("a b c\n"), HasSubstr("line 1: found 3 words"));
}

// The file of a student, as another program wrote it.
TEST_F(MarianShortlistTest, ReadsTheBinaryOneOfADirectory) {
  const auto checkpoint = OpenCheckpoint(Golden("marian-student"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto shortlist = MarianShortlist::Open(
      Golden("marian-student") + "/lex.50.50.xxyy.s2t.bin",
      *checkpoint->source_tokenizer, *checkpoint->target_tokenizer, {});
  ASSERT_TRUE(shortlist.ok()) << shortlist.status();
  EXPECT_EQ((*shortlist)->first_n(), 11);
  const int size = checkpoint->source_tokenizer->vocab_size();
  for (int32_t id = 2; id < size; ++id) {
    EXPECT_THAT((*shortlist)->targets(id), SizeIs(6)) << id;
  }
  EXPECT_THAT((*shortlist)->targets(size), IsEmpty());
}

TEST_F(MarianShortlistTest, RefusesBinaryFilesThatLie) {
  const std::string whole =
      Read(Golden("marian-student") + "/lex.50.50.xxyy.s2t.bin");
  ASSERT_GT(whole.size(), 100u);
  EXPECT_THAT(Error(whole),
              HasSubstr("source tokens, expected those of the 5 of the source "
                        "vocabulary: it is the shortlist of another model"));
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_THAT(Error(damaged), HasSubstr("found a file with the checksum"));
  damaged = whole;
  damaged[39] = '\x7f';  // the number of offsets
  EXPECT_THAT(Error(damaged), HasSubstr("it is cut off or damaged"));
  ForEachBeginning(
      whole,
      [&](const std::string& beginning) {
        if (beginning.size() < 8) return;  // taken for a text
        EXPECT_THAT(Error(beginning), Not(IsEmpty())) << beginning.size();
      },
      /*step=*/3);
}

}  // namespace
}  // namespace peregrine::formats
