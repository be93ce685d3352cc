#include "engine/formats/files/pickle.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"
#include "engine/formats/limits.h"
#include "engine/text/utf8.h"

namespace peregrine::formats {
namespace {

using Kind = PickleValue::Kind;

// Some 20 values a tensor, and 1000 tensors, are usual.
constexpr size_t kMaxValues = size_t{1} << 21;
constexpr size_t kMaxBytes = size_t{16} << 20;

struct KnownName {
  absl::string_view module;
  absl::string_view name;
  PickleName meaning;
};

constexpr KnownName kKnownNames[] = {
    {"collections", "OrderedDict", PickleName::kOrderedDict},
    {"torch._utils", "_rebuild_tensor", PickleName::kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", PickleName::kRebuildTensor},
    {"torch._utils", "_rebuild_parameter", PickleName::kRebuildParameter},
    {"torch", "FloatStorage", PickleName::kFloatStorage},
    {"torch", "DoubleStorage", PickleName::kDoubleStorage},
    {"torch", "HalfStorage", PickleName::kHalfStorage},
    {"torch", "BFloat16Storage", PickleName::kBFloat16Storage},
    {"torch", "CharStorage", PickleName::kCharStorage},
    {"torch", "ShortStorage", PickleName::kShortStorage},
    {"torch", "IntStorage", PickleName::kIntStorage},
    {"torch", "LongStorage", PickleName::kLongStorage},
    {"torch", "ByteStorage", PickleName::kByteStorage},
    {"torch", "BoolStorage", PickleName::kBoolStorage},
};

// Of checkpoints. Meters are counts of training, the rest is how NumPy writes a
// number.
constexpr KnownName kCheckpointNames[] = {
    {"argparse", "Namespace", PickleName::kNamespace},
    {"fairseq.meters", "AverageMeter", PickleName::kPassedOver},
    {"fairseq.meters", "SumMeter", PickleName::kPassedOver},
    {"fairseq.meters", "TimeMeter", PickleName::kPassedOver},
    {"fairseq.meters", "StopwatchMeter", PickleName::kPassedOver},
    {"fairseq.logging.meters", "AverageMeter", PickleName::kPassedOver},
    {"fairseq.logging.meters", "SumMeter", PickleName::kPassedOver},
    {"fairseq.logging.meters", "TimeMeter", PickleName::kPassedOver},
    {"fairseq.logging.meters", "StopwatchMeter", PickleName::kPassedOver},
    {"numpy.core.multiarray", "scalar", PickleName::kPassedOver},
    {"numpy._core.multiarray", "scalar", PickleName::kPassedOver},
    {"numpy", "dtype", PickleName::kPassedOver},
    {"_codecs", "encode", PickleName::kPassedOver},
};

std::string Quoted(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::Utf8SafeCEscape(text::Utf8Prefix(text, kMaxShownBytes)),
      text.size() > kMaxShownBytes ? "...\"" : "\"");
}

// One letter each: the instructions of Python's pickletools.
enum Op : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersid = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kEmptyDict = '}',
  kAppends = 'e',
  kBinFloat = 'G',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kEmptyList = ']',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kNewObject = 0x81,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

class Interpreter {
 public:
  Interpreter(absl::string_view bytes, const std::string& path,
              PickleScope scope)
      : bytes_(bytes), cursor_(bytes), path_(path), scope_(scope) {}

  absl::Status Run() {
    // The value of what has none of its own.
    none_ = static_cast<int32_t>(pickle_.values.size());
    pickle_.values.emplace_back();
    while (!stopped_) {
      const auto op = cursor_.Number<uint8_t>();
      if (cursor_.ok()) Step(op);
      if (!cursor_.ok()) Fail("found its end, expected more instructions");
      PEREGRINE_RETURN_IF_ERROR(error_);
    }
    return absl::OkStatus();
  }

  size_t length() const { return bytes_.size() - cursor_.left(); }
  Pickle Take() { return std::move(pickle_); }

