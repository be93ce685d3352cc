#include "server/connections/memory_guard.h"

#include <algorithm>

namespace peregrine::server {
namespace {

using Heavies = std::vector<PeerAccounts::Heavy>;

// Of the limit of the process.
constexpr double kNearLimit = 0.9;
constexpr size_t kShutAtOnce = 1024;
constexpr int64_t kLeastNearLimit = 4 << 10;

// What a connection must hold to be suspected of the growth: a handshake with a
// certificate is 5 KiB.
constexpr int64_t kLeastOfGrowth = 8 << 10;
// And for how long: a message on its way is soon a call, unless the network or
// the server is slow.
constexpr int64_t kMuch = 1 << 20;
constexpr absl::Duration kTimeOfMuch = absl::Milliseconds(50);
constexpr absl::Duration kTimeOfLess = absl::Milliseconds(500);
// As much memory as one byte that was sent has been seen to take: the shortest
// headers of a call, 84 bytes, take 12 KiB.
constexpr int64_t kMostMemoryOfByte = 256;
// Between two choices: gRPC needs time to free what those held.
constexpr absl::Duration kPause = absl::Milliseconds(200);
// After a choice, growth without heavy connections is still theirs.
constexpr absl::Duration kFreeing = absl::Seconds(1);

// Of the times above, what is left when the process has grown by `share` of
// connection_bytes: all at a half, a fifth at the whole.
double Patience(double share) { return std::clamp(2 - 2 * share, 0.2, 1.0); }

}  // namespace

Heavies MemoryGuard::Look(absl::Time now) {
  const int64_t resident = options_.resident_bytes();
  const Heavies chosen = IsNearLimit(resident) ? ChooseNearLimit(now)
                                               : ChooseOfGrowth(resident, now);
  peers_.ShutDown(chosen);
  return chosen;
}

bool MemoryGuard::IsNearLimit(int64_t resident) const {
  return static_cast<double>(resident) >=
         kNearLimit * static_cast<double>(options_.process_bytes);
}

Heavies MemoryGuard::ChooseNearLimit(absl::Time now) {
  // Perhaps those that are shut down by now had it.
  options_.give_back();
  if (!IsNearLimit(options_.resident_bytes())) return {};
  Heavies heavy = peers_.FindHeavy(kLeastNearLimit, now);
  if (heavy.size() > kShutAtOnce) heavy.resize(kShutAtOnce);
  return heavy;
}

Heavies MemoryGuard::ChooseOfGrowth(int64_t resident, absl::Time now) {
  quiet_bytes_ = quiet_bytes_ < 0 ? resident : std::min(quiet_bytes_, resident);
  const int64_t growth = resident - quiet_bytes_;
  // Looking at all connections takes system calls.
  if (growth < options_.connection_bytes / 8) return {};
  const Heavies heavy = peers_.FindHeavy(kLeastOfGrowth, now);
  int64_t held = 0;
  for (const PeerAccounts::Heavy& one : heavy) held += one.bytes;
  if (held * kMostMemoryOfByte < growth) {
    if (now < next_give_back_) return {};
    next_give_back_ = now + kPause;
    options_.give_back();
    if (now >= last_choice_ + kFreeing) {
      quiet_bytes_ = options_.resident_bytes();
    }
    return {};
  }
  const double patience =
      Patience(static_cast<double>(growth) /
               static_cast<double>(options_.connection_bytes));
  if (growth < options_.connection_bytes / 2 ||
      now < last_choice_ + kPause * patience) {
    return {};
  }
  options_.give_back();
  if (options_.resident_bytes() - quiet_bytes_ <
      options_.connection_bytes / 2) {
    return {};
  }
  // As many of the heaviest as hold half of it.
  Heavies chosen;
  int64_t freed = 0;
  for (const PeerAccounts::Heavy& one : heavy) {
    if (freed * 2 >= held) break;
    if (now - one.since <
        patience * (one.bytes < kMuch ? kTimeOfLess : kTimeOfMuch)) {
      continue;
    }
    chosen.push_back(one);
    freed += one.bytes;
  }
  if (!chosen.empty()) last_choice_ = now;
  return chosen;
}

}  // namespace peregrine::server
