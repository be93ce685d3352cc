#ifndef PEREGRINE_COMPARE_MODEL_PROCESS_H_
#define PEREGRINE_COMPARE_MODEL_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compare/messages.h"

namespace peregrine::compare {

// One end of a conversation in lines of JSON over a socket or a pipe. Not
// thread-safe; the file descriptors stay open.
class JsonLines {
 public:
  JsonLines(int in_fd, int out_fd) : in_fd_(in_fd), out_fd_(out_fd) {}

  // UNAVAILABLE: the other side has ended.
  absl::Status Write(const Json& json);
  // OUT_OF_RANGE: the other side has said all it will; INTERNAL: what it said
  // is not JSON.
  absl::StatusOr<Json> Read();

 private:
  const int in_fd_;
  const int out_fd_;
  std::string buffer_;
};

// A process of its own that holds one model: its memory can be told, and it
// cannot harm the others. Ends with this object, or with its parent. Not
// thread-safe.
class ModelProcess {
 public:
  // A copy of this process that runs `serve` and ends. To be called before
  // there are threads.
  static absl::StatusOr<std::unique_ptr<ModelProcess>> Fork(
      const std::function<void(JsonLines& lines)>& serve);

  // Another program, which speaks on its standard input and output.
  static absl::StatusOr<std::unique_ptr<ModelProcess>> Start(
      const std::vector<std::string>& command);

  ~ModelProcess();
  ModelProcess(const ModelProcess&) = delete;
  ModelProcess& operator=(const ModelProcess&) = delete;

  // The next thing it says.
  absl::StatusOr<Json> Read();

  // Its answer to `request`. UNAVAILABLE: it ended, with how.
  absl::StatusOr<Json> Call(const Json& request);

 private:
  ModelProcess(pid_t pid, int fd) : pid_(pid), fd_(fd), lines_(fd, fd) {}

  absl::Status DescribeEnd();

  pid_t pid_;  // 0: has ended
  const int fd_;
  JsonLines lines_;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_MODEL_PROCESS_H_
