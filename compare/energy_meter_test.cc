#include "compare/energy_meter.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::HasSubstr;

// A folder like /sys/class/powercap with two packages, a part of one, and one
// of them a second time.
class EnergyMeterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    AddZone("intel-rapl:0", "package-0", 5'000'000);
    AddZone("intel-rapl:0:0", "core", 1'000'000);
    AddZone("intel-rapl:1", "package-1", 9'000'000);
    AddZone("intel-rapl-mmio:0", "package-0", 5'000'000);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void AddZone(const std::string& zone, const std::string& name,
               std::int64_t energy) {
    std::filesystem::create_directories(folder_ + "/" + zone);
    Write(zone + "/name", name);
    Write(zone + "/max_energy_range_uj", "10000000");
    SetEnergy(zone, energy);
  }
  void SetEnergy(const std::string& zone, std::int64_t energy) {
    Write(zone + "/energy_uj", std::to_string(energy));
  }
  void Write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text << "\n";
  }

  const std::string folder_ = ::testing::TempDir() + "/powercap";
};

TEST_F(EnergyMeterTest, SumsPackages) {
  EnergyMeter meter(folder_);
  ASSERT_TRUE(meter.available()) << meter.reason();
  SetEnergy("intel-rapl:0", 6'000'000);
  SetEnergy("intel-rapl:0:0", 9'000'000);
  SetEnergy("intel-rapl:1", 9'500'000);
  SetEnergy("intel-rapl-mmio:0", 6'000'000);
  EXPECT_DOUBLE_EQ(meter.JoulesSinceLast().value(), 1.5);
  EXPECT_DOUBLE_EQ(meter.JoulesSinceLast().value(), 0);
}

TEST_F(EnergyMeterTest, CountersStartAgain) {
  EnergyMeter meter(folder_);
  SetEnergy("intel-rapl:1", 500'000);
  EXPECT_DOUBLE_EQ(meter.JoulesSinceLast().value(), 1.5);
}

TEST_F(EnergyMeterTest, NotReported) {
  EnergyMeter none(folder_ + "/absent");
  EXPECT_FALSE(none.available());
  EXPECT_FALSE(none.JoulesSinceLast().has_value());
  EXPECT_THAT(none.reason(), HasSubstr("not reported by this machine"));
  EnergyMeter gone(folder_);
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(gone.JoulesSinceLast().has_value());
  EXPECT_FALSE(gone.available());
}

TEST_F(EnergyMeterTest, SomeMayNotBeRead) {
  // Not even root reads a number of a folder.
  std::filesystem::remove(folder_ + "/intel-rapl:1/energy_uj");
  std::filesystem::create_directories(folder_ + "/intel-rapl:1/energy_uj");
  EnergyMeter meter(folder_);
  EXPECT_FALSE(meter.available());
  EXPECT_THAT(meter.reason(), HasSubstr("intel-rapl:1/energy_uj"));
}

}  // namespace
}  // namespace peregrine::compare
