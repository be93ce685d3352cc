#include "engine/model/stage_profile.h"

namespace peregrine::model {

const char* StageName(Stage stage) {
  static constexpr const char* kNames[kNumStages] = {
      "encode",       "embed",  "self_attention", "cross_attention",
      "feed_forward", "output", "search"};
  return kNames[static_cast<size_t>(stage)];
}

}  // namespace peregrine::model