 private:
  void Fail(absl::string_view what,
            absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    if (!error_.ok()) return;
    error_ = absl::Status(
        code, absl::StrCat(path_, ": pickle, byte ", length(), ": ", what));
  }
  void Refuse(absl::string_view what) {
    Fail(what, absl::StatusCode::kUnimplemented);
  }

  void Step(uint8_t op) {
    if (StepNumber(op) || StepText(op) || StepMemo(op) || StepContainer(op)) {
      return;
    }
    switch (op) {
      case kProto:
        if (cursor_.Number<uint8_t>() > 5) Refuse("found a newer protocol");
        return;
      case kFrame:
        cursor_.Number<uint64_t>();
        return;
      case kMark:
        return Mark();
      case kPop:
        Pop();
        return;
      case kPopMark:
        PopToMark();
        return;
      case kDup:
        Push(Top());
        return;
      case kStop:
        pickle_.root = Pop();
        stopped_ = true;
        return;
      default:
        return StepName(op);
    }
  }

  // What makes tensors: names, and what is done with them.
  void StepName(uint8_t op) {
    if (op == kNewObject && scope_ == PickleScope::kCheckpoint) {
      return MakeObject();
    }
    switch (op) {
      case kGlobal: {
        const absl::string_view module = Line();
        return PushName(module, Line());
      }
      case kStackGlobal: {
        const int32_t name = Pop();
        const int32_t module = Pop();
        return PushName(pickle_[module].text, pickle_[name].text);
      }
      case kBinPersid:
        return PushItems(Kind::kStorage, {Pop()});
      case kReduce: {
        const int32_t arguments = Pop();
        return Reduce(Pop(), arguments);
      }
      case kBuild: {
        const int32_t attributes = Pop();
        const int32_t target = Top();
        if (Is(target, Kind::kObject)) {
          pickle_.values[target].items = {attributes};
        } else if (!Is(target, Kind::kDict)) {
          // Of a dictionary of tensors they are its versions.
          Refuse(absl::StrCat("found attributes for ", pickle_.Shown(target),
                              ", expected them for a dictionary alone"));
        }
        return;
      }
      default:
        Refuse(absl::StrCat("found the instruction 0x", absl::Hex(op),
                            ", expected one of those that tensors need"));
    }
  }

  bool StepNumber(uint8_t op) {
    switch (op) {
      case kNone:
        Push(none_);
        return true;
      case kNewTrue:
      case kNewFalse:
        PushNumber(Kind::kBool, op == kNewTrue ? 1 : 0);
        return true;
      case kBinInt:
        PushNumber(Kind::kInt, cursor_.Number<int32_t>());
        return true;
      case kBinInt1:
        PushNumber(Kind::kInt, cursor_.Number<uint8_t>());
        return true;
      case kBinInt2:
        PushNumber(Kind::kInt, cursor_.Number<uint16_t>());
        return true;
      case kLong1:
        PushLong(cursor_.Bytes(cursor_.Number<uint8_t>()));
        return true;
      case kLong4:
        PushLong(cursor_.Bytes(cursor_.Number<uint32_t>()));
        return true;
      case kBinFloat: {
        // Big-endian, unlike all else.
        uint64_t bits = 0;
        for (char byte : cursor_.Bytes(sizeof(bits))) {
          bits = bits << 8 | static_cast<uint8_t>(byte);
        }
        PickleValue value;
        value.kind = Kind::kFloat;
        std::memcpy(&value.real, &bits, sizeof(bits));
        PushNew(std::move(value));
        return true;
      }
      default:
        return false;
    }
  }

  bool StepText(uint8_t op) {
    switch (op) {
      case kShortBinString:
      case kShortBinBytes:
      case kShortBinUnicode:
        PushText(cursor_.Bytes(cursor_.Number<uint8_t>()));
        return true;
      case kBinString:
      case kBinBytes:
      case kBinUnicode:
        PushText(cursor_.Bytes(cursor_.Number<uint32_t>()));
        return true;
      case kBinUnicode8:
        PushText(cursor_.Bytes(cursor_.Number<uint64_t>()));
        return true;
      default:
        return false;
    }
  }

