// What the server adds to a request when the engine takes no time: the real
// server over a model that computes nothing, and in the same process a client
// that sends at random moments (a Poisson process) whether or not answers come.
// Latency counts from the moment at which a request was due.
//
//   front_end_bench [--seconds=N] [--rate=N]
//
// Prints the same load three times: to ListModels, which is gRPC and little
// else (what a call costs at least here); to Translate; and to Translate while
// the metrics are scraped all the time.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "peregrine/v1/translation.grpc.pb.h"
#include "server/metrics/metrics.h"
#include "server/models/fake_backend.h"
#include "server/server.h"

namespace peregrine::server {
namespace {

struct Load {
  int seconds = 10;
  int rate = 2000;
};

struct Call {
  grpc::ClientContext context;
  v1::TranslateResponse response;
  v1::ListModelsResponse list;
  absl::Time due;
  absl::Duration latency;
  bool ok = false;
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
std::vector<absl::Duration> Moments(const Load& load) {
  std::mt19937 random(1);
  std::exponential_distribution<double> gap(load.rate);
  std::vector<absl::Duration> moments;
  for (double at = gap(random); at < load.seconds; at += gap(random)) {
    moments.push_back(absl::Seconds(at));
  }
  return moments;
}

enum class Method { kListModels, kTranslate };

std::vector<std::unique_ptr<Call>> Send(v1::TranslationService::Stub& stub,
                                        Method method, const Load& load) {
  const std::vector<absl::Duration> moments = Moments(load);
  const v1::ListModelsRequest list_request;
  v1::TranslateRequest request;
  request.add_texts()->set_text("ok");
  std::vector<std::unique_ptr<Call>> calls;
  absl::BlockingCounter pending(static_cast<int>(moments.size()));
  const absl::Time start = absl::Now() + absl::Milliseconds(100);
  for (const absl::Duration moment : moments) {
    calls.push_back(std::make_unique<Call>());
    Call* call = calls.back().get();
    call->due = start + moment;
    absl::SleepFor(call->due - absl::Now());
    const auto on_done = [call, &pending](const grpc::Status& status) {
      call->latency = absl::Now() - call->due;
      call->ok = status.ok();
      pending.DecrementCount();
    };
    if (method == Method::kListModels) {
      stub.async()->ListModels(&call->context, &list_request, &call->list,
                               on_done);
    } else {
      stub.async()->Translate(&call->context, &request, &call->response,
                              on_done);
    }
  }
  pending.Wait();
  return calls;
}

void Report(const char* name, const Load& load,
            const std::vector<std::unique_ptr<Call>>& calls) {
  std::vector<double> microseconds;
  int failed = 0;
  for (const auto& call : calls) {
    microseconds.push_back(absl::ToDoubleMicroseconds(call->latency));
    failed += !call->ok;
  }
  std::sort(microseconds.begin(), microseconds.end());
  const auto quantile = [&](double q) {
    return microseconds[static_cast<size_t>(q * (microseconds.size() - 1))];
  };
  std::printf(
      "%-12s %d requests/s, %zu requests, %d failed: p50 %.0f us, p90 %.0f us, "
      "p99 %.0f us, max %.0f us\n",
      name, load.rate, calls.size(), failed, quantile(0.5), quantile(0.9),
      quantile(0.99), microseconds.back());
}

int Run(const Load& load) {
  auto server = StartServer();
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  const auto stub = v1::TranslationService::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", (*server)->grpc_port()),
                          grpc::InsecureChannelCredentials()));
  Send(*stub, Method::kTranslate, {1, 200});  // connects, warms up
  Report("ListModels", load, Send(*stub, Method::kListModels, load));
  Report("Translate", load, Send(*stub, Method::kTranslate, load));

  std::atomic<bool> stop{false};
  std::atomic<int> scrapes{0};
  std::thread scraper([&] {
    while (!stop) {
      (*server)->metrics().Collect();
      ++scrapes;
      absl::SleepFor(absl::Milliseconds(10));
    }
  });
  Report("scraped", load, Send(*stub, Method::kTranslate, load));
  stop = true;
  scraper.join();
  std::printf("%-12s %d times meanwhile\n", "", scrapes.load());
  return 0;
}

}  // namespace
}  // namespace peregrine::server

int main(int argc, char** argv) {
  peregrine::server::Load load;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (absl::StartsWith(argument, "--seconds=") &&
        absl::SimpleAtoi(argument.substr(10), &load.seconds)) {
      continue;
    }
    if (absl::StartsWith(argument, "--rate=") &&
        absl::SimpleAtoi(argument.substr(7), &load.rate)) {
      continue;
    }
    std::fprintf(stderr, "usage: front_end_bench [--seconds=N] [--rate=N]\n");
    return 2;
  }
  return peregrine::server::Run(load);
}
