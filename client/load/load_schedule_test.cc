#include "client/load/load_schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(ClosedLoopTest, SendsAtOnceAsManyAsThereAreSenders) {
  ClosedLoop loop(3, kStart);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(loop.next(), kStart);
    loop.Sent();
  }
  EXPECT_EQ(loop.next(), absl::InfiniteFuture());
}

TEST(ClosedLoopTest, SendsAgainOnceAnsweredAndReady) {
  ClosedLoop loop(2, kStart);
  loop.Sent();
  loop.Sent();
  loop.Answered(kStart + absl::Seconds(9));  // one that was told to wait
  loop.Answered(kStart + absl::Seconds(2));
  EXPECT_EQ(loop.next(), kStart + absl::Seconds(2));
  loop.Sent();
  EXPECT_EQ(loop.next(), kStart + absl::Seconds(9));
}

TEST(OpenLoopTest, UniformArrivalsAreEvenlySpaced) {
  OpenLoop loop(4, Arrivals::kUniform, kStart, 1);
  EXPECT_EQ(loop.next(), kStart);
  loop.Sent();
  EXPECT_EQ(loop.next(), kStart + absl::Milliseconds(250));
  loop.Sent();
  EXPECT_EQ(loop.next(), kStart + absl::Milliseconds(500));
}

TEST(OpenLoopTest, AnswersDoNotMoveArrivals) {
  OpenLoop with(10, Arrivals::kPoisson, kStart, 7);
  OpenLoop without(10, Arrivals::kPoisson, kStart, 7);
  for (int i = 0; i < 100; ++i) {
    with.Answered(kStart + absl::Hours(1));
    EXPECT_EQ(with.next(), without.next());
    with.Sent();
    without.Sent();
  }
}

// Exponential gaps: mean 1/rate, standard deviation the same, and e^-1 of them
// longer than the mean.
TEST(OpenLoopTest, PoissonGapsAreExponential) {
  constexpr int kArrivals = 100'000;
  constexpr double kRate = 50;
  OpenLoop loop(kRate, Arrivals::kPoisson, kStart, 3);
  double sum = 0, squares = 0;
  int longer = 0;
  absl::Time last = kStart;
  for (int i = 0; i < kArrivals; ++i) {
    const double gap = absl::ToDoubleSeconds(loop.next() - last);
    last = loop.next();
    sum += gap;
    squares += gap * gap;
    longer += gap > 1 / kRate;
    loop.Sent();
  }
  const double mean = sum / kArrivals;
  EXPECT_NEAR(mean, 1 / kRate, 0.01 / kRate);
  EXPECT_NEAR(std::sqrt(squares / kArrivals - mean * mean), 1 / kRate,
              0.02 / kRate);
  EXPECT_NEAR(longer / double{kArrivals}, std::exp(-1), 0.01);
}

TEST(OpenLoopTest, SeedsDiffer) {
  const OpenLoop one(1, Arrivals::kPoisson, kStart, 1);
  const OpenLoop two(1, Arrivals::kPoisson, kStart, 2);
  EXPECT_NE(one.next(), two.next());
}

}  // namespace
}  // namespace peregrine::client
