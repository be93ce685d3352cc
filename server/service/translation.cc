#include "server/service/translation.h"

namespace peregrine::server {
namespace {

template <typename T>
void Override(const absl::optional<T>& upper, absl::optional<T>& value) {
  if (upper.has_value()) value = upper;
}

}  // namespace

RequestOptions RequestOptions::OverriddenBy(const RequestOptions& upper) const {
  RequestOptions options = *this;
  Override(upper.beam_size, options.beam_size);
  Override(upper.length_penalty, options.length_penalty);
  Override(upper.num_hypotheses, options.num_hypotheses);
  Override(upper.min_length, options.min_length);
  Override(upper.max_length, options.max_length);
  Override(upper.use_shortlist, options.use_shortlist);
  return options;
}

}  // namespace peregrine::server
