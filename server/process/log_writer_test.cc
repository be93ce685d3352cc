#include "server/process/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

// A pipe of the least size.
class LogWriterTest : public ::testing::Test {
 protected:
  LogWriterTest() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    read_ = ends[0];
    write_ = ends[1];
    fcntl(write_, F_SETPIPE_SZ, 4096);
  }
  ~LogWriterTest() override {
    close(read_);
    close(write_);
  }
  // What has come, at least `bytes` of it.
  std::string Read(size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
      char buffer[4096];
      const ssize_t size = read(read_, buffer, sizeof(buffer));
      if (size <= 0) break;
      text.append(buffer, static_cast<size_t>(size));
    }
    return text;
  }

  std::string ReadUntil(absl::string_view end) {
    std::string text;
    char byte = 0;
    while (!absl::EndsWith(text, end) && read(read_, &byte, 1) == 1) {
      text.push_back(byte);
    }
    return text;
  }

  int read_ = -1;
  int write_ = -1;
};

TEST_F(LogWriterTest, WritesLinesInOrder) {
  LogWriter writer(write_);
  writer.Write("one\n");
  writer.Write("two\n");
  EXPECT_EQ(Read(8), "one\ntwo\n");
  EXPECT_EQ(writer.dropped(), 0);
}

// Write would block for ever if it wrote.
TEST_F(LogWriterTest, AReaderThatStallsCostsLinesAndIsToldHowMany) {
  LogWriter writer(write_, /*max_bytes=*/16 * 1024);
  const std::string line(1023, 'x');
  for (int i = 0; i < 1000; ++i) writer.Write(line + "\n");
  EXPECT_GE(writer.dropped(), 1000 - 16 - 64 - 1);
  EXPECT_LT(writer.dropped(), 1000);
  // It may tell of them in parts, where it could write for a moment.
  std::string seen;
  std::thread reader([&] { seen = ReadUntil("\non\n"); });
  writer.Flush(absl::InfiniteDuration());
  writer.Write("on\n");
  reader.join();
  int64_t written = 0;
  int64_t told = 0;
  for (absl::string_view text : absl::StrSplit(seen, '\n')) {
    int64_t number = 0;
    if (text == line) ++written;
    if (absl::ConsumePrefix(&text, "log: ") &&
        absl::ConsumeSuffix(&text, " lines were dropped")) {
      ASSERT_TRUE(absl::SimpleAtoi(text, &number)) << text;
      told += number;
    }
  }
  EXPECT_EQ(told, writer.dropped());
  EXPECT_EQ(written + told, 1000);
}

TEST_F(LogWriterTest, EndsThoughNobodyReads) {
  LogWriter writer(write_);
  for (int i = 0; i < 100; ++i) writer.Write(std::string(1000, 'x') + "\n");
}

TEST_F(LogWriterTest, GoesOnThoughNobodyIsThereToRead) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  LogWriter writer(ends[1]);
  writer.Write("one\n");
  writer.Flush(absl::InfiniteDuration());
  close(ends[1]);
}

}  // namespace
}  // namespace peregrine::server
