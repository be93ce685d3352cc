#ifndef PEREGRINE_CLIENT_BULK_TRANSLATION_H_
#define PEREGRINE_CLIENT_BULK_TRANSLATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/bulk_window.h"
#include "client/translation_settings.h"
#include "peregrine/v1/translation.grpc.pb.h"

namespace peregrine::client {

struct BulkOptions {
  // Texts held at a time: those being translated, and those that wait for an
  // older one so that the order is kept.
  std::size_t max_in_flight = 256;

  // Longer texts fail without being sent. 0: the server is to judge.
  std::size_t max_text_bytes = 0;

  // Of each text, from its arrival at the server on: what would take longer is
  // DEADLINE_EXCEEDED.
  absl::Duration text_timeout = absl::InfiniteDuration();

  // Of the whole run.
  absl::Time deadline = absl::InfiniteFuture();

  // Receives how the translation of the oldest text begins, each time that
  // there is more of it: text that the translation keeps, but for a text that
  // is sent again, to another server perhaps. Called from the thread of Run, as
  // the sink, and an error of its own ends the run. Null: not asked for.
  std::function<absl::Status(const BulkBeginning&)> on_beginning;

  // Of each text, and of the stream as long as no text is answered.
  RetryPolicy retry_policy;
};

// Where the texts of a bulk translation come from.
class TextSource {
 public:
  virtual ~TextSource() = default;

  // Sets `text` to the next one; false: there is none. May block. Called from
  // one thread, which is not that of BulkTranslation::Run.
  virtual bool Next(std::string* text) = 0;

  // Makes a Next that blocks, and all to come, return false. Called from
  // another thread.
  virtual void Stop() = 0;
};

// Receives every text's translation or error, in the order of the texts. An
// error of its own ends the run. Called from the thread of Run.
using BulkSink = std::function<absl::Status(const BulkResult&)>;

// Translates any number of texts over TranslateStream: keeps a bounded number
// of them in flight, gives the translations out in order, sends again what met
// a full queue or a server that went away. Good for one Run.
class BulkTranslation {
 public:
  // `stub` must outlive this.
  BulkTranslation(v1::TranslationService::StubInterface* stub,
                  const TranslationSettings& settings,
                  const BulkOptions& options);

  // Blocks until every text is given out, and is then OK even if some of them
  // failed. Otherwise says what ended the run early: the server's error, the
  // sink's, CANCELLED, DEADLINE_EXCEEDED.
  absl::Status Run(TextSource* source, const BulkSink& sink);

  // Ends Run with CANCELLED, soon. From any thread, at any time.
  void Cancel();

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::TranslateStreamRequest,
                                                   v1::TranslateStreamResponse>;

  // The bodies of the three threads beside Run's own.
  void ReadSource(TextSource* source);
  void RunStreams();
  void Send(Stream* stream);

  grpc::Status RunStream();
  void Receive(Stream* stream);
  absl::Status GiveOut(const BulkSink& sink);
  bool HasSomethingToGive() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return window_.HasFinished() || window_.HasBeginning();
  }
  void End(absl::Status outcome);
  absl::Status CheckText(const std::string& text) const;
  v1::TranslateStreamRequest MakeRequest(BulkWindow::Outgoing outgoing) const;
  bool IsFinished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return source_ended_ && window_.IsEmpty();
  }

  v1::TranslationService::StubInterface* const stub_;
  const TranslationSettings settings_;
  const BulkOptions options_;

  absl::Mutex mutex_;
  absl::CondVar changed_;  // anything below
  BulkWindow window_ ABSL_GUARDED_BY(mutex_);
  bool source_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
  // Of the stream that is open, if one is.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // No more texts go into the stream that is open.
  bool stream_closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t num_answers_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_BULK_TRANSLATION_H_
