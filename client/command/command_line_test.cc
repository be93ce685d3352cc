#include "client/command/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/fake_translation_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ServerStream = grpc::ServerReaderWriter<v1::TranslateStreamResponse,
                                              v1::TranslateStreamRequest>;

class CommandLineTest : public testing::Test {
 protected:
  // "bad" fails, "long" is truncated, the rest is translated.
  CommandLineTest() {
    server_.SetStreamHandler([](ServerStream* stream) {
      v1::TranslateStreamRequest request;
      while (stream->Read(&request)) {
        v1::TranslateStreamResponse answer =
            FakeTranslationServer::MakeAnswer(request);
        if (request.text().text() == "bad") {
          answer = FakeTranslationServer::MakeError(request, 3, "text: no");
        } else if (request.text().text() == "long") {
          answer.mutable_translation()->add_flags(v1::FLAG_TRUNCATED);
        }
        stream->Write(answer);
      }
      return grpc::Status::OK;
    });
  }

  std::string Path(const std::string& name) const {
    return testing::TempDir() + "/command_line_test_" + name;
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    std::ofstream(Path(name), std::ios::binary) << content;
    return Path(name);
  }

  int Run(std::vector<std::string> arguments, const std::string& input = "") {
    const int in_fd = open(WriteFile("stdin", input).c_str(), O_RDONLY);
    out_.str("");
    err_.str("");
    const Console console{in_fd, false, &out_, false, &err_, false};
    std::vector<const char*> argv = {"peregrine"};
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    const int exit_code =
        RunCommandLine(static_cast<int>(argv.size()), argv.data(), console);
    close(in_fd);
    return exit_code;
  }

  int Translate(std::vector<std::string> arguments,
                const std::string& input = "") {
    arguments.insert(
        arguments.begin(),
        {"translate", absl::StrCat("--address=", server_.address())});
    return Run(std::move(arguments), input);
  }

  FakeTranslationServer server_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandLineTest, TranslatesArguments) {
  EXPECT_EQ(Translate({"one", "two words"}), 0);
  EXPECT_EQ(out_.str(), "<one>\n<two words>\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CommandLineTest, TranslatesTheStandardInput) {
  EXPECT_EQ(Translate({}, "one\r\n\ntwo"), 0);
  EXPECT_EQ(out_.str(), "<one>\n\n<two>\n");
}

// Tells "<", "o", "n" and so on before each answer, if it is asked to.
grpc::Status AnswerInPieces(ServerStream* stream) {
  v1::TranslateStreamRequest request;
  while (stream->Read(&request)) {
    const std::string told = absl::StrCat("<", request.text().text());
    for (size_t at = 0; at < told.size(); ++at) {
      if (!request.return_stable_text() || request.text().text().empty()) break;
      stream->Write(FakeTranslationServer::MakeStable(
          request, static_cast<int>(at), told.substr(at, 1)));
    }
    if (request.text().text() == "bad") {
      stream->Write(FakeTranslationServer::MakeError(request, 3, "text: no"));
    } else {
      stream->Write(FakeTranslationServer::MakeAnswer(request));
    }
  }
  return grpc::Status::OK;
}

TEST_F(CommandLineTest, AStreamedTranslationIsTheSame) {
  server_.SetStreamHandler(AnswerInPieces);
  EXPECT_EQ(Translate({"--stream"}, "one\n\ntwo words\n"), 0);
  EXPECT_EQ(out_.str(), "<one>\n\n<two words>\n");
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(Translate({"--stream", "--json", "one"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr(R"("text":"<one>")"));
  EXPECT_EQ(Translate({"--json", "one"}), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("stable_text")));
}

TEST_F(CommandLineTest, AStreamedTextThatFailsKeepsWhatIsWritten) {
  server_.SetStreamHandler(AnswerInPieces);
  EXPECT_EQ(Translate({"--stream"}, "one\nbad\ntwo\n"), 1);
  EXPECT_THAT(out_.str(),
              ::testing::MatchesRegex("<one>\n(<?b?a?d?)\n<two>\n"));
  EXPECT_THAT(err_.str(), HasSubstr("line 2: INVALID_ARGUMENT: text: no"));
}

TEST_F(CommandLineTest, TranslatesFilesIntoAFile) {
  const std::string a = WriteFile("a", "one\n");
  const std::string b = WriteFile("b", "two\n\n");
  EXPECT_EQ(Translate({"--file", a, "--file", b, "--output", Path("out")}), 0);
  EXPECT_EQ(out_.str(), "");
  std::stringstream written;
  written << std::ifstream(Path("out")).rdbuf();
  EXPECT_EQ(written.str(), "<one>\n<two>\n\n");
}

TEST_F(CommandLineTest, KeepsTheOrderOfManyLines) {
  std::string input;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    absl::StrAppend(&input, "line ", i, "\n");
    absl::StrAppend(&expected, "<line ", i, ">\n");
  }
  EXPECT_EQ(Translate({}, input), 0);
  EXPECT_EQ(out_.str(), expected);
}

TEST_F(CommandLineTest, AFailedLineLeavesAnEmptyOne) {
  const std::string file = WriteFile("a", "one\nbad\n\xff\ntwo\n");
  EXPECT_EQ(Translate({"--file", file}), 1);
  EXPECT_EQ(out_.str(), "<one>\n\n\n<two>\n");
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr(file + ":2: INVALID_ARGUMENT: text: no"),
                    HasSubstr(file + ":3: INVALID_ARGUMENT: text: not UTF-8"),
                    HasSubstr("2 of 4 failed")));
}

