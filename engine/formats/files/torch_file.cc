#include "engine/formats/files/torch_file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"
#include "engine/formats/files/zip_archive.h"

namespace peregrine::formats {
namespace {

using Kind = PickleValue::Kind;

constexpr absl::string_view kArchiveBegin = "PK\x03\x04";
// The pickle of the number 0x1950a86a20f9469cfc6c, after its protocol.
constexpr absl::string_view kStreamMagic =
    "\x8a\nl\xfc\x9c"
    "F\xf9 j\xa8P\x19.";
constexpr char kProtocol = '\x80';
constexpr int64_t kStreamVersion = 1001;
// Tied tensors share a storage; more often than that nothing does.
constexpr uint64_t kMaxSharing = 16;
constexpr size_t kMaxNamesInError = 5;

struct StorageType {
  PickleName name;
  ElementType type;
  absl::string_view type_name;
  uint64_t bytes;
};

constexpr StorageType kStorageTypes[] = {
    {PickleName::kFloatStorage, ElementType::kFloat32, "float32", 4},
    {PickleName::kDoubleStorage, ElementType::kFloat64, "float64", 8},
    {PickleName::kHalfStorage, ElementType::kFloat16, "float16", 2},
    {PickleName::kBFloat16Storage, ElementType::kBFloat16, "bfloat16", 2},
    {PickleName::kCharStorage, ElementType::kInt8, "int8", 1},
    {PickleName::kShortStorage, ElementType::kInt16, "int16", 2},
    {PickleName::kIntStorage, ElementType::kInt32, "int32", 4},
    {PickleName::kLongStorage, ElementType::kOther, "int64", 8},
    {PickleName::kByteStorage, ElementType::kOther, "uint8", 1},
    {PickleName::kBoolStorage, ElementType::kOther, "bool", 1},
};

const StorageType* FindType(const PickleValue& value) {
  if (value.kind != Kind::kName) return nullptr;
  for (const StorageType& type : kStorageTypes) {
    if (value.number == static_cast<int64_t>(type.name)) return &type;
  }
  return nullptr;
}

uint64_t WidthOf(absl::string_view type_name) {
  for (const StorageType& type : kStorageTypes) {
    if (type.type_name == type_name) return type.bytes;
  }
  return 0;
}

bool IsRowMajor(const std::vector<int64_t>& shape,
                const std::vector<int64_t>& strides) {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

std::vector<int64_t> Ints(const Pickle& pickle, int32_t tuple) {
  std::vector<int64_t> numbers;
  for (int32_t item : pickle[tuple].items) {
    numbers.push_back(pickle[item].number);
  }
  return numbers;
}

// "args, epoch, model, ...", for errors.
std::string KeysOf(const Pickle& pickle, const PickleValue& dict) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const PickleValue& key = pickle[dict.items[i]];
    if (keys.size() == kMaxNamesInError) {
      keys.emplace_back("...");
      break;
    }
    keys.push_back(key.kind == Kind::kText ? std::string(key.text)
                                           : pickle.Shown(dict.items[i]));
  }
  return keys.empty() ? "nothing" : absl::StrJoin(keys, ", ");
}

}  // namespace

bool TorchFile::IsOne(absl::string_view bytes) {
  if (absl::StartsWith(bytes, kArchiveBegin)) return true;
  return bytes.size() > 2 && bytes[0] == kProtocol &&
         absl::StartsWith(bytes.substr(2), kStreamMagic);
}

absl::StatusOr<std::unique_ptr<TorchFile>> TorchFile::Open(
    const std::string& path) {
  return Open(path, PickleScope::kTensors, {});
}

absl::StatusOr<std::unique_ptr<TorchFile>> TorchFile::OpenCheckpoint(
    const std::string& path, std::vector<Group> groups) {
  return Open(path, PickleScope::kCheckpoint, std::move(groups));
}

absl::StatusOr<std::unique_ptr<TorchFile>> TorchFile::Open(
    const std::string& path, PickleScope scope, std::vector<Group> groups) {
  PEREGRINE_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  std::unique_ptr<TorchFile> file(new TorchFile(std::move(mapped)));
  file->scope_ = scope;
  file->groups_ = std::move(groups);
  if (!IsOne(file->bytes())) {
    return file->Error("found no file of torch.save, expected one");
  }
  PEREGRINE_RETURN_IF_ERROR(absl::StartsWith(file->bytes(), kArchiveBegin)
                                ? file->ParseArchive()
                                : file->ParseStream());
  return file;
}

