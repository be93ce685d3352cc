#include "client/command/text_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kNoLimit = 1 << 30;

std::string WriteFile(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + "/text_input_test_" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::vector<std::string> ReadAll(TextInput* input) {
  std::vector<std::string> texts;
  std::string text;
  while (input->Next(&text)) texts.push_back(text);
  return texts;
}

TEST(TextInputTest, ArgumentsAreTextsAsTheyAre) {
  ArgumentsInput input({"a\nb", "", "c"});
  EXPECT_THAT(ReadAll(&input), ElementsAre("a\nb", "", "c"));
  EXPECT_EQ(input.Where(2), "text 3");
}

TEST(TextInputTest, FilesFollowEachOther) {
  const std::string a = WriteFile("a", "1\n2");
  const std::string empty = WriteFile("empty", "");
  const std::string b = WriteFile("b", "3\n");
  FilesInput input({a, empty, b}, kNoLimit);
  EXPECT_THAT(ReadAll(&input), ElementsAre("1", "2", "3"));
  EXPECT_TRUE(input.status().ok());
  EXPECT_EQ(input.Where(0), a + ":1");
  EXPECT_EQ(input.Where(1), a + ":2");
  EXPECT_EQ(input.Where(2), b + ":1");
}

TEST(TextInputTest, AFileThatIsNotThereEndsTheInputWithItsName) {
  const std::string a = WriteFile("a", "1\n");
  FilesInput input({a, "/nonexistent/b"}, kNoLimit);
  EXPECT_THAT(ReadAll(&input), ElementsAre("1"));
  EXPECT_THAT(input.status().ToString(), HasSubstr("/nonexistent/b"));
}

TEST(TextInputTest, StreamCountsLines) {
  const int fd = open(WriteFile("s", "1\n2\n").c_str(), O_RDONLY | O_CLOEXEC);
  StreamInput input(fd, kNoLimit);
  EXPECT_THAT(ReadAll(&input), ElementsAre("1", "2"));
  EXPECT_EQ(input.Where(1), "line 2");
  close(fd);
}

TEST(TextInputTest, CountsLinesAsTheyAreRead) {
  const std::string a = WriteFile("a", "1\n2");
  const std::string b = WriteFile("b", "\n\n");
  const std::string empty = WriteFile("empty", "");
  EXPECT_EQ(CountLines({a, b, empty}), 4);
  EXPECT_EQ(CountLines({a, "/dev/null"}), 0) << "not a plain file";
}

}  // namespace
}  // namespace peregrine::client
