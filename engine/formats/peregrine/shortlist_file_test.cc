#include "engine/formats/peregrine/shortlist_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

namespace peregrine::formats {
namespace {

using model::Shortlist;
using testing::ElementsAre;
using testing::HasSubstr;
using Lists = Shortlist::Lists;

// Three source and ten target tokens.
Lists SmallLists() { return {{7, 2}, {0, 2, 2, 5}, {9, 4, 4, 3, 2}}; }

std::string Ints(const std::vector<int32_t>& ints) {
  return std::string(reinterpret_cast<const char*>(ints.data()),
                     ints.size() * sizeof(int32_t));
}

std::string FileOf(const Lists& lists) {
  return "PRGSHORT" +
         Ints({1, 3, 10, static_cast<int32_t>(lists.always.size()),
               static_cast<int32_t>(lists.targets.size()), 0}) +
         Ints(lists.always) + Ints(lists.offsets) + Ints(lists.targets);
}

absl::StatusOr<std::unique_ptr<const Shortlist>> LoadBytes(
    const std::string& bytes) {
  const std::string path = testing::TempDir() + "/shortlist.bin";
  std::ofstream(path, std::ios::binary) << bytes;
  return ReadShortlist(path, 3, 10);
}

std::string ErrorOf(const std::string& bytes) {
  const auto shortlist = LoadBytes(bytes);
  EXPECT_EQ(shortlist.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shortlist.status().message()),
              HasSubstr("/shortlist.bin: "));
  return std::string(shortlist.status().message());
}

TEST(ShortlistTest, UnitesTheListsOfTheSource) {
  const auto shortlist = *LoadBytes(FileOf(SmallLists()));
  std::vector<int32_t> targets = {1, 2, 3};
  shortlist->TargetsOf({0, 2, 0}, {5}, targets);
  EXPECT_THAT(targets, ElementsAre(2, 3, 4, 5, 7, 9));
  shortlist->TargetsOf({1}, {}, targets);
  EXPECT_THAT(targets, ElementsAre(2, 7));
}

TEST(ShortlistTest, NamesWhatIsWrong) {
  const std::string good = FileOf(SmallLists());
  EXPECT_THAT(ErrorOf("short"), HasSubstr("bytes: found 5"));
  EXPECT_THAT(ErrorOf("XX" + good.substr(2)), HasSubstr("begin with PRGSHORT"));
  std::string bytes = good;
  bytes[8] = 2;
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("version: found 2, expected 1"));
  bytes = good;
  bytes[12] = 4;
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("source vocabulary size: found 4"));
  bytes = good;
  bytes[16] = 11;
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("target vocabulary size: found 11"));
  EXPECT_THAT(ErrorOf(good + "x"),
              HasSubstr("after the header: found 45, expected 44"));
  bytes = good;
  std::memset(&bytes[20], 0xff, 8);  // counts that would overflow 32 bits
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("expected 34359738376"));
  Lists lists = SmallLists();
  lists.offsets = {0, 3, 2, 5};
  EXPECT_THAT(ErrorOf(FileOf(lists)), HasSubstr("offsets"));
  lists.offsets = {0, 2, 2, 4};
  EXPECT_THAT(ErrorOf(FileOf(lists)), HasSubstr("0 to 4"));
  lists = SmallLists();
  lists.targets[1] = 10;
  EXPECT_THAT(ErrorOf(FileOf(lists)),
              HasSubstr("target token: found 10, expected 0 to 9"));
  lists = SmallLists();
  lists.always[1] = -1;
  EXPECT_THAT(ErrorOf(FileOf(lists)), HasSubstr("every list: found -1"));
}

}  // namespace
}  // namespace peregrine::formats
