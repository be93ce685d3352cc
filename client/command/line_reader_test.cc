#include "client/command/line_reader.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kNoLimit = 1 << 30;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(fds_), 0); }
  ~Pipe() {
    close(fds_[0]);
    CloseWriter();
  }
  int reader() const { return fds_[0]; }
  void Write(const std::string& bytes) {
    ASSERT_EQ(write(fds_[1], bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  void CloseWriter() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }

 private:
  int fds_[2];
};

std::vector<std::string> Lines(const std::string& input,
                               std::size_t max_line_bytes = kNoLimit) {
  std::FILE* file = std::tmpfile();
  std::fwrite(input.data(), 1, input.size(), file);
  std::fflush(file);
  lseek(fileno(file), 0, SEEK_SET);
  StopEvent stop;
  LineReader reader(fileno(file), max_line_bytes, &stop);
  std::vector<std::string> lines;
  std::string line;
  while (reader.Next(&line).value()) lines.push_back(line);
  std::fclose(file);
  return lines;
}

TEST(LineReaderTest, LinesEndWithLfOrCrLf) {
  EXPECT_THAT(Lines("a\nb\r\nc\n"), ElementsAre("a", "b", "c"));
}

TEST(LineReaderTest, LastLineNeedsNoNewline) {
  EXPECT_THAT(Lines("a\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(Lines("a\n\n"), ElementsAre("a", ""));
}

TEST(LineReaderTest, EmptyInputHasNoLine) { EXPECT_THAT(Lines(""), IsEmpty()); }

TEST(LineReaderTest, EmptyLinesAreLines) {
  EXPECT_THAT(Lines("\n\r\n \n"), ElementsAre("", "", " "));
}

TEST(LineReaderTest, LoneCarriageReturnsAreText) {
  EXPECT_THAT(Lines("a\rb\nc\r\r\nd\r"), ElementsAre("a\rb", "c\r", "d\r"));
}

TEST(LineReaderTest, KeepsNulAndBytesThatAreNotUtf8) {
  const std::string line("a\0\xff\xc3\xa4", 5);
  EXPECT_THAT(Lines(line + "\n" + line), ElementsAre(line, line));
}

// Around the size of the buffer, so that "\r" and "\n" fall on either side.
TEST(LineReaderTest, LinesOfAnyLength) {
  for (int length = 65530; length <= 65540; ++length) {
    const std::string line(static_cast<std::size_t>(length), 'x');
    EXPECT_THAT(Lines(line + "\r\n" + line + "\nend"),
                ElementsAre(line, line, "end"));
  }
}

TEST(LineReaderTest, CutsLinesThatAreTooLong) {
  EXPECT_THAT(Lines("1234\n12345\n1234\r\n12345\r\n123456789\r\n1234", 4),
              ElementsAre("1234", "12345", "1234", "12345", "12345", "1234"));
  EXPECT_THAT(Lines(std::string(1 << 20, 'x') + "\ny\n", 4),
              ElementsAre("xxxxx", "y"));
}

TEST(LineReaderTest, GivesOutALineBeforeTheNextIsThere) {
  Pipe pipe;
  StopEvent stop;
  LineReader reader(pipe.reader(), kNoLimit, &stop);
  std::string line;
  pipe.Write("one\ntw");
  EXPECT_TRUE(reader.Next(&line).value());
  EXPECT_EQ(line, "one");
  pipe.Write("o\n");
  pipe.CloseWriter();
  EXPECT_TRUE(reader.Next(&line).value());
  EXPECT_EQ(line, "two");
  EXPECT_FALSE(reader.Next(&line).value());
}

TEST(LineReaderTest, StopEndsAWaitAndDropsTheHalfLine) {
  Pipe pipe;
  StopEvent stop;
  LineReader reader(pipe.reader(), kNoLimit, &stop);
  pipe.Write("half a li");
  bool found = true;
  std::thread waiting([&] {
    std::string line;
    found = reader.Next(&line).value();
  });
  absl::SleepFor(absl::Milliseconds(20));
  stop.Set();
  waiting.join();
  EXPECT_FALSE(found);
}

TEST(LineReaderTest, ReportsAReadThatFails) {
  StopEvent stop;
  std::FILE* directory = std::fopen("/", "r");
  ASSERT_NE(directory, nullptr);
  LineReader reader(fileno(directory), kNoLimit, &stop);
  std::string line;
  EXPECT_FALSE(reader.Next(&line).ok());
  std::fclose(directory);
}

}  // namespace
}  // namespace peregrine::client
