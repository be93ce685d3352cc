#include "inspect/command_line.h"

#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::inspect {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class InspectTest : public testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    const client::Console console{STDIN_FILENO, false, &out_,
                                  false,        &err_, false};
    std::vector<const char*> argv = {"peregrine-inspect"};
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    return RunCommandLine(static_cast<int>(argv.size()), argv.data(), console);
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(InspectTest, TellsWhatADirectoryHolds) {
  const std::string golden = PEREGRINE_SOURCE_DIR "/tests/golden/";
  EXPECT_EQ(Run({golden + "hf-marian"}), 0);
  EXPECT_THAT(
      out_.str(),
      AllOf(HasSubstr("hf-marian\n"), HasSubstr("Hugging Face MarianMT"),
            HasSubstr("en to de"), HasSubstr("post-norm"),
            HasSubstr("beam size 4, length penalty 1, max length 38"),
            HasSubstr("154 source, 154 target")));
  EXPECT_EQ(Run({golden + "hf-nllb-legacy"}), 0);
  EXPECT_THAT(
      out_.str(),
      AllOf(HasSubstr("eng_Latn to hin_Deva by default, of 3: eng_Latn, "
                      "hin_Deva, tha_Thai\n"),
            HasSubstr("MB of weights as float32\n"),
            HasSubstr("MB of weights as bf16\n"),
            HasSubstr("MB of weights as int8\n")));
  EXPECT_EQ(Run({"--json", golden + "ct2-int16"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\"format\":\"CTranslate2"),
                                HasSubstr("\"weights_bytes\":{\"float32\":"),
                                HasSubstr("\"languages\":[]")));
  EXPECT_EQ(Run({golden + "text"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("config.json: no such file. Found in "));
  EXPECT_EQ(Run({}), 2);
}

// What will be done with text, of each kind.
TEST_F(InspectTest, TellsWhatBecomesOfText) {
  const std::string golden = PEREGRINE_SOURCE_DIR "/tests/golden/";
  const auto text_of = [&](const std::string& name) -> std::string {
    if (Run({golden + name}) != 0) return err_.str();
    const std::string all = out_.str();
    const size_t begin = all.find("\n  text ");
    if (begin == std::string::npos) return "no such row";
    return all.substr(begin + 1, all.find('\n', begin + 1) - begin - 1);
  };
  EXPECT_EQ(text_of("hf-marian"), "  text          yes, followed by </s>");
  EXPECT_EQ(text_of("hf-m2m100"),
            "  text          yes, behind the language, followed by </s>");
  EXPECT_EQ(
      text_of("hf-madlad"),
      "  text          yes, behind \xe2\x96\x81 the language, followed by "
      "</s>");
  EXPECT_EQ(text_of("ct2-opus"), "  text          yes, followed by </s>");
  EXPECT_EQ(text_of("fairseq-pre"), "  text          none: takes tokens only");
  EXPECT_THAT(text_of("ct2-float32"), HasSubstr("text          yes"));
  const std::string package =
      "../../engine/formats/argos/testdata/zipfile.argosmodel";
  EXPECT_EQ(text_of(package), "  text          yes, followed by </s>");
  EXPECT_EQ(Run({"--json", golden + "fairseq-pre"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\"takes_text\":false"));
}

}  // namespace
}  // namespace peregrine::inspect
