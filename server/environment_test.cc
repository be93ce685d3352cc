#include "server/environment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::set<std::string> kKnown = {"PEREGRINE_TOKEN_FILE",
                                      "PEREGRINE_MAX_QUEUE_SENTENCES"};

UnknownVariables Find(std::vector<const char*> environment) {
  environment.push_back(nullptr);
  return FindUnknownVariables(environment.data(), kKnown);
}

TEST(EnvironmentTest, KnownOnesAndOthersAreFine) {
  const UnknownVariables unknown =
      Find({"PATH=/bin", "PEREGRINE_TOKEN_FILE=a", "PEREGRINE_TOKEN=b",
            "PEREGRINE_FAULT_LOSE_DEVICE=3", "PEREGRINE_SERVICE_HOST=10.0.0.1",
            "PEREGRINE_SERVICE_PORT=1", "PEREGRINE_SERVICE_PORT_GRPC=1",
            "PEREGRINE_PORT=tcp://10.0.0.1:50051",
            "PEREGRINE_PORT_50051_TCP_ADDR=10.0.0.1",
            "PEREGRINE_METRICS_SERVICE_HOST=10.0.0.1"});
  EXPECT_THAT(unknown.names, IsEmpty());
  EXPECT_TRUE(unknown.status.ok());
}

TEST(EnvironmentTest, MisspeltOptionsAreErrors) {
  for (const char* variable :
       {"PEREGRINE_TOKENFILE=a", "PEREGRINE_TOKEN_FIEL=a",
        "PEREGRINE_TOKEN_FILES=a"}) {
    EXPECT_THAT(std::string(Find({variable}).status.message()),
                ::testing::EndsWith("is PEREGRINE_TOKEN_FILE meant?"));
  }
}

TEST(EnvironmentTest, OthersAreNamed) {
  const UnknownVariables unknown = Find({"PEREGRINE_QUEUE=1"});
  EXPECT_THAT(unknown.names, ElementsAre("PEREGRINE_QUEUE"));
  EXPECT_TRUE(unknown.status.ok());
}

}  // namespace
}  // namespace peregrine::server
