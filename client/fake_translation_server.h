#ifndef PEREGRINE_CLIENT_FAKE_TRANSLATION_SERVER_H_
#define PEREGRINE_CLIENT_FAKE_TRANSLATION_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/server.h"
#include "peregrine/v1/translation.grpc.pb.h"

namespace peregrine::client {

// For tests: a server on a free local port whose translation of "x" is "<x>",
// unless the test plugs in behaviour of its own. It serves one model, "fake",
// and every text costs the same: 10, 20 and 30 microseconds, 4 tokens in, 5
// out. To a pair it gives a log-probability of -1 for each byte of the target,
// and refuses those whose source is "bad". It knows the languages of its model,
// and takes every text for English.
class FakeTranslationServer final : public v1::TranslationService::Service {
 public:
  using StreamHandler = std::function<grpc::Status(
      grpc::ServerReaderWriter<v1::TranslateStreamResponse,
                               v1::TranslateStreamRequest>*)>;
  using TranslateHandler =
      std::function<grpc::Status(const v1::TranslateRequest&)>;
  using ScoreHandler =
      std::function<grpc::Status(const v1::ScoreTextsRequest&)>;

  FakeTranslationServer();
  ~FakeTranslationServer() override;

  const std::string& address() const { return address_; }
  static v1::Model MakeModel();
  static v1::Translation MakeTranslation(const std::string& text);
  static v1::TranslateStreamResponse MakeAnswer(
      const v1::TranslateStreamRequest& request);
  // What of the answer is told before it, from byte `begin` on.
  static v1::TranslateStreamResponse MakeStable(
      const v1::TranslateStreamRequest& request, int begin,
      const std::string& text);
  static v1::TranslateStreamResponse MakeError(
      const v1::TranslateStreamRequest& request, int code,
      const std::string& message);

  // Run for each TranslateStream instead of answering in turn.
  void SetStreamHandler(StreamHandler handler);
  // Asked before each Translate, which fails with what it returns.
  void SetTranslateHandler(TranslateHandler handler);
  // Likewise before each ScoreTexts.
  void SetScoreHandler(ScoreHandler handler);
  // What its health service answers; true at first.
  void SetServing(bool serving);
  int num_streams() const;
  std::vector<v1::TranslateRequest> translate_requests() const;

  grpc::Status Translate(grpc::ServerContext* context,
                         const v1::TranslateRequest* request,
                         v1::TranslateResponse* response) override;
  grpc::Status TranslateStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::TranslateStreamResponse,
                               v1::TranslateStreamRequest>* stream) override;
  grpc::Status ScoreTexts(grpc::ServerContext* context,
                          const v1::ScoreTextsRequest* request,
                          v1::ScoreTextsResponse* response) override;
  grpc::Status ListModels(grpc::ServerContext* context,
                          const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status GetModel(grpc::ServerContext* context,
                        const v1::GetModelRequest* request,
                        v1::Model* response) override;
  // Each sequence backwards.
  grpc::Status TranslateTokens(grpc::ServerContext* context,
                               const v1::TranslateTokensRequest* request,
                               v1::TranslateTokensResponse* response) override;
  grpc::Status ListLanguages(grpc::ServerContext* context,
                             const v1::ListLanguagesRequest* request,
                             v1::ListLanguagesResponse* response) override;
  grpc::Status DetectLanguage(grpc::ServerContext* context,
                              const v1::DetectLanguageRequest* request,
                              v1::DetectLanguageResponse* response) override;

 private:
  mutable absl::Mutex mutex_;
  StreamHandler stream_handler_ ABSL_GUARDED_BY(mutex_);
  TranslateHandler translate_handler_ ABSL_GUARDED_BY(mutex_);
  ScoreHandler score_handler_ ABSL_GUARDED_BY(mutex_);
  int num_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<v1::TranslateRequest> translate_requests_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_FAKE_TRANSLATION_SERVER_H_