absl::Status TorchFile::ParseArchive() {
  PEREGRINE_ASSIGN_OR_RETURN(const ZipArchive archive,
                             ZipArchive::Open(bytes(), path()));
  constexpr absl::string_view kPickle = "/data.pkl";
  std::string folder;
  for (const auto& [name, content] : archive.members()) {
    if (absl::EndsWith(name, kPickle)) {
      folder = std::string(absl::StripSuffix(name, kPickle)) + "/";
      break;
    }
  }
  const auto member = [&](absl::string_view name) {
    const auto found = archive.members().find(absl::StrCat(folder, name));
    return found == archive.members().end() ? absl::string_view()
                                            : found->second.bytes;
  };
  if (folder.empty()) {
    return Error(
        "found an archive without data.pkl, expected that of a file "
        "of torch.save");
  }
  if (!member("constants.pkl").empty()) {
    return absl::UnimplementedError(absl::StrCat(
        path(),
        ": found a TorchScript program, expected tensors alone: the "
        "file of torch.save(model.state_dict())"));
  }
  is_big_endian_ = member("byteorder") == "big";
  absl::string_view rest = member("data.pkl");
  PEREGRINE_ASSIGN_OR_RETURN(Pickle pickle, TakePickle(rest, path(), scope_));
  const std::string data = folder + "data/";
  for (const auto& [name, content] : archive.members()) {
    if (absl::StartsWith(name, data)) {
      storages_[name.substr(data.size())] = content.bytes;
    }
  }
  return TakeContent(std::move(pickle));
}

absl::Status TorchFile::TakeContent(Pickle pickle) {
  if (scope_ == PickleScope::kTensors) return AddTensors(pickle);
  content_ = std::move(pickle);
  return AddGroups(content_);
}

absl::Status TorchFile::ParseStream() {
  absl::string_view rest = bytes().substr(2 + kStreamMagic.size());
  PEREGRINE_ASSIGN_OR_RETURN(const Pickle version, TakePickle(rest, path()));
  if (version.top().kind != Kind::kInt ||
      version.top().number != kStreamVersion) {
    return Error(absl::StrCat("version: found ", version.Shown(version.root),
                              ", expected ", kStreamVersion));
  }
  // Of the machine that wrote it; what follows is little-endian in any case.
  PEREGRINE_RETURN_IF_ERROR(TakePickle(rest, path()).status());
  PEREGRINE_ASSIGN_OR_RETURN(Pickle pickle, TakePickle(rest, path(), scope_));
  PEREGRINE_ASSIGN_OR_RETURN(const Pickle keys, TakePickle(rest, path()));
  PEREGRINE_RETURN_IF_ERROR(TakeStorages(rest, keys, pickle));
  return TakeContent(std::move(pickle));
}

// Each storage is its number of elements and then these, in the order of
// `keys`.
absl::Status TorchFile::TakeStorages(absl::string_view bytes,
                                     const Pickle& keys, const Pickle& pickle) {
  std::map<std::string, uint64_t> widths;
  for (size_t i = 0; i < pickle.values.size(); ++i) {
    if (pickle.values[i].kind != Kind::kStorage) continue;
    PEREGRINE_ASSIGN_OR_RETURN(const Storage storage,
                               ReadStorage(pickle, static_cast<int32_t>(i)));
    widths[storage.key] = storage.element_bytes;
  }
  ByteCursor cursor(bytes);
  for (int32_t item : keys.top().items) {
    const std::string key(keys[item].text);
    const auto width = widths.find(key);
    if (width == widths.end()) {
      return Error(absl::StrCat("found a storage ", keys.Shown(item),
                                ", expected those of the tensors alone"));
    }
    const auto size = cursor.Number<uint64_t>();
    if (!cursor.ok() || size > cursor.left() / width->second) {
      return Error(absl::StrCat("storage ", key, ": found ", size,
                                " elements of ", width->second, " bytes and ",
                                cursor.left(),
                                " bytes, expected all of them; "
                                "the file is cut off"));
    }
    storages_[key] = cursor.Bytes(size * width->second);
  }
  if (cursor.left() == 0) return absl::OkStatus();
  return Error(absl::StrCat("found ", cursor.left(),
                            " bytes after the last storage, expected none"));
}

