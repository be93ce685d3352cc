#ifndef PEREGRINE_CLIENT_TRANSLATION_CLIENT_H_
#define PEREGRINE_CLIENT_TRANSLATION_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/bulk_translation.h"
#include "client/call_options.h"
#include "client/channel_security.h"
#include "client/route.h"
#include "client/translation_settings.h"
#include "grpcpp/channel.h"
#include "peregrine/v1/translation.grpc.pb.h"

namespace peregrine::client {

struct ClientOptions {
  // Of one call, all its attempts included; a CallOptions may have another.
  // TranslateBulk has its own.
  absl::Duration deadline = absl::InfiniteDuration();

  // Attempts of one call, 1 to 5: repeated while the server is unavailable or
  // its queue is full, after the pause that the server asks for.
  int max_attempts = 4;

  // While a call is open and nothing has come for `keepalive_time`, the server
  // is pinged; one that does not answer within `keepalive_timeout` is given up,
  // and its calls are UNAVAILABLE: how a cut network is noticed that closes no
  // connection. Servers close on clients that ping more often than their
  // --min-ping-interval (2 s). Zero: no pings.
  absl::Duration keepalive_time = absl::Seconds(5);
  absl::Duration keepalive_timeout = absl::Seconds(3);

  // Not shared with other clients that this process has for the same address.
  bool own_connections = false;

  ChannelSecurity security;
  Metadata metadata;  // of every call: a `traceparent`, say
};

// To the server at `address`, or to all that the name resolves to in turn (a
// headless Service of Kubernetes, say: "dns:///peregrine-headless:50051").
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address,
                                           const ClientOptions& options);

struct DetectionOptions {
  bool by_sentence = false;
  // Any language that is known, not only those that models translate from.
  bool any_language = false;
};

// Calls one Peregrine server, or several behind one name.
// Errors carry the code of the call, and the server's details in the message.
// Texts that are not UTF-8 are INVALID_ARGUMENT. Thread-safe.
class TranslationClient {
 public:
  // `address` is whatever gRPC accepts, e.g. "localhost:50051". Does not wait
  // for the connection: the first call does.
  explicit TranslationClient(const std::string& address,
                             const ClientOptions& options = {});

  // One translation for each text, in order; all or nothing.
  absl::StatusOr<v1::TranslateResponse> Translate(
      const std::vector<std::string>& texts,
      const TranslationSettings& settings, const CallOptions& call = {}) const;

  // Likewise, of texts with options of their own, which go before those of the
  // settings, field by field. See RouteOf for who translated each.
  absl::StatusOr<v1::TranslateResponse> TranslateTexts(
      const std::vector<v1::Text>& texts, const TranslationSettings& settings,
      const CallOptions& call = {}) const;

  // One translation for each sequence of pieces of the model's vocabulary, in
  // order; all or nothing. Of the settings, those of texts do not apply.
  absl::StatusOr<v1::TranslateTokensResponse> TranslateTokens(
      const std::vector<std::vector<std::string>>& sources,
      const TranslationSettings& settings, const CallOptions& call = {}) const;

  // A score for each pair, in order; all or nothing.
  absl::StatusOr<v1::ScoreTextsResponse> Score(
      const v1::ScoreTextsRequest& request, const CallOptions& call = {}) const;

  // For any number of texts: see BulkTranslation, which must not outlive the
  // client.
  std::unique_ptr<BulkTranslation> TranslateBulk(
      const TranslationSettings& settings, const BulkOptions& options) const;

  absl::StatusOr<std::vector<v1::Model>> ListModels(
      const CallOptions& call = {}) const;
  absl::StatusOr<v1::Model> GetModel(const std::string& name,
                                     const CallOptions& call = {}) const;

  // What is translated into what, by `model`, or by any where it is empty.
  // Names are in `display_language`, a BCP 47 tag; in English where it is
  // empty.
  absl::StatusOr<std::vector<v1::Language>> ListLanguages(
      const std::string& display_language = "", const std::string& model = "",
      const CallOptions& call = {}) const;

  // The languages of each text, in order.
  absl::StatusOr<std::vector<v1::LanguageDetection>> DetectLanguages(
      const std::vector<std::string>& texts,
      const DetectionOptions& options = {}, const CallOptions& call = {}) const;

 private:
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::TranslationService::Stub::*)(
      grpc::ClientContext*, const Request&, Response*);

  template <typename Request, typename Response>
  absl::StatusOr<Response> Run(Method<Request, Response> method,
                               const Request& request,
                               const CallOptions& call) const;

  ClientOptions options_;
  std::unique_ptr<v1::TranslationService::Stub> stub_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_TRANSLATION_CLIENT_H_
