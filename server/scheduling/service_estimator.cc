#include "server/scheduling/service_estimator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace peregrine::server {
namespace {

constexpr double kWindowSeconds = 2;
constexpr double kWindowSentences = 256;

// Mean absolute deviations above the mean at which a sentence is a long one. Of
// lengths as they usually are, one in twenty is longer.
constexpr double kLongDeviations = 3;

// Of the last arrivals, those with deadlines that set the usual one.
constexpr double kMinDeadlines = 0.5;

// Weight, in steps, of an imagined step without rows that takes no time. Where
// all steps had like many rows it makes time proportional to rows, and next to
// steps of various rows it is nothing.
constexpr double kOriginWeight = 1;

}  // namespace

void ServiceEstimator::ObserveStep(int rows, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  const double keep = std::exp(-seconds / kWindowSeconds);
  steps_ = keep * steps_ + 1;
  x_ = keep * x_ + rows;
  y_ = keep * y_ + seconds;
  xx_ = keep * xx_ + static_cast<double>(rows) * rows;
  xy_ = keep * xy_ + rows * seconds;
  line_ = Fit();
}

// Least squares, with neither coefficient below zero.
ServiceEstimator::Line ServiceEstimator::Fit() const {
  const double n = steps_ + kOriginWeight;
  const double per_row = (n * xy_ - x_ * y_) / (n * xx_ - x_ * x_);
  if (per_row <= 0) return {y_ / steps_, 0};
  const double constant = (y_ - per_row * x_) / n;
  if (constant <= 0) return {0, xy_ / xx_};
  return {constant, per_row};
}

void ServiceEstimator::ObserveArrival(int source_length) {
  const double expected =
      arrivals_ > 0 ? arrived_tokens_ / arrivals_ : source_length;
  const double keep = std::exp(-1 / kWindowSentences);
  arrivals_ = keep * arrivals_ + 1;
  arrived_tokens_ = keep * arrived_tokens_ + source_length;
  arrived_deviation_ =
      keep * arrived_deviation_ + std::abs(source_length - expected);
  deadlines_ *= keep;
  per_deadline_ *= keep;
}

void ServiceEstimator::ObserveDeadline(absl::Duration left) {
  deadlines_ += 1;
  per_deadline_ += 1 / absl::ToDoubleSeconds(left);
}

absl::Duration ServiceEstimator::UsualDeadline() const {
  return deadlines_ < kMinDeadlines ? absl::InfiniteDuration()
                                    : absl::Seconds(deadlines_ / per_deadline_);
}

double ServiceEstimator::StepsOfLong() const {
  if (arrivals_ == 0 || source_tokens_ == 0) return 0;
  return (arrived_tokens_ + kLongDeviations * arrived_deviation_) / arrivals_ *
         sentence_steps_ / source_tokens_;
}

void ServiceEstimator::ObserveSentence(int source_length, int steps) {
  const double expected = source_tokens_ > 0
                              ? source_length * sentence_steps_ / source_tokens_
                              : steps;
  const double keep = std::exp(-1 / kWindowSentences);
  sentences_ = keep * sentences_ + 1;
  source_tokens_ = keep * source_tokens_ + source_length;
  sentence_steps_ = keep * sentence_steps_ + steps;
  deviation_ = keep * deviation_ + std::abs(steps - expected);
}

double ServiceEstimator::Steps(int source_length, int max_length) const {
  const double ratio =
      source_tokens_ > 0 ? (sentence_steps_ + deviation_) / source_tokens_ : 1;
  return std::min<double>(max_length, ratio * source_length);
}

absl::Duration ServiceEstimator::Time(double steps, double rows) const {
  return absl::Seconds(steps * (line_.constant + line_.per_row * rows));
}

double ServiceEstimator::MaxRows(double steps, absl::Duration left) const {
  const double seconds = absl::ToDoubleSeconds(left) - steps * line_.constant;
  if (seconds < 0) return 0;
  const double per_row = steps * line_.per_row;
  return per_row > 0 ? seconds / per_row
                     : std::numeric_limits<double>::infinity();
}

double ServiceEstimator::MinEfficientRows() const {
  return line_.per_row > 0 ? line_.constant / line_.per_row
                           : std::numeric_limits<double>::infinity();
}

}  // namespace peregrine::server
