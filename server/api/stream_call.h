#ifndef PEREGRINE_SERVER_API_STREAM_CALL_H_
#define PEREGRINE_SERVER_API_STREAM_CALL_H_

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "peregrine/v1/translation.pb.h"
#include "server/service/call.h"
#include "server/service/logged_texts.h"
#include "server/service/open_calls.h"
#include "server/service/request.h"
#include "server/service/text_job.h"

namespace peregrine::server {

// One TranslateStream call; owns itself. Texts are read as long as fewer than
// `max_stream_texts` are under way or wait for the client to read their
// answers. gRPC has one read and one write outstanding at a time. Stable text
// is sent while nothing else is: what the client is slow to read becomes one
// message.
//
// Locking: reads and writes are started under the lock, which gRPC permits (it
// never calls back from within) and which orders them before Finish. Finish is
// called without it, as the last act of a thread, since OnDone may follow at
// once on another.
class StreamCall
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      private OpenStream {
 public:
  StreamCall(grpc::CallbackServerContext& context,
             const CallEnvironment& environment);
  ~StreamCall() override;

  void Start();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  struct Text {
    Text(const Call& call, std::string text_id);

    const std::string id;
    std::string source;  // if texts are logged
    std::unique_ptr<TextJob> job;
    Request request;
  };

  // Reads no more texts; ends with UNAVAILABLE when those under way are
  // answered.
  void Drain() override;
  // Ends as soon as those under way are answered; if they are not by the next
  // time, at once.
  void EndIfRevoked() override;

  // Answers in place. Not OK: the stream is beyond repair.
  absl::Status TakeIncoming();
  absl::optional<absl::Status> Submit(v1::TranslateStreamRequest message,
                                      Text* text);
  Text* Register(std::string id);
  void End(Text* text, const absl::Status& status);
  void TellStable(Text* text);

  void QueueStable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadOrWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::unique_ptr<Text> Remove(Text* text)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The common end of all reactions: goes on, or finishes the call.
  void Continue();
  void ContinueAndUnlock() ABSL_UNLOCK_FUNCTION(mutex_);

  grpc::CallbackServerContext& context_;
  const CallEnvironment& environment_;
  Call call_;
  bool entered_ = false;       // the client's streams; changed by Start only
  grpc::ByteBuffer incoming_;  // between OnReadDone and the next read: free

  mutable absl::Mutex mutex_;
  std::unordered_map<Text*, std::unique_ptr<Text>> texts_
      ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> outgoing_ ABSL_GUARDED_BY(mutex_);
  // Of texts_, those with more stable text than was sent, in order.
  std::deque<Text*> stable_ ABSL_GUARDED_BY(mutex_);
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // asked gRPC for a message
  bool taking_ ABSL_GUARDED_BY(mutex_) = false;   // TakeIncoming is under way
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool client_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool revoked_ ABSL_GUARDED_BY(mutex_) = false;
  int sentences_ ABSL_GUARDED_BY(mutex_) = 0;         // of the texts answered
  LoggedTexts logged_texts_ ABSL_GUARDED_BY(mutex_);  // of these, if they are
  // Not OK: read no more, and end with this.
  absl::Status end_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_STREAM_CALL_H_
