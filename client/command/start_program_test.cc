#include "client/command/start_program.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/command/command_line.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Subcommands that are programs of their own. Stand-ins for these write what
// they were called with; tests/e2e and training/tests have the real ones.
class StartProgramTest : public testing::Test {
 protected:
  StartProgramTest() : path_(std::getenv("PATH")) {
    mkdir(Path("").c_str(), 0755);
  }
  ~StartProgramTest() override {
    unlink(Path("peregrine-wing").c_str());
    setenv("PATH", path_.c_str(), 1);
    unsetenv("PEREGRINE_PYTHON");
    unsetenv("PYTHONPATH");
  }

  static std::string Path(const std::string& name) {
    return absl::StrCat(testing::TempDir(), "/start_program_test/", name);
  }

  static std::string ReadFile(const std::string& name) {
    std::stringstream contents;
    contents << std::ifstream(Path(name)).rdbuf();
    return contents.str();
  }

  // A program that ends with exit code 7.
  static std::string MakeProgram(const std::string& name) {
    std::ofstream(Path(name))
        << "#!/bin/sh\nprintf '%s,' \"$@\" > " << Path("called")
        << "\necho \"$PYTHONPATH\" >> " << Path("called") << "\nexit 7\n";
    chmod(Path(name).c_str(), 0755);
    return Path(name);
  }

  // In a process of its own, for the command may become the program.
  int InChild(const std::function<int(const Console&)>& run) {
    const pid_t pid = fork();
    if (pid == 0) {
      std::ofstream out(Path("out"));
      std::ofstream err(Path("err"));
      const int exit_code =
          run({STDIN_FILENO, false, &out, false, &err, false});
      out.close();
      err.close();
      _exit(exit_code);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  int Run(const std::vector<const char*>& arguments) {
    return InChild([&](const Console& console) {
      std::vector<const char*> argv = {"peregrine"};
      argv.insert(argv.end(), arguments.begin(), arguments.end());
      return RunCommandLine(static_cast<int>(argv.size()), argv.data(),
                            console);
    });
  }

  // A command whose subcommand "fly" is the program "peregrine-wing".
  int RunFly(const std::vector<const char*>& arguments) {
    return InChild([&](const Console& console) {
      CLI::App app;
      app.require_subcommand(1);
      int exit_code = 0;
      AddProgram("fly", "Flies.", "peregrine-wing", console, &app, &exit_code);
      std::vector<const char*> argv = {"peregrine", "fly"};
      argv.insert(argv.end(), arguments.begin(), arguments.end());
      app.parse(static_cast<int>(argv.size()), argv.data());
      return exit_code;
    });
  }

  const std::string path_;
};

TEST_F(StartProgramTest, AProgramGetsAllThatFollows) {
  MakeProgram("peregrine-wing");
  setenv("PATH", absl::StrCat(Path(""), ":", path_).c_str(), 1);
  EXPECT_EQ(RunFly({"--help", "--model=a", "fly"}), 7);
  EXPECT_THAT(ReadFile("called"), StartsWith("--help,--model=a,fly,"));
  EXPECT_EQ(ReadFile("err"), "");
}

TEST_F(StartProgramTest, NamesTheProgramThatIsMissing) {
  EXPECT_EQ(RunFly({}), kExitFailed);
  EXPECT_THAT(ReadFile("err"),
              AllOf(HasSubstr("peregrine-wing: No such file or directory"),
                    HasSubstr(FolderOfExecutable())));
}

TEST_F(StartProgramTest, ConvertGivesThePackageAllThatFollows) {
  setenv("PEREGRINE_PYTHON", MakeProgram("python").c_str(), 1);
  EXPECT_EQ(
      Run({"convert", "--out", "dir", "bench", "--help", "--beam-size=2"}), 7);
  EXPECT_EQ(ReadFile("err"), "");
  EXPECT_THAT(ReadFile("called"),
              AllOf(StartsWith("-m,peregrine_convert,--out,dir,bench,--help,"
                               "--beam-size=2,"),
                    EndsWith("/share/peregrine/python\n")));
}

TEST_F(StartProgramTest, ConvertPrefersThePackageOfThePythonPath) {
  setenv("PEREGRINE_PYTHON", MakeProgram("python").c_str(), 1);
  setenv("PYTHONPATH", "/nonexistent::" PEREGRINE_SOURCE_DIR "/training", 1);
  EXPECT_EQ(Run({"convert", "x.pt"}), 7);
  EXPECT_EQ(ReadFile("called"),
            "-m,peregrine_convert,x.pt,/nonexistent::" PEREGRINE_SOURCE_DIR
            "/training\n");
}

TEST_F(StartProgramTest, ConvertNamesTheInterpreterThatIsMissing) {
  setenv("PEREGRINE_PYTHON", "/nonexistent/python", 1);
  EXPECT_EQ(Run({"convert", "x.pt"}), 1);
  EXPECT_THAT(ReadFile("err"),
              AllOf(HasSubstr("/nonexistent/python: No such file or directory, "
                              "expected Python 3.9 or later"),
                    HasSubstr("PEREGRINE_PYTHON")));
}

}  // namespace
}  // namespace peregrine::client