// ('storage', type, key, where it was, size, none or in streams a view of it)
absl::StatusOr<TorchFile::Storage> TorchFile::ReadStorage(const Pickle& pickle,
                                                          int32_t value) const {
  const auto bad = [&] {
    return Error(
        "found a storage of other fields, expected its type, key, "
        "place and size");
  };
  const PickleValue& tuple = pickle[pickle[value].items[0]];
  if (tuple.kind != Kind::kTuple || tuple.items.size() < 5) return bad();
  const auto field = [&](size_t i) -> const PickleValue& {
    return pickle[tuple.items[i]];
  };
  const StorageType* type = FindType(field(1));
  if (field(0).text != "storage" || type == nullptr ||
      field(2).kind != Kind::kText || field(4).kind != Kind::kInt ||
      field(4).number < 0) {
    return bad();
  }
  Storage storage;
  storage.type = type->type;
  storage.type_name = type->type_name;
  storage.element_bytes = type->bytes;
  storage.key = std::string(field(2).text);
  storage.size = storage.view_size = static_cast<uint64_t>(field(4).number);
  if (tuple.items.size() < 6 || field(5).kind == Kind::kNone) return storage;
  const std::vector<int32_t>& view = field(5).items;  // key, first, number
  if (view.size() != 3 || pickle[view[1]].kind != Kind::kInt ||
      pickle[view[2]].kind != Kind::kInt) {
    return bad();
  }
  const auto begin = static_cast<uint64_t>(pickle[view[1]].number);
  const auto size = static_cast<uint64_t>(pickle[view[2]].number);
  if (begin > storage.size || size > storage.size - begin) return bad();
  storage.view_begin = begin;
  storage.view_size = size;
  return storage;
}

absl::Status TorchFile::AddTensors(const Pickle& pickle) {
  const PickleValue& dict = pickle.top();
  const auto refuse = [&](absl::string_view found) {
    return absl::UnimplementedError(
        absl::StrCat(path(), ": found ", found,
                     ", expected a dictionary of tensors, as "
                     "torch.save(model.state_dict()) writes it"));
  };
  if (dict.kind != Kind::kDict) return refuse(pickle.Shown(pickle.root));
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const PickleValue& key = pickle[dict.items[i]];
    if (pickle[dict.items[i + 1]].kind != Kind::kTensor) continue;
    if (key.kind != Kind::kText) {
      return refuse("a tensor without a name");
    }
    PEREGRINE_RETURN_IF_ERROR(
        AddTensor(std::string(key.text), pickle, dict.items[i + 1]));
  }
  if (!tensors().empty()) return absl::OkStatus();
  return refuse(absl::StrCat("a dictionary of ", KeysOf(pickle, dict),
                             " without tensors"));
}

absl::Status TorchFile::AddGroups(const Pickle& pickle) {
  const PickleValue& all = pickle.top();
  for (size_t i = 0; all.kind == Kind::kDict && i < all.items.size(); i += 2) {
    const auto group = std::find_if(
        groups_.begin(), groups_.end(),
        [&](const Group& one) { return one.key == pickle[all.items[i]].text; });
    if (group == groups_.end()) continue;
    const PickleValue& dict = pickle[all.items[i + 1]];
    if (dict.kind != Kind::kDict) continue;
    for (size_t j = 0; j < dict.items.size(); j += 2) {
      const PickleValue& name = pickle[dict.items[j]];
      if (pickle[dict.items[j + 1]].kind != Kind::kTensor ||
          name.kind != Kind::kText) {
        continue;
      }
      PEREGRINE_RETURN_IF_ERROR(AddTensor(
          absl::StrCat(group->prefix, name.text), pickle, dict.items[j + 1]));
    }
  }
  return absl::OkStatus();
}

absl::Status TorchFile::AddTensor(const std::string& name, const Pickle& pickle,
                                  int32_t value) {
  const std::vector<int32_t>& fields = pickle[value].items;
  PEREGRINE_ASSIGN_OR_RETURN(const Storage storage,
                             ReadStorage(pickle, fields[0]));
  const auto found = storages_.find(storage.key);
  const absl::string_view all =
      found == storages_.end() ? absl::string_view() : found->second;
  if (found == storages_.end() ||
      storage.size > all.size() / storage.element_bytes) {
    return TensorError(name,
                       absl::StrCat("found ", all.size(), " bytes in storage ",
                                    storage.key, ", expected ", storage.size,
                                    " elements of ", storage.element_bytes));
  }
  const absl::string_view view =
      all.substr(storage.view_begin * storage.element_bytes,
                 storage.view_size * storage.element_bytes);
  const int64_t offset = pickle[fields[1]].number;
  if (offset < 0 || static_cast<uint64_t>(offset) > storage.view_size) {
    return TensorError(name,
                       absl::StrCat("found its begin at element ", offset,
                                    ", expected one of the ", storage.view_size,
                                    " of its storage"));
  }
  return AddView(name, storage, view, static_cast<uint64_t>(offset),
                 Ints(pickle, fields[2]), Ints(pickle, fields[3]));
}

