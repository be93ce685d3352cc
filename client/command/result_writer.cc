#include "client/command/result_writer.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/command/json.h"

namespace peregrine::client {
namespace {

// Failures told one by one; the others are only counted.
constexpr std::int64_t kMaxFailuresTold = 10;

std::string Describe(int flag) {
  switch (flag) {
    case v1::FLAG_TRUNCATED:
      return "cut off at the maximum length";
    case v1::FLAG_REPETITION:
      return "repeat themselves: perhaps a decoding loop";
    case v1::FLAG_UNKNOWN_SOURCE:
      return "have characters that the model does not know";
    case v1::FLAG_SOURCE_SPLIT:
      return "hold a sentence too long for the model, translated in parts";
    case v1::FLAG_SPAN_LOST:
      return "lost an address, a placeholder or the like";
    case v1::FLAG_NUMBERS_DIFFER:
      return "have a number that the source does not have";
    case v1::FLAG_SOURCE_COPIED:
      return "hold a sentence that was not translated";
    case v1::FLAG_EMPTY:
      return "came out empty, in whole or in part";
    default:
      return absl::StrCat("marked with flag ", flag);
  }
}

}  // namespace

ResultWriter::ResultWriter(const Options& options, const TextInput* input,
                           std::ostream* out, std::ostream* err,
                           ProgressLine* progress)
    : options_(options),
      input_(input),
      out_(out),
      err_(err),
      progress_(progress) {}

std::string ResultWriter::FormatLine(const BulkResult& result) const {
  if (options_.json) return ToJson(result);
  if (!result.translation.ok() || result.translation->hypotheses().empty()) {
    return "";
  }
  return OnLine(result.translation->hypotheses(0).text());
}

std::string ResultWriter::OnLine(std::string text) const {
  if (options_.one_line_each) std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

absl::Status ResultWriter::Flush() {
  *out_ << std::flush;
  if (!out_->good()) return absl::DataLossError("cannot write the output");
  return absl::OkStatus();
}

absl::Status ResultWriter::WriteBeginning(const BulkBeginning& beginning) {
  if (options_.json) {
    *out_ << ToJson(beginning) << "\n";
    return Flush();
  }
  // A text that was sent again begins anew.
  const std::string line = OnLine(beginning.translation);
  if (!absl::StartsWith(line, begun_)) return absl::OkStatus();
  *out_ << absl::string_view(line).substr(begun_.size());
  begun_ = line;
  return Flush();
}

absl::Status ResultWriter::Write(const BulkResult& result) {
  const std::string line = FormatLine(result);
  const bool goes_on = absl::StartsWith(line, begun_);
  if (goes_on) *out_ << absl::string_view(line).substr(begun_.size());
  if (!options_.verbatim || options_.json) *out_ << "\n";
  if (const absl::Status status = Flush(); !status.ok()) return status;
  begun_.clear();
  ++num_written_;
  if (!result.translation.ok()) {
    NoteFailure(result.index, result.translation.status());
  } else if (!goes_on) {
    NoteFailure(result.index,
                absl::AbortedError("another server translates it differently "
                                   "from what is written"));
  } else {
    NoteFlags(result);
  }
  progress_->Update(num_written_, absl::Now());
  return absl::OkStatus();
}

void ResultWriter::NoteFailure(std::int64_t index, const absl::Status& error) {
  if (++num_failed_ > kMaxFailuresTold) return;
  progress_->Clear();
  *err_ << "peregrine: " << input_->Where(index) << ": " << error.ToString()
        << "\n";
}

void ResultWriter::NoteFlags(const BulkResult& result) {
  for (const int flag : result.translation->flags()) {
    Occurrences& occurrences = flags_[flag];
    if (occurrences.count++ == 0) occurrences.first_index = result.index;
  }
}

void ResultWriter::Summarise() {
  progress_->Clear();
  for (const auto& [flag, occurrences] : flags_) {
    *err_ << "peregrine: note: " << occurrences.count << " of " << num_written_
          << " " << Describe(flag)
          << " (first: " << input_->Where(occurrences.first_index) << ")\n";
  }
  if (num_failed_ > 0) {
    *err_ << "peregrine: " << num_failed_ << " of " << num_written_
          << " failed\n";
  }
}

}  // namespace peregrine::client