TEST_F(CommandLineTest, TellsOnlyTheFirstFailures) {
  std::string input;
  for (int i = 0; i < 100; ++i) input += "bad\n";
  EXPECT_EQ(Translate({}, input), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("line 10:"), HasSubstr("100 of 100"),
                                Not(HasSubstr("line 11:"))));
}

TEST_F(CommandLineTest, ALineOverTheServersLimitFailsAlone) {
  EXPECT_EQ(Translate({}, std::string(1001, 'x') + "\ntwo\n"), 1);
  EXPECT_EQ(out_.str(), "\n<two>\n");
  EXPECT_THAT(err_.str(), HasSubstr("longer than the 1000 bytes"));
}

TEST_F(CommandLineTest, SummarisesFlags) {
  EXPECT_EQ(Translate({}, "one\nlong\nlong\n"), 0);
  EXPECT_EQ(out_.str(), "<one>\n<long>\n<long>\n");
  EXPECT_THAT(err_.str(), HasSubstr("2 of 3 cut off at the maximum length "
                                    "(first: line 2)"));
}

TEST_F(CommandLineTest, JsonHoldsTheFlagsAndErrors) {
  EXPECT_EQ(Translate({"--json", "long", "bad"}), 1);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(R"("flags":["FLAG_TRUNCATED"])"),
                                HasSubstr(R"("code":"INVALID_ARGUMENT")")));
}

TEST_F(CommandLineTest, OptionsReachTheServerAndAreCheckedFirst) {
  EXPECT_EQ(Translate({"--json", "--beam-size=3", "--length-penalty=0.5",
                       "--num-hypotheses=2", "--min-length=1", "--max-length=9",
                       "--from=en", "--to=de", "--single-sentence", "one"}),
            0);
  const v1::TranslateRequest checked = server_.translate_requests().at(0);
  EXPECT_EQ(checked.options().beam_size(), 3);
  EXPECT_EQ(checked.source_language(), "en");
  EXPECT_EQ(checked.target_language(), "de");
  EXPECT_EQ(checked.options().length_penalty(), 0.5f);
  EXPECT_EQ(checked.options().num_hypotheses(), 2);
  EXPECT_EQ(checked.options().min_length(), 1);
  EXPECT_EQ(checked.options().max_length(), 9);

  server_.SetTranslateHandler([](const v1::TranslateRequest&) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                        "options.beam_size: found 99, allowed 1 to 8");
  });
  EXPECT_EQ(Translate({"--beam-size=99", "one"}), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("options.beam_size: found 99"));
}

TEST_F(CommandLineTest, UnknownModelFailsBeforeAnyText) {
  EXPECT_EQ(Translate({"--model=other", "one"}), 1);
  EXPECT_EQ(server_.num_streams(), 0);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND: no model named \"other\""));
}

