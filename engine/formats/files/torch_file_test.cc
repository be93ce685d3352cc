#include "engine/formats/files/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/base/damage.h"
#include "engine/base/json_object.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTestdata =
    PEREGRINE_SOURCE_DIR "/engine/formats/files/testdata/";

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// In so many bytes, the lowest first; beyond eight they are 0.
std::string Number(uint64_t number, size_t bytes) {
  std::string text(reinterpret_cast<const char*>(&number), sizeof(number));
  text.resize(bytes);
  return text;
}

// A stored ZIP archive of what it is given, which may lie.
class Archive {
 public:
  Archive& Add(const std::string& name, const std::string& content) {
    return AddAt(name, bytes_.size(), content.size(), 0, "",
                 LocalHeader(name) + content);
  }
  // An entry of these fields, behind `bytes`.
  Archive& AddAt(const std::string& name, uint64_t offset, uint64_t size,
                 uint16_t method, const std::string& extra,
                 const std::string& bytes) {
    bytes_ += bytes;
    directory_ += "PK\x01\x02" + Number(0, 4) + Number(0, 2) +
                  Number(method, 2) + Number(0, 8) + Number(size, 4) +
                  Number(size, 4) + Number(name.size(), 2) +
                  Number(extra.size(), 2) + Number(0, 10) + Number(offset, 4) +
                  name + extra;
    ++count_;
    return *this;
  }
  static std::string LocalHeader(const std::string& name) {
    return "PK\x03\x04" + Number(0, 22) + Number(name.size(), 2) +
           Number(0, 2) + name;
  }
  std::string End(uint64_t count, uint64_t size, uint64_t offset) const {
    return "PK\x05\x06" + Number(0, 4) + Number(count, 2) + Number(count, 2) +
           Number(size, 4) + Number(offset, 4) + Number(0, 2);
  }
  // With an end in 64 bits of these numbers.
  std::string Zip64(uint64_t count, uint64_t size, uint64_t offset) const {
    const uint64_t place = bytes_.size() + directory_.size();
    return bytes_ + directory_ + "PK\x06\x06" + Number(44, 8) + Number(0, 12) +
           Number(count, 8) + Number(count, 8) + Number(size, 8) +
           Number(offset, 8) + "PK\x06\x07" + Number(0, 4) + Number(place, 8) +
           Number(1, 4) + End(0xffff, 0xffffffff, 0xffffffff);
  }
  std::string Zip64() const {
    return Zip64(count_, directory_.size(), bytes_.size());
  }
  std::string Zip() const {
    return bytes_ + directory_ + End(count_, directory_.size(), bytes_.size());
  }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::string directory_;
  uint64_t count_ = 0;
};

std::string Text(const std::string& text) {
  return "X" + Number(text.size(), 4) + text;
}

// A storage of floats, called "0".
std::string Storage(int size) {
  return "(" + Text("storage") + "ctorch\nFloatStorage\n" + Text("0") +
         Text("cpu") + "J" + Number(static_cast<uint32_t>(size), 4) + "tQ";
}

// {"w": a tensor}; shape and strides are instructions.
std::string TensorPickle(const std::string& shape, const std::string& strides,
                         int storage_size = 6,
                         const std::string& offset = "K" + Number(0, 1)) {
  return "\x80\x02}" + Text("w") + "ctorch._utils\n_rebuild_tensor_v2\n(" +
         Storage(storage_size) + offset + shape + strides + "\x89}tRs.";
}

std::string Ints(std::initializer_list<int> numbers) {
  std::string tuple = "(";
  for (int number : numbers) {
    tuple += "J" + Number(static_cast<uint32_t>(number), 4);
  }
  return tuple + "t";
}

class TorchFileTest : public testing::Test {
 protected:
  ~TorchFileTest() override { std::remove(path_.c_str()); }

  std::string Error(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    const auto file = TorchFile::Open(path_);
    if (file.ok()) return "";
    const std::string message(file.status().message());
    EXPECT_THAT(message, HasSubstr(path_));
    return message;
  }
  // Of an archive of this pickle and a storage of six floats.
  std::string PickleError(const std::string& pickle) {
    return Error(Archive()
                     .Add("model/data.pkl", pickle)
                     .Add("model/data/0", std::string(24, '\0'))
                     .Zip());
  }

