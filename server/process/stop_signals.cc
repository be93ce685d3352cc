#include "server/process/stop_signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/process/log_writer.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr int kPollMilliseconds = 100;
constexpr absl::Duration kLastLines = absl::Milliseconds(200);

// Without destructors, which could hang as what is not ended does.
[[noreturn]] void EndNow(int code) {
  StderrLog().Flush(kLastLines);
  _exit(code);
}

}  // namespace

StopSignals::StopSignals() {
  // A client or scraper that hangs up raises no signal.
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
  end_event_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { Run(); });
}

StopSignals::~StopSignals() {
  eventfd_write(end_event_, 1);
  thread_.join();
  close(signals_);
  close(end_event_);
}

void StopSignals::Run() {
  while (true) {
    pollfd watched[] = {{signals_, POLLIN, 0}, {end_event_, POLLIN, 0}};
    poll(watched, 2, kPollMilliseconds);
    if (watched[1].revents != 0) return;
    EndIfLate();
    if (watched[0].revents == 0) continue;
    signalfd_siginfo info;
    if (read(signals_, &info, sizeof(info)) == sizeof(info)) {
      HandleSignal(static_cast<int>(info.ssi_signo));
    }
  }
}

void StopSignals::HandleSignal(int number) {
  if (number == SIGHUP) {
    spdlog::info(
        "SIGHUP: nothing to reload: changed tokens and certificates are read "
        "without it, models by the admin service");
    return;
  }
  if (number == SIGINT) {
    absl::MutexLock lock(&mutex_);
    if (++interrupts_ > 1) {
      spdlog::warn("a second SIGINT: ending at once");
      EndNow(128 + SIGINT);
    }
  }
  Stop(absl::StrCat("signal ", number));
}

void StopSignals::RequestStop(const std::string& why) { Stop(why); }

void StopSignals::Stop(const std::string& why) {
  absl::MutexLock lock(&mutex_);
  if (stopped_ < absl::InfiniteFuture()) return;
  stopped_ = absl::Now();
  why_ = why;
  if (serving_) return;
  spdlog::info("{} before anything was served: ending", why);
  EndNow(0);
}

void StopSignals::EndIfLate() {
  absl::MutexLock lock(&mutex_);
  if (absl::Now() - stopped_ < stop_time_) return;
  spdlog::critical("did not end within {} of {}: ending at once",
                   absl::FormatDuration(stop_time_), why_);
  EndNow(1);
}

void StopSignals::Serving() {
  absl::MutexLock lock(&mutex_);
  serving_ = true;
}

std::string StopSignals::AwaitStop() {
  absl::MutexLock lock(&mutex_);
  const auto stopped = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ < absl::InfiniteFuture();
  };
  mutex_.Await(absl::Condition(&stopped));
  return why_;
}

void StopSignals::SetStopTime(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  stop_time_ = time;
}

}  // namespace peregrine::server