TEST_F(CommandLineTest, ServerThatIsNotThere) {
  EXPECT_EQ(Run({"translate", "--address=127.0.0.1:1", "one"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("127.0.0.1:1: UNAVAILABLE"));
}

TEST_F(CommandLineTest, AddressComesFromTheEnvironment) {
  setenv("PEREGRINE_ADDRESS", server_.address().c_str(), 1);
  EXPECT_EQ(Run({"translate", "one"}), 0);
  EXPECT_EQ(Run({"models"}), 0);
  unsetenv("PEREGRINE_ADDRESS");
}

TEST_F(CommandLineTest, DeadlineEndsTheRun) {
  server_.SetStreamHandler([](ServerStream* stream) {
    v1::TranslateStreamRequest request;
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  });
  EXPECT_EQ(Translate({"--deadline=200ms", "one"}), 1);
  EXPECT_THAT(err_.str(),
              HasSubstr("stopped after 0 texts: DEADLINE_EXCEEDED"));
}

// 192.0.2.1 is of a network that nobody has: what is refused is not tried.
TEST_F(CommandLineTest, NoTokenInClearToAnotherHost) {
  setenv("PEREGRINE_TOKEN", "secret", 1);
  const std::string other = "--address=192.0.2.1:50051";
  EXPECT_EQ(Run({"translate", other, "one"}), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("192.0.2.1:50051 in clear"),
                                HasSubstr("--tls"), Not(HasSubstr("secret"))));
  EXPECT_EQ(Run({"models", other}), 2);
  EXPECT_EQ(Run({"bench", other}), 2);
  EXPECT_EQ(Run({"health", other}), 2);
  setenv("PEREGRINE_ADDRESS", "192.0.2.1:50051", 1);
  EXPECT_EQ(Run({"translate", "one"}), 2);
  unsetenv("PEREGRINE_ADDRESS");
  // Asked for, or encrypted: then it is the network that fails.
  EXPECT_EQ(Run({"health", other, "--deadline=50ms", "--token-in-clear"}), 1);
  EXPECT_EQ(Run({"health", other, "--deadline=50ms", "--tls"}), 1);
  EXPECT_EQ(Translate({"one"}), 0) << "to this machine";
  unsetenv("PEREGRINE_TOKEN");
  EXPECT_EQ(Run({"health", other, "--deadline=50ms"}), 1);
}

TEST_F(CommandLineTest, WhatIsTypedGoesBeforeFiles) {
  const auto sent = [this] { return server_.translate_requests().back(); };
  const std::string options = "--beam-size=2";  // has them checked, by a call
  EXPECT_EQ(Translate({options, "one"}), 0);
  EXPECT_EQ(sent().priority(), v1::PRIORITY_INTERACTIVE);
  EXPECT_EQ(Translate({options}, "one\n"), 0);
  EXPECT_EQ(sent().priority(), v1::PRIORITY_BULK);
  EXPECT_EQ(Translate({options, "--file", WriteFile("a", "one\n")}), 0);
  EXPECT_EQ(sent().priority(), v1::PRIORITY_BULK);
  EXPECT_EQ(Translate({options, "--priority=normal", "one"}), 0);
  EXPECT_EQ(sent().priority(), v1::PRIORITY_UNSPECIFIED);
  EXPECT_EQ(Translate({options, "--priority=high", "one"}), 2);
}

TEST_F(CommandLineTest, OutputThatCannotBeWritten) {
  EXPECT_EQ(Translate({"--output=/nonexistent/out", "one"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("/nonexistent/out"));
  EXPECT_EQ(Translate({"--output=/dev/full", "one"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("cannot write the output"));
}

TEST_F(CommandLineTest, WrongUsageIsTwo) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"fly"}), 2);
  EXPECT_EQ(Translate({"--no-such-flag"}), 2);
  EXPECT_EQ(Translate({"--beam-size=four", "one"}), 2);
  EXPECT_EQ(Translate({"--deadline=soon", "one"}), 2);
  EXPECT_EQ(Translate({"--deadline=-1s", "one"}), 2);
  EXPECT_EQ(Translate({"--num-hypotheses=2", "one"}), 2) << "needs --json";
  EXPECT_EQ(Translate({"--file=/nonexistent/in"}), 2);
  EXPECT_EQ(Translate({"--file", WriteFile("a", "x\n"), "one"}), 2);
  // A seed of a search, and seeds that are none.
  EXPECT_EQ(Run({"translate", "x", "--seed=1"}), 2);
  EXPECT_EQ(Run({"translate", "x", "--top-k=1", "--beam-size=2"}), 2);
  EXPECT_EQ(Run({"translate", "x", "--sample", "--seed=-1"}), 2);
  EXPECT_EQ(Run({"translate", "x", "--sample", "--seed=18446744073709551616"}),
            2);
  EXPECT_EQ(Run({"translate", "x", "--in-order"}), 2);
}

TEST_F(CommandLineTest, AnOptionWithoutValueTakesNoText) {
  EXPECT_EQ(Translate({"--must-contain=", "one"}), 2);
  EXPECT_EQ(err_.str(),
            "--must-contain: found nothing after '=', expected a value\n");
  EXPECT_EQ(Translate({"--", "--from=", "x="}), 0);
  EXPECT_EQ(out_.str(), "<--from=>\n<x=>\n");
}

TEST_F(CommandLineTest, HelpAndVersionAreZero) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("translate"), HasSubstr("models")));
  EXPECT_EQ(Run({"translate", "--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("--beam-size"));
  EXPECT_EQ(Run({"--version"}), 0);
}

TEST_F(CommandLineTest, ModelsTellsArchitectureLimitsAndDefaults) {
  const std::string address = absl::StrCat("--address=", server_.address());
  EXPECT_EQ(Run({"models", address}), 0);
  EXPECT_EQ(
      out_.str(),
      "fake\n"
      "  languages     en to de\n"
      "  architecture  angle brackets\n"
      "  parameters    12.3 million\n"
      "  vocabulary    10000 source, 9000 target\n"
      "  device        cpu int8, 2 workers, 70.0 MB of weights, "
      "products by own kernels\n"
      "  defaults      beam size 4, length penalty 0.6\n"
      "  limits        100 texts a request, 1000 bytes a text, beam size 8\n"
      "                256 source and 200 target tokens a sentence\n");
  EXPECT_EQ(Run({"models", address, "--json", "fake"}), 0);
  EXPECT_TRUE(absl::StartsWith(out_.str(), R"({"name":"fake",)"));
  EXPECT_EQ(Run({"models", address, "other"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
}

TEST_F(CommandLineTest, BenchTellsWhatTheServerDid) {
  const std::string address = absl::StrCat("--address=", server_.address());
  EXPECT_EQ(Run({"bench", address, "--duration=300ms", "--warm-up=0",
                 "--concurrency=2", "--beam-size=3"}),
            0);
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("fake, closed loop, 2 in flight"),
                    HasSubstr("requests/s"), HasSubstr("  requests  OK ")));
  EXPECT_EQ(err_.str(), "");
  const v1::TranslateRequest last = server_.translate_requests().back();
  EXPECT_TRUE(last.single_sentence());
  EXPECT_EQ(last.options().beam_size(), 3);

  EXPECT_EQ(Run({"bench", address, "--duration=300ms", "--warm-up=0",
                 "--rate=50", "--json", "--file", WriteFile("a", "one\n")}),
            0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(R"("loop":"open")"),
                                HasSubstr(R"("outcomes":{"OK":)")));
  EXPECT_EQ(server_.translate_requests().back().texts(0).text(), "one");
}

TEST_F(CommandLineTest, BenchFailsBeforeTheLoad) {
  const std::string address = absl::StrCat("--address=", server_.address());
  EXPECT_EQ(Run({"bench", "--address=127.0.0.1:1"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("127.0.0.1:1: UNAVAILABLE"));
  EXPECT_EQ(Run({"bench", address, "--model=other"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
  EXPECT_EQ(Run({"bench", address, "--file", WriteFile("a", "\n")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("found no text"));
  EXPECT_EQ(Run({"bench", address, "--mean-words=1000"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("mean words: found 1000"));
  EXPECT_EQ(server_.translate_requests().size(), 0u);
  EXPECT_EQ(Run({"bench", address, "--rate=1", "--concurrency=2"}), 2);
  EXPECT_EQ(Run({"bench", address, "--arrivals=uniform"}), 2) << "needs --rate";
  EXPECT_EQ(Run({"bench", address, "--rate=0"}), 2);
  EXPECT_EQ(Run({"bench", address, "--duration=0"}), 2);
}

TEST_F(CommandLineTest, BenchFailsWhereNothingIsTranslated) {
  server_.SetTranslateHandler([](const v1::TranslateRequest&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  });
  EXPECT_EQ(Run({"bench", absl::StrCat("--address=", server_.address()),
                 "--duration=200ms", "--warm-up=0"}),
            1);
  EXPECT_THAT(out_.str(), HasSubstr("RESOURCE_EXHAUSTED"));
}

TEST_F(CommandLineTest, Health) {
  const std::string address = absl::StrCat("--address=", server_.address());
  EXPECT_EQ(Run({"health", address}), 0);
  EXPECT_EQ(out_.str(), "SERVING\n");
  EXPECT_EQ(Run({"health", address, "--service=no.such.Service"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
  server_.SetServing(false);
  EXPECT_EQ(Run({"health", address}), 1);
  EXPECT_EQ(out_.str(), "NOT_SERVING\n");
  EXPECT_EQ(Run({"health", "--address=127.0.0.1:1"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("127.0.0.1:1: UNAVAILABLE"));
}

}  // namespace
}  // namespace peregrine::client
