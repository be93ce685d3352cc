// What the server adds to a request when the engine takes no time: the real
// server over a model that computes nothing, and in the same process a client
// that sends at random moments (a Poisson process) whether or not answers come.
// Latency counts from the moment at which a request was due.
//
//   front_end_bench [--seconds=N] [--rate=N] [--rounds=N]
//
// Sends the same load to ListModels, which is gRPC and little else (what a call
// costs at least here); to Translate; and to Translate while the metrics are
// scraped all the time: N seconds each, in turns, so that what else the machine
// does meets all three. What Translate takes longer than ListModels is what the
// server adds.

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "peregrine/v1/translation.grpc.pb.h"
#include "server/metrics/metrics.h"
#include "server/server.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

struct Load {
  int seconds = 10;
  int rate = 2000;
  int rounds = 5;
};

template <typename Response>
using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>;

template <typename Response>
struct Call {
  grpc::ClientContext context;
  Reader<Response> reader;
  Response response;
  grpc::Status status;
  absl::Time due;
};

// Of all rounds of one kind of load.
struct Latencies {
  std::vector<double> microseconds;
  int failed = 0;

  // Of those that are sorted.
  double Quantile(double q) const {
    return microseconds[static_cast<size_t>(q * (microseconds.size() - 1))];
  }
};

absl::StatusOr<std::unique_ptr<Server>> StartServer() {
  Config config;
  config.listen = "127.0.0.1:0";
  config.metrics_listen = "off";
  config.models = {{"", "fake"}};
  config.model_options.batcher.num_workers = 1;
  Server::Environment environment;
  environment.load_model = [](const ModelSource&)
      -> absl::StatusOr<std::unique_ptr<const ModelBackend>> {
    return std::make_unique<FakeBackend>();
  };
  return Server::Start(config, std::move(environment));
}

// The moments of a Poisson process.
std::vector<absl::Duration> Moments(const Load& load, absl::Duration length) {
  static std::mt19937 random(1);
  std::exponential_distribution<double> gap(load.rate);
  std::vector<absl::Duration> moments;
  absl::Duration at;
  while ((at += absl::Seconds(gap(random))) < length) moments.push_back(at);
  return moments;
}

// Receives on a thread of its own, from a completion queue: gRPC's callbacks
// would come by way of one more thread.
template <typename Response, typename StartCall>
void Send(const Load& load, absl::Duration length, const StartCall& start_call,
          Latencies& latencies) {
  const std::vector<absl::Duration> moments = Moments(load, length);
  grpc::CompletionQueue answers;
  std::thread receiver([&] {
    void* tag = nullptr;
    bool ok = false;
    while (answers.Next(&tag, &ok)) {
      const std::unique_ptr<Call<Response>> call(
          static_cast<Call<Response>*>(tag));
      latencies.microseconds.push_back(
          absl::ToDoubleMicroseconds(absl::Now() - call->due));
      latencies.failed += !call->status.ok();
    }
  });
  const absl::Time start = absl::Now() + absl::Milliseconds(100);
  for (const absl::Duration moment : moments) {
    auto* call = new Call<Response>;  // the receiver deletes it
    call->due = start + moment;
    absl::SleepFor(call->due - absl::Now());
    call->reader = start_call(&call->context, &answers);
    call->reader->Finish(&call->response, &call->status, call);
  }
  answers.Shutdown();
  receiver.join();
}

// The three kinds of load, in turns.
class Rounds {
 public:
  Rounds(Server& server, const Load& load)
      : server_(server),
        load_(load),
        stub_(v1::TranslationService::NewStub(
            grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.grpc_port()),
                                grpc::InsecureChannelCredentials()))) {
    request_.add_texts()->set_text("ok");
    Latencies warm_up;  // connects, too
    Translate(absl::Seconds(1), warm_up);
  }

  void Run() {
    const absl::Duration length = absl::Seconds(load_.seconds) / load_.rounds;
    for (int i = 0; i < load_.rounds; ++i) {
      ListModels(length, list_models_);
      Translate(length, translate_);
      Scraped(length);
    }
  }

  void Report() {
    Report("ListModels", list_models_);
    Report("Translate", translate_);
    Report("scraped", scraped_);
    std::printf("%-12s %d times meanwhile\n", "", scrapes_.load());
    std::printf("%-12s p50 %.0f us, p99 %.0f us: Translate less ListModels\n",
                "added", translate_.Quantile(0.5) - list_models_.Quantile(0.5),
                translate_.Quantile(0.99) - list_models_.Quantile(0.99));
  }

 private:
  void ListModels(absl::Duration length, Latencies& latencies) {
    const v1::ListModelsRequest request;
    Send<v1::ListModelsResponse>(
        load_, length,
        [&](grpc::ClientContext* context, grpc::CompletionQueue* answers) {
          return stub_->AsyncListModels(context, request, answers);
        },
        latencies);
  }

  void Translate(absl::Duration length, Latencies& latencies) {
    Send<v1::TranslateResponse>(
        load_, length,
        [&](grpc::ClientContext* context, grpc::CompletionQueue* answers) {
          return stub_->AsyncTranslate(context, request_, answers);
        },
        latencies);
  }

  void Scraped(absl::Duration length) {
    std::atomic<bool> stop{false};
    std::thread scraper([&] {
      while (!stop) {
        server_.metrics().Collect();
        ++scrapes_;
        absl::SleepFor(absl::Milliseconds(10));
      }
    });
    Translate(length, scraped_);
    stop = true;
    scraper.join();
  }

  void Report(const char* name, Latencies& latencies) const {
    std::vector<double>& sorted = latencies.microseconds;
    std::sort(sorted.begin(), sorted.end());
    std::printf(
        "%-12s %d requests/s, %zu requests, %d failed: p50 %.0f us, p90 %.0f "
        "us, p99 %.0f us, max %.0f us\n",
        name, load_.rate, sorted.size(), latencies.failed,
        latencies.Quantile(0.5), latencies.Quantile(0.9),
        latencies.Quantile(0.99), sorted.back());
  }

  Server& server_;
  const Load load_;
  const std::unique_ptr<v1::TranslationService::Stub> stub_;
  v1::TranslateRequest request_;
  Latencies list_models_, translate_, scraped_;
  std::atomic<int> scrapes_{0};
};

int Run(const Load& load) {
  // Of a thread that sleeps until a request is due; by default it may wake 50
  // microseconds late, which would count as latency. Threads made from here on
  // inherit it.
  prctl(PR_SET_TIMERSLACK, 1);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  auto server = StartServer();
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  Rounds rounds(**server, load);
  rounds.Run();
  rounds.Report();
  return 0;
}

}  // namespace
}  // namespace peregrine::server

int main(int argc, char** argv) {
  peregrine::server::Load load;
  const std::pair<absl::string_view, int*> flags[] = {
      {"--seconds=", &load.seconds},
      {"--rate=", &load.rate},
      {"--rounds=", &load.rounds}};
  for (int i = 1; i < argc; ++i) {
    const bool known =
        std::any_of(std::begin(flags), std::end(flags), [&](const auto& flag) {
          absl::string_view value = argv[i];
          return absl::ConsumePrefix(&value, flag.first) &&
                 absl::SimpleAtoi(value, flag.second) && *flag.second > 0;
        });
    if (known) continue;
    std::fprintf(stderr,
                 "usage: front_end_bench [--seconds=N] [--rate=N] "
                 "[--rounds=N]\n");
    return 2;
  }
  return peregrine::server::Run(load);
}