  const std::string path_ = testing::TempDir() + "/torch_file_test_" +
                            std::to_string(getpid()) + ".bin";
};

// What torch wrote, beside what torch says is in it.
TEST_F(TorchFileTest, ReadsWhatTorchWrites) {
  const Json expected = Json::parse(Content(kTestdata + "views.json"));
  for (const char* name :
       {"views.zip.pt", "views.stream.pt", "views.big-endian.pt"}) {
    auto file = TorchFile::Open(kTestdata + name);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->Unread().size(), expected.size()) << name;
    for (const auto& [tensor, content] : expected.items()) {
      const auto shape = content["shape"].get<std::vector<int64_t>>();
      const auto values = (*file)->Read(tensor, shape);
      ASSERT_TRUE(values.ok()) << name << values.status();
      std::vector<float> floats;
      for (const Json& value : content["values"]) {
        floats.push_back(static_cast<float>(value.get<double>()));
      }
      EXPECT_EQ(*values, floats) << name << " " << tensor;
    }
    EXPECT_TRUE((*file)->Unread().empty());
  }
}

TEST_F(TorchFileTest, ReadsWhatIsMadeByHand) {
  EXPECT_EQ(PickleError(TensorPickle(Ints({2, 3}), Ints({3, 1}))), "");
  EXPECT_EQ(PickleError(TensorPickle(Ints({2, 2}), Ints({1, 4}))), "");
  EXPECT_EQ(
      Error(Archive()
                .Add("m/data.pkl", TensorPickle(Ints({2, 3}), Ints({3, 1})))
                .Add("m/data/0", std::string(24, '\0'))
                .Zip64()),
      "");
}

// Nothing is called; the error says which name was found.
TEST_F(TorchFileTest, RefusesCodeByName) {
  const auto refused = [](const std::string& name) {
    return HasSubstr("found the name \"" + name + "\", expected none but");
  };
  EXPECT_THAT(PickleError("\x80\x02"
                          "cos\nsystem\n" +
                          Text("touch /tmp/x") + "\x85R."),
              refused("os.system"));
  EXPECT_THAT(PickleError("\x80\x02"
                          "cbuiltins\neval\n."),
              refused("builtins.eval"));
  EXPECT_THAT(
      PickleError("\x80\x04" + Text("posix") + Text("system") + "\x93."),
      refused("posix.system"));
  EXPECT_THAT(PickleError("\x80\x02"
                          "ctorch._utils\n_rebuild_tensor_v2.x\n."),
              refused("torch._utils._rebuild_tensor_v2.x"));
  // Instructions that call without a name before them.
  for (const std::string instruction : {"i", "o", "\x81", "\x92"}) {
    EXPECT_THAT(PickleError("\x80\x02(" + instruction + "os\nsystem\n."),
                HasSubstr("found the instruction 0x"));
  }
  // A known name called with something else.
  EXPECT_THAT(PickleError("\x80\x02"
                          "ctorch._utils\n_rebuild_tensor_v2\n)R."),
              HasSubstr("found a tensor of other arguments"));
  EXPECT_THAT(PickleError("\x80\x02"
                          "ctorch\nFloatStorage\n)R."),
              HasSubstr("found a call that makes no tensor"));
  EXPECT_THAT(PickleError("\x80\x02]}b."), HasSubstr("attributes for a list"));
}

TEST_F(TorchFileTest, NamesWhatIsWrongInAPickle) {
  EXPECT_THAT(PickleError("\x80\x02}"), HasSubstr("found its end"));
  EXPECT_THAT(PickleError("\x80\x02."), HasSubstr("nothing on the stack"));
  EXPECT_THAT(PickleError("\x80\x02]K\x01s."), HasSubstr("stack"));
  EXPECT_THAT(PickleError("\x80\x02h\x05."), HasSubstr("in place 5 of the"));
  EXPECT_THAT(PickleError("\x80\x02X\xff\xff\xff\x7fx."), HasSubstr("its end"));
  EXPECT_THAT(PickleError("\x80\x02}."), HasSubstr("found a dictionary of "
                                                   "nothing without tensors"));
  EXPECT_THAT(PickleError("\x80\x02]."), HasSubstr("found a list, expected a "
                                                   "dictionary of tensors"));
  EXPECT_THAT(PickleError("\x80\x02}" + Text("args") + "Ns" + Text("epoch") +
                          "K\x01s."),
              HasSubstr("found a dictionary of args, epoch without tensors"));
  // A list and a dictionary that hold themselves.
  EXPECT_THAT(PickleError("\x80\x02]q\x01h\x01"
                          "a."),
              HasSubstr("a list"));
  EXPECT_THAT(PickleError("\x80\x02}q\x01K\x01h\x01s."),
              HasSubstr("a dictionary"));
}