  bool StepMemo(uint8_t op) {
    switch (op) {
      case kBinPut:
        Put(cursor_.Number<uint8_t>());
        return true;
      case kLongBinPut:
        Put(cursor_.Number<uint32_t>());
        return true;
      case kMemoize:
        Put(memo_.size());
        return true;
      case kBinGet:
        Get(cursor_.Number<uint8_t>());
        return true;
      case kLongBinGet:
        Get(cursor_.Number<uint32_t>());
        return true;
      default:
        return false;
    }
  }

  bool StepContainer(uint8_t op) {
    switch (op) {
      case kEmptyTuple:
        PushItems(Kind::kTuple, {});
        return true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        PushItems(Kind::kTuple, PopSome(size_t{op} - kTuple1 + 1));
        return true;
      case kTuple:
        PushItems(Kind::kTuple, PopToMark());
        return true;
      case kEmptyList:
        PushItems(Kind::kList, {});
        return true;
      case kList:
        PushItems(Kind::kList, PopToMark());
        return true;
      case kEmptyDict:
        PushItems(Kind::kDict, {});
        return true;
      case kDict:
        PushItems(Kind::kDict, PopToMark());
        CheckPairs(Top());
        return true;
      case kAppend:
        Extend(Kind::kList, PopSome(1));
        return true;
      case kAppends:
        Extend(Kind::kList, PopToMark());
        return true;
      case kSetItem:
        Extend(Kind::kDict, PopSome(2));
        return true;
      case kSetItems:
        Extend(Kind::kDict, PopToMark());
        return true;
      default:
        return false;
    }
  }

  bool Is(int32_t value, Kind kind) const {
    return pickle_[value].kind == kind;
  }
  bool IsClass(int32_t value) const {
    return IsName(value, PickleName::kNamespace) ||
           IsName(value, PickleName::kPassedOver);
  }
  void MakeObject() {
    Pop();  // arguments, which no class that we know has
    const int32_t name = Pop();
    if (!IsClass(name)) {
      return Fail(absl::StrCat("found an object of ", pickle_.Shown(name),
                               ", expected one of a class that is known"));
    }
    PushObject(name);
  }
  void PushObject(int32_t name) {
    PushNumber(Kind::kObject, pickle_[name].number);
  }
  bool IsName(int32_t value, PickleName name) const {
    return Is(value, Kind::kName) &&
           pickle_[value].number == static_cast<int64_t>(name);
  }

  // ---- The stack. What is missing reads as none, after an error.

  size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }

  void Push(int32_t value) {
    if (stack_.size() >= 2 * kMaxValues) {
      return Refuse("found too many values, expected those of tensors");
    }
    stack_.push_back(value);
  }
  void Mark() {
    if (marks_.size() == kMaxValues) return Refuse("found too many marks");
    marks_.push_back(stack_.size());
  }
  int32_t Top() {
    if (stack_.size() > bottom()) return stack_.back();
    Fail("found nothing on the stack, expected a value");
    return none_;
  }
  int32_t Pop() {
    const int32_t value = Top();
    if (stack_.size() > bottom()) stack_.pop_back();
    return value;
  }
  std::vector<int32_t> PopSome(size_t count) {
    std::vector<int32_t> values(count, none_);
    for (size_t i = count; i-- > 0;) values[i] = Pop();
    return values;
  }
  std::vector<int32_t> PopToMark() {
    if (marks_.empty()) {
      Fail("found no mark on the stack, expected one");
      return {};
    }
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<int32_t> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }

  void PushNew(PickleValue value) {
    if (pickle_.values.size() == kMaxValues) {
      return Refuse(absl::StrCat("found more than ", kMaxValues,
                                 " values, expected those of tensors"));
    }
    pickle_.values.push_back(std::move(value));
    Push(static_cast<int32_t>(pickle_.values.size()) - 1);
  }
  void PushNumber(Kind kind, int64_t number) {
    PickleValue value;
    value.kind = kind;
    value.number = number;
    PushNew(std::move(value));
  }
  void PushText(absl::string_view text) {
    PickleValue value;
    value.kind = Kind::kText;
    value.text = text;
    PushNew(std::move(value));
  }
  void PushItems(Kind kind, std::vector<int32_t> items) {
    PickleValue value;
    value.kind = kind;
    value.items = std::move(items);
    PushNew(std::move(value));
  }
  // Little-endian in two's complement; none where it is too long for us.
  void PushLong(absl::string_view bytes) {
    if (bytes.size() > sizeof(int64_t)) {
      return Refuse("found an integer of more than 64 bits");
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      bits |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
    }
    const size_t unused = 64 - 8 * bytes.size();
    const bool is_negative =
        !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80) != 0;
    if (is_negative && unused > 0) bits |= ~uint64_t{0} << (64 - unused);
    PushNumber(Kind::kInt, static_cast<int64_t>(bits));
  }

  void CheckPairs(int32_t dict) {
    if (pickle_[dict].items.size() % 2 != 0) {
      Fail("found a key without a value, expected pairs");
    }
  }
  void Extend(Kind kind, const std::vector<int32_t>& added) {
    const int32_t target = Top();
    if (!Is(target, kind)) {
      return Fail(absl::StrCat("found items for ", pickle_.Shown(target),
                               ", expected them for a ",
                               kind == Kind::kList ? "list" : "dictionary"));
    }
    std::vector<int32_t>& items = pickle_.values[target].items;
    items.insert(items.end(), added.begin(), added.end());
    if (kind == Kind::kDict) CheckPairs(target);
  }

  // ---- The memo: values by number.

  void Put(size_t place) {
    if (place >= kMaxValues) {
      return Refuse(absl::StrCat("found a memo of ", place,
                                 " places, expected fewer than ", kMaxValues));
    }
    // Numbers rise by one; one that leaps costs no more than its value does.
    if (place > 2 * length() + 256) return Fail("found a leap in the memo");
    if (place >= memo_.size()) memo_.resize(place + 1, -1);
    memo_[place] = Top();
  }
  void Get(size_t place) {
    if (place >= memo_.size() || memo_[place] < 0) {
      return Fail(absl::StrCat("found nothing in place ", place,
                               " of the memo, expected a value"));
    }
    Push(memo_[place]);
  }

  // ---- Names

  absl::string_view Line() {
    const size_t begin = length();
    const size_t size = bytes_.substr(begin).find('\n');
    if (size == absl::string_view::npos) {
      cursor_.Fail();
      return {};
    }
    cursor_.Bytes(size + 1);
    return bytes_.substr(begin, size);
  }

  void PushName(absl::string_view module, absl::string_view name) {
    if (!error_.ok() || !cursor_.ok()) return;
    for (const KnownName& known : kKnownNames) {
      if (known.module != module || known.name != name) continue;
      return PushNumber(Kind::kName, static_cast<int64_t>(known.meaning));
    }
    for (const KnownName& known : kCheckpointNames) {
      if (scope_ != PickleScope::kCheckpoint) break;
      if (known.module != module || known.name != name) continue;
      return PushNumber(Kind::kName, static_cast<int64_t>(known.meaning));
    }
    Refuse(absl::StrCat(
        "found the name ", Quoted(absl::StrCat(module, ".", name)),
        ", expected none but those of tensors, storages and "
        "ordered dictionaries",
        scope_ == PickleScope::kCheckpoint ? ", and of a checkpoint's settings"
                                           : "",
        "; nothing is ever called"));
  }