absl::Status TorchFile::AddView(const std::string& name, const Storage& storage,
                                absl::string_view bytes, uint64_t offset,
                                const std::vector<int64_t>& shape,
                                const std::vector<int64_t>& strides) {
  const uint64_t width = storage.element_bytes;
  const auto left = static_cast<int64_t>(bytes.size() / width - offset);
  const int64_t elements = model::NumElements(shape);
  // An element stands once in a storage: else a byte could be gigabytes.
  bool fits =
      shape.size() <= kMaxDimensions && elements >= 0 && elements <= left;
  int64_t last = elements == 0 ? -1 : 0;
  for (size_t i = 0; fits && elements > 0 && i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    fits = strides[i] >= 0 && strides[i] <= left / (shape[i] - 1);
    if (fits) last += (shape[i] - 1) * strides[i];
    fits = fits && last < left;
  }
  if (!fits) {
    return TensorError(
        name, absl::StrCat("found shape ", model::ShapeString(shape),
                           " in strides of ", model::ShapeString(strides),
                           ", expected elements that are once in the ", left,
                           " that its storage has from its begin"));
  }
  tensor_bytes_ += static_cast<uint64_t>(elements) * width;
  if (tensor_bytes_ / kMaxSharing > this->bytes().size()) {
    return TensorError(
        name,
        absl::StrCat("found tensors of ", tensor_bytes_, " bytes in a file of ",
                     this->bytes().size(), ", expected fewer that share"));
  }
  StoredTensor tensor;
  tensor.type = storage.type;
  tensor.type_name = std::string(storage.type_name);
  tensor.shape = shape;
  tensor.bytes = bytes.substr(offset * width);
  if (IsRowMajor(shape, strides)) {
    tensor.bytes =
        tensor.bytes.substr(0, static_cast<uint64_t>(elements) * width);
  } else {
    strides_[name] = strides;
  }
  return Add(name, std::move(tensor));
}

std::string TorchFile::Layout(const std::string& name) const {
  const auto strides = strides_.find(name);
  return absl::StrCat(
      is_big_endian_ ? "big-endian" : "",
      strides == strides_.end() ? "" : model::ShapeString(strides->second));
}

bool TorchFile::IsPlain(const std::string& name,
                        const StoredTensor& /*tensor*/) const {
  return strides_.count(name) == 0 && !is_big_endian_;
}

absl::StatusOr<std::vector<float>> TorchFile::Values(
    const std::string& name, const StoredTensor& tensor) {
  if (tensor.type == ElementType::kOther) {
    return TensorError(name,
                       absl::StrCat("found elements of ", tensor.type_name,
                                    ", expected floating-point numbers"));
  }
  const auto strides = strides_.find(name);
  if (IsPlain(name, tensor)) return StoredValues(tensor);

  // Row by row, and little-endian.
  const size_t width = WidthOf(tensor.type_name);
  const auto count = static_cast<size_t>(model::NumElements(tensor.shape));
  std::string ordered;
  ordered.reserve(count * width);
  std::vector<int64_t> place(tensor.shape.size(), 0);
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    std::string element(tensor.bytes.substr(
        (strides == strides_.end() ? i : at) * width, width));
    if (is_big_endian_) std::reverse(element.begin(), element.end());
    ordered += element;
    if (strides == strides_.end()) continue;
    for (size_t d = place.size(); d-- > 0;) {
      at += static_cast<size_t>(strides->second[d]);
      if (++place[d] < tensor.shape[d]) break;
      at -= static_cast<size_t>(strides->second[d] * tensor.shape[d]);
      place[d] = 0;
    }
  }
  StoredTensor copy = tensor;
  copy.bytes = ordered;
  return StoredValues(copy);
}

}  // namespace peregrine::formats