TEST_F(TorchFileTest, NamesWhatIsWrongInATensor) {
  const auto error = [&](const std::string& shape, const std::string& strides) {
    return PickleError(TensorPickle(shape, strides));
  };
  // Expanded: a few bytes would be any number of elements.
  EXPECT_THAT(error(Ints({1 << 30, 1 << 10}), Ints({0, 0})),
              HasSubstr("tensor w: found shape [1073741824, 1024] in strides "
                        "of [0, 0], expected elements that are once in the 6"));
  EXPECT_THAT(error(Ints({2, 3}), Ints({4, 1})), HasSubstr("found shape"));
  EXPECT_THAT(error(Ints({2, 3}), Ints({-3, 1})), HasSubstr("found shape"));
  EXPECT_THAT(error(Ints({-2, 3}), Ints({3, 1})), HasSubstr("found shape"));
  EXPECT_THAT(error(Ints({2, 3}), Ints({1})), HasSubstr("as many strides"));
  EXPECT_THAT(PickleError(TensorPickle(Ints({6}), Ints({1}), 7)),
              HasSubstr("found 24 bytes in storage 0, expected 7 elements"));
  EXPECT_THAT(
      PickleError(TensorPickle(Ints({1}), Ints({1}), 6, "J\xff\xff\xff\xff")),
      HasSubstr("found its begin at element -1"));
  EXPECT_THAT(Error(Archive()
                        .Add("m/data.pkl", TensorPickle(Ints({6}), Ints({1})))
                        .Zip()),
              HasSubstr("found 0 bytes in storage 0"));
}

TEST_F(TorchFileTest, NamesWhatIsWrongInAnArchive) {
  const std::string pickle = TensorPickle(Ints({6}), Ints({1}));
  const std::string floats(24, '\0');
  EXPECT_THAT(Error("PK\x03\x04 and no more"), HasSubstr("no end of a ZIP"));
  EXPECT_THAT(Error("hello"), HasSubstr("found no file of torch.save"));
  EXPECT_THAT(Error(Archive().Add("x", "y").Zip()),
              HasSubstr("found an archive without data.pkl"));
  EXPECT_THAT(Error(Archive()
                        .Add("m/data.pkl", pickle)
                        .Add("m/constants.pkl", "x")
                        .Zip()),
              HasSubstr("found a TorchScript program"));
  // A bomb, packed: nothing is unpacked.
  Archive bomb;
  bomb.Add("m/data.pkl", pickle)
      .AddAt("m/data/0", bomb.size(), 100, 8, "",
             Archive::LocalHeader("m/data/0") + std::string(100, 'x'));
  EXPECT_THAT(Error(bomb.Zip()),
              HasSubstr("member m/data/0: found it compressed"));
  // Members in one another.
  Archive overlap;
  overlap.Add("m/data.pkl", pickle);
  const std::string inner = Archive::LocalHeader("m/data/1") + floats;
  const size_t outer = overlap.size();
  overlap.Add("m/data/0", inner);
  overlap.AddAt("m/data/1", outer + Archive::LocalHeader("m/data/0").size(), 24,
                0, "", "");
  EXPECT_THAT(Error(overlap.Zip()), HasSubstr("inside the one before"));
  EXPECT_THAT(
      Error(
          Archive().Add("m/data.pkl", pickle).Add("m/data.pkl", pickle).Zip()),
      HasSubstr("member m/data.pkl: found it twice"));
  // Sizes that lie, in 32 and in 64 bits.
  Archive longer;
  longer.AddAt("m/data.pkl", 0, 1 << 30, 0, "",
               Archive::LocalHeader("m/data.pkl"));
  EXPECT_THAT(Error(longer.Zip()), HasSubstr("found 1073741824 bytes at"));
  Archive large;
  large.AddAt("m/data.pkl", 0, 0xffffffff, 0,
              Number(1, 2) + Number(16, 2) + Number(~uint64_t{0}, 8) +
                  Number(~uint64_t{0}, 8),
              Archive::LocalHeader("m/data.pkl"));
  EXPECT_THAT(Error(large.Zip()),
              HasSubstr("found 18446744073709551615 bytes at"));
  Archive without;
  without.AddAt("m/data.pkl", 0, 0xffffffff, 0, "",
                Archive::LocalHeader("m/data.pkl"));
  EXPECT_THAT(Error(without.Zip()), HasSubstr("found no 64-bit sizes"));
  const Archive good = Archive().Add("m/data.pkl", pickle);
  EXPECT_THAT(Error(good.Zip64(~uint64_t{0}, 10, 0)),
              HasSubstr("found 18446744073709551615 members"));
  EXPECT_THAT(Error(good.Zip64(1, ~uint64_t{0}, ~uint64_t{0})),
              HasSubstr("found an archive directory of 18446744073709551615"));
}

