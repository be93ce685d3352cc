#ifndef PEREGRINE_CLIENT_COMMAND_RESULT_WRITER_H_
#define PEREGRINE_CLIENT_COMMAND_RESULT_WRITER_H_

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/bulk_window.h"
#include "client/command/text_input.h"
#include "client/console/progress.h"

namespace peregrine::client {

// Writes translations line by line as they come, and tells on the side what
// failed. A text that failed leaves an empty line (or its error, in JSON), so
// that the lines of input and output stay side by side. Not thread-safe.
class ResultWriter {
 public:
  struct Options {
    bool json = false;
    // Keeps a translation on one line whatever it holds.
    bool one_line_each = false;
    // Writes a translation as it is, with no line break behind it.
    bool verbatim = false;
  };

  // All must outlive this.
  ResultWriter(const Options& options, const TextInput* input,
               std::ostream* out, std::ostream* err, ProgressLine* progress);

  // An error: the output can't be written.
  absl::Status Write(const BulkResult& result);

  // How the next result begins, each time more of it. In JSON an object of its
  // own, else what is new of the line.
  absl::Status WriteBeginning(const BulkBeginning& beginning);

  // Tells the failures and the flags of the whole run.
  void Summarise();

  std::int64_t num_written() const { return num_written_; }
  std::int64_t num_failed() const { return num_failed_; }

 private:
  struct Occurrences {
    std::int64_t count = 0;
    std::int64_t first_index = 0;
  };

  std::string FormatLine(const BulkResult& result) const;
  std::string OnLine(std::string text) const;
  absl::Status Flush();
  void NoteFailure(std::int64_t index, const absl::Status& error);
  void NoteFlags(const BulkResult& result);

  const Options options_;
  const TextInput* const input_;
  std::ostream* const out_;
  std::ostream* const err_;
  ProgressLine* const progress_;
  std::int64_t num_written_ = 0;
  std::int64_t num_failed_ = 0;
  std::string begun_;  // of the line that comes next, what is written
  std::map<int, Occurrences> flags_;  // by v1::Flag
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_RESULT_WRITER_H_
