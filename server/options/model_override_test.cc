#include "server/options/model_override.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

TEST(ModelOverrideTest, SetsOneOption) {
  const auto parsed = ParseModelOverride("en-de.v2.max-batch-rows=12");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->model, "en-de.v2");
  ModelOptions options;
  parsed->apply(options);
  EXPECT_EQ(options.batcher.session.max_rows, 12);
  EXPECT_EQ(options.batcher.num_workers, ModelOptions().batcher.num_workers);
}

TEST(ModelOverrideTest, SaysWhatIsWrong) {
  const auto refused = [](const char* setting) {
    return std::string(ParseModelOverride(setting).status().message());
  };
  for (const char* setting : {"", "en-de", "en-de.workers", "workers=3",
                              ".workers=3", "=3", "en-de=1.5"}) {
    EXPECT_THAT(refused(setting), HasSubstr("needed MODEL.OPTION=NUMBER"))
        << setting;
  }
  for (const char* setting : {"a.workers=", "a.workers=0", "a.workers=-1",
                              "a.workers=many", "a.workers=99999999999"}) {
    EXPECT_THAT(refused(setting), HasSubstr("needed a number of at least 1"))
        << setting;
  }
  EXPECT_THAT(refused("a.speed=3"),
              HasSubstr("found option speed in a.speed=3, known are workers"));
}

}  // namespace
}  // namespace peregrine::server