// Each costs no more than its file: the largest would be gigabytes.
TEST_F(TorchFileTest, BoundsWhatAPickleCosts) {
  const auto repeat = [](const std::string& text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
  };
  std::string memo = "\x80\x02";
  for (uint32_t i = 0; i < 3000000; ++i) memo += "Nr" + Number(i, 4);
  EXPECT_THAT(PickleError(memo + "."), HasSubstr("pickle, byte"));
  EXPECT_THAT(PickleError("\x80\x02Nr\xff\xff\xff\x7f."),
              HasSubstr("found a memo of 2147483647 places"));
  EXPECT_THAT(PickleError("\x80\x02" + repeat("]", 3000000) + "."),
              HasSubstr("found more than 2097152 values"));
  EXPECT_THAT(PickleError("\x80\x02N" + repeat("2", 5000000) + "."),
              HasSubstr("found too many values"));
  EXPECT_THAT(PickleError("\x80\x02" + repeat("(", 3000000) + "."),
              HasSubstr("found too many marks"));
  // One list of a thousand pairs as ten thousand dictionaries.
  EXPECT_THAT(
      PickleError("\x80\x02](" + repeat("K\x01K\x02\x86", 1000) + "eq\x01" +
                  repeat("ccollections\nOrderedDict\nh\x01\x85R", 10000) + "."),
      HasSubstr("found too many pairs"));
  EXPECT_THAT(PickleError("\x80\x02" + repeat("\x85", 3000000) + "."),
              HasSubstr("nothing on the stack"));
  EXPECT_THAT(PickleError("\x80\x02N" + repeat("\x85", 3000000) + "."),
              HasSubstr("found more than 2097152 values"));
  // A storage of a megabyte under a hundred names.
  std::string shared = "\x80\x02}(";
  for (int i = 0; i < 100; ++i) {
    shared += Text("w" + std::to_string(i)) +
              "ctorch._utils\n_rebuild_tensor_v2\n(" + Storage(1 << 18) + "K" +
              Number(0, 1) + Ints({1 << 18}) + Ints({1}) + "\x89}tR";
  }
  EXPECT_THAT(Error(Archive()
                        .Add("m/data.pkl", shared + "u.")
                        .Add("m/data/0", std::string(1 << 20, '\0'))
                        .Zip()),
              HasSubstr("expected fewer that share"));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 1 << 20) << "KiB";
}

TEST_F(TorchFileTest, SurvivesDamage) {
  for (const char* name : {"views.zip.pt", "views.stream.pt"}) {
    const std::string content = Content(kTestdata + name);
    ForEachDamage(content, {400}, [&](const std::string& damaged) {
      std::ofstream(path_, std::ios::binary) << damaged;
      auto file = TorchFile::Open(path_);
      if (!file.ok()) return;
      for (const std::string& tensor : (*file)->Unread()) {
        (void)(*file)->Read(tensor, *(*file)->Shape(tensor));
      }
    });
  }
}

}  // namespace
}  // namespace peregrine::formats
