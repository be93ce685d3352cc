#include "client/command/result_writer.h"

#include <sstream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "client/command/text_input.h"
#include "client/console/progress.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::HasSubstr;

BulkResult Result(const std::string& text) {
  BulkResult result;
  result.text = "source";
  v1::Translation translation;
  translation.add_hypotheses()->set_text(text);
  result.translation = translation;
  return result;
}

class ResultWriterTest : public testing::Test {
 protected:
  ResultWriter Make(const ResultWriter::Options& options) {
    return ResultWriter(options, &input_, &out_, &err_, &progress_);
  }

  const std::vector<std::string> texts_ = {"source"};
  ArgumentsInput input_{texts_};
  std::ostringstream out_;
  std::ostringstream err_;
  ProgressLine progress_{nullptr, 0, absl::Now()};
};

TEST_F(ResultWriterTest, ALineGrowsIntoItsResult) {
  ResultWriter::Options options;
  options.one_line_each = true;
  ResultWriter writer = Make(options);
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein"}).ok());
  EXPECT_EQ(out_.str(), "Ein");
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein\nalter"}).ok());
  EXPECT_EQ(out_.str(), "Ein alter");
  // Sent again, it begins anew.
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein"}).ok());
  EXPECT_EQ(out_.str(), "Ein alter");
  EXPECT_TRUE(writer.Write(Result("Ein\nalter Mann.")).ok());
  EXPECT_EQ(out_.str(), "Ein alter Mann.\n");
  EXPECT_TRUE(writer.Write(Result("Neu.")).ok());
  EXPECT_EQ(out_.str(), "Ein alter Mann.\nNeu.\n");
  EXPECT_EQ(writer.num_failed(), 0);
}

TEST_F(ResultWriterTest, AnotherTranslationThanWasBegunIsAFailure) {
  ResultWriter writer = Make({});
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein"}).ok());
  EXPECT_TRUE(writer.Write(Result("Der alte Mann.")).ok());
  EXPECT_EQ(out_.str(), "Ein\n");
  EXPECT_EQ(writer.num_failed(), 1);
  EXPECT_THAT(err_.str(), HasSubstr("translates it differently"));
}

TEST_F(ResultWriterTest, AFailureKeepsWhatIsWritten) {
  ResultWriter writer = Make({});
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein"}).ok());
  BulkResult failed;
  failed.translation = absl::InternalError("lost");
  EXPECT_TRUE(writer.Write(failed).ok());
  EXPECT_EQ(out_.str(), "Ein\n");
  EXPECT_THAT(err_.str(), HasSubstr("INTERNAL: lost"));
}

TEST_F(ResultWriterTest, InJsonABeginningIsAnObject) {
  ResultWriter::Options options;
  options.json = true;
  ResultWriter writer = Make(options);
  EXPECT_TRUE(writer.WriteBeginning({0, "source", "Ein"}).ok());
  EXPECT_EQ(out_.str(), R"({"source":"source","stable_text":"Ein"})"
                        "\n");
  EXPECT_TRUE(writer.Write(Result("Ein Mann.")).ok());
  EXPECT_THAT(out_.str(), HasSubstr(R"("text":"Ein Mann.")"));
}

}  // namespace
}  // namespace peregrine::client
