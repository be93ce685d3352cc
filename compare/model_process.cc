#include "compare/model_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::compare {
namespace {

// Forks. In the child, `run` gets its end of a socket and must not return.
absl::StatusOr<std::pair<pid_t, int>> ForkWithSocket(
    const std::function<void(int fd)>& run) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  std::cout.flush();
  std::cerr.flush();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const absl::Status status = absl::ErrnoToStatus(errno, "fork");
    close(ends[0]);
    close(ends[1]);
    return status;
  }
  if (pid == 0) {
    close(ends[0]);
    // Not to outlive the parent, even where that died before this line.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    run(ends[1]);
    _exit(1);
  }
  close(ends[1]);
  return std::make_pair(pid, ends[0]);
}

}  // namespace

absl::Status JsonLines::Write(const Json& json) {
  const std::string line =
      json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t count =
        send(out_fd_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::UnavailableError("the other side has ended");
    done += static_cast<std::size_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> JsonLines::Read() {
  std::size_t end;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    char bytes[65536];
    const ssize_t count = read(in_fd_, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::OutOfRangeError("the other side has ended");
    buffer_.append(bytes, static_cast<std::size_t>(count));
  }
  const std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InternalError(
        absl::StrCat("found \"", line.substr(0, 80), "\", expected JSON"));
  }
  return json;
}

absl::StatusOr<std::unique_ptr<ModelProcess>> ModelProcess::Fork(
    const std::function<void(JsonLines& lines)>& serve) {
  PEREGRINE_ASSIGN_OR_RETURN(const auto process, ForkWithSocket([&](int fd) {
                               JsonLines lines(fd, fd);
                               serve(lines);
                               _exit(0);
                             }));
  return absl::WrapUnique(new ModelProcess(process.first, process.second));
}

absl::StatusOr<std::unique_ptr<ModelProcess>> ModelProcess::Start(
    const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  PEREGRINE_ASSIGN_OR_RETURN(
      const auto process, ForkWithSocket([&arguments](int fd) {
        dup2(fd, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        execvp(arguments[0], arguments.data());
        const std::string error =
            ErrorJson(absl::NotFoundError(absl::StrCat(arguments[0], ": ",
                                                       std::strerror(errno))))
                .dump() +
            "\n";
        (void)!write(STDOUT_FILENO, error.data(), error.size());
      }));
  return absl::WrapUnique(new ModelProcess(process.first, process.second));
}

ModelProcess::~ModelProcess() {
  close(fd_);
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::StatusOr<Json> ModelProcess::Read() {
  absl::StatusOr<Json> json = lines_.Read();
  if (absl::IsOutOfRange(json.status())) return DescribeEnd();
  return json;
}

absl::StatusOr<Json> ModelProcess::Call(const Json& request) {
  if (!lines_.Write(request).ok()) return DescribeEnd();
  return Read();
}

absl::Status ModelProcess::DescribeEnd() {
  if (pid_ == 0) return absl::UnavailableError("its process has ended");
  int status = 0;
  kill(pid_, SIGKILL);  // no effect on one that has ended
  waitpid(pid_, &status, 0);
  pid_ = 0;
  if (WIFSIGNALED(status)) {
    return absl::UnavailableError(absl::StrCat(
        "its process was ended by signal ", WTERMSIG(status), " (",
        strsignal(WTERMSIG(status)), ")",
        WTERMSIG(status) == SIGKILL ? "; is there too little memory?" : ""));
  }
  return absl::UnavailableError(
      absl::StrCat("its process ended with exit code ", WEXITSTATUS(status)));
}

}  // namespace peregrine::compare
