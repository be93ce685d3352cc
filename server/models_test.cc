#include "server/models.h"

#include "gtest/gtest.h"
#include "server/fake_backend.h"

namespace peregrine::server {
namespace {

class ModelSetTest : public ::testing::Test {
 protected:
  absl::Status Add(const std::string& name) {
    FakeBackend::Options options;
    options.name = name;
    return models_.Add(std::make_unique<FakeBackend>(options), {});
  }
  std::string Find(const std::string& name) {
    const auto model = models_.Find(name, "model");
    return model.ok() ? (*model)->info().name
                      : std::string(model.status().message());
  }

  Metrics metrics_;
  ModelSet models_{metrics_};
};

TEST_F(ModelSetTest, TheEmptyNameIsTheOnlyModel) {
  ASSERT_TRUE(Add("b").ok());
  EXPECT_EQ(Find(""), "b");
  EXPECT_EQ(Find("b"), "b");
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(
      Find(""),
      "model: found nothing, needed where several models are served: a, b");
  EXPECT_EQ(Find("a"), "a");
}

TEST_F(ModelSetTest, UnknownNamesAreToldTheKnown) {
  ASSERT_TRUE(Add("b").ok());
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(models_.Find("c", "model").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Find("c"), "model: found \"c\", served here: a, b");
}

TEST_F(ModelSetTest, NamesAreUnique) {
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(Add("a").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(models_.all().size(), 1u);
}

TEST_F(ModelSetTest, AModelWhoseWorkersFailIsNotServed) {
  FakeBackend::Options options;
  options.session_status = absl::ResourceExhaustedError("no memory");
  EXPECT_EQ(models_.Add(std::make_unique<FakeBackend>(options), {}).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(models_.all().empty());
}

}  // namespace
}  // namespace peregrine::server