  // A name and its arguments.
  void Reduce(int32_t name, int32_t arguments) {
    if (!error_.ok()) return;
    if (!Is(name, Kind::kName) || !Is(arguments, Kind::kTuple)) {
      return Fail(absl::StrCat("found a call of ", pickle_.Shown(name),
                               " with ", pickle_.Shown(arguments),
                               ", expected a name and a tuple"));
    }
    const std::vector<int32_t>& items = pickle_[arguments].items;
    if (IsName(name, PickleName::kOrderedDict)) return MakeDict(items);
    if (IsName(name, PickleName::kRebuildTensor)) return MakeTensor(items);
    if (IsClass(name)) return PushObject(name);
    if (IsName(name, PickleName::kRebuildParameter) && !items.empty() &&
        Is(items[0], Kind::kTensor)) {
      return Push(items[0]);
    }
    Fail("found a call that makes no tensor, expected one that does");
  }

  // Without arguments, or (Python 2) with a list of pairs.
  void MakeDict(const std::vector<int32_t>& arguments) {
    std::vector<int32_t> items;
    bool valid = arguments.size() <= 1;
    if (arguments.size() == 1) {
      for (int32_t pair : pickle_[arguments[0]].items) {
        const std::vector<int32_t>& both = pickle_[pair].items;
        valid = valid && both.size() == 2;
        items.insert(items.end(), both.begin(), both.end());
        // The one instruction that copies: a list may be named again and again.
        if (!valid || ++copied_pairs_ > kMaxValues) break;
      }
      if (copied_pairs_ > kMaxValues) {
        return Refuse("found too many pairs, expected those of tensors");
      }
    }
    if (!valid) return Fail("found a dictionary of what is no list of pairs");
    PushItems(Kind::kDict, std::move(items));
  }

  bool IsTupleOfInts(int32_t value) const {
    const std::vector<int32_t>& items = pickle_[value].items;
    return Is(value, Kind::kTuple) &&
           std::all_of(items.begin(), items.end(),
                       [&](int32_t item) { return Is(item, Kind::kInt); });
  }

  // Storage, offset, shape and strides; what follows is for training.
  void MakeTensor(const std::vector<int32_t>& arguments) {
    if (arguments.size() < 4 || !Is(arguments[0], Kind::kStorage) ||
        !Is(arguments[1], Kind::kInt) || !IsTupleOfInts(arguments[2]) ||
        !IsTupleOfInts(arguments[3]) ||
        pickle_[arguments[2]].items.size() !=
            pickle_[arguments[3]].items.size()) {
      return Fail(
          "found a tensor of other arguments, expected its storage, offset, "
          "shape and as many strides");
    }
    PushItems(Kind::kTensor, {arguments.begin(), arguments.begin() + 4});
  }

  const absl::string_view bytes_;
  ByteCursor cursor_;
  const std::string& path_;
  const PickleScope scope_;
  Pickle pickle_;
  int32_t none_ = 0;
  std::vector<int32_t> stack_;
  std::vector<size_t> marks_;
  std::vector<int32_t> memo_;
  size_t copied_pairs_ = 0;
  bool stopped_ = false;
  absl::Status error_;
};

}  // namespace

std::string Pickle::Shown(int32_t index) const {
  const PickleValue& value = values[index];
  switch (value.kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return value.number != 0 ? "True" : "False";
    case Kind::kInt:
      return absl::StrCat("the number ", value.number);
    case Kind::kFloat:
      return absl::StrCat("the number ", value.real);
    case Kind::kText:
      return absl::StrCat("the text ", Quoted(value.text));
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dictionary";
    case Kind::kName:
      return "a name";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
    case Kind::kObject:
      return "an object";
  }
  return "";
}

absl::StatusOr<Pickle> TakePickle(absl::string_view& bytes,
                                  const std::string& path, PickleScope scope) {
  // A stream may go on with gigabytes of tensors.
  Interpreter interpreter(bytes.substr(0, kMaxBytes), path, scope);
  PEREGRINE_RETURN_IF_ERROR(interpreter.Run());
  bytes.remove_prefix(interpreter.length());
  return interpreter.Take();
}

}  // namespace peregrine::formats
