#include "engine/formats/torch_checkpoints/settings.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace peregrine::formats {
namespace {

using Kind = PickleValue::Kind;

}  // namespace

Settings::Settings(const Pickle& pickle, int32_t value, const std::string& path)
    : pickle_(pickle), path_(path) {
  const PickleValue* found = value < 0 ? nullptr : &pickle[value];
  const bool is_namespace =
      found != nullptr && found->kind == Kind::kObject &&
      found->number == static_cast<int64_t>(PickleName::kNamespace) &&
      !found->items.empty();
  if (is_namespace) found = &pickle[found->items[0]];
  if (found != nullptr && found->kind == Kind::kDict) fields_ = found;
}

// Of several of one name the last counts.
int32_t Settings::Find(absl::string_view name) const {
  if (fields_ == nullptr) return -1;
  for (size_t i = fields_->items.size(); i >= 2; i -= 2) {
    const PickleValue& key = pickle_[fields_->items[i - 2]];
    if (key.kind == Kind::kText && key.text == name) {
      return fields_->items[i - 1];
    }
  }
  return -1;
}

Settings Settings::At(absl::string_view name) const {
  return Settings(pickle_, Find(name), path_);
}

bool Settings::IsTrue(absl::string_view name) const {
  const int32_t found = Find(name);
  if (found < 0) return false;
  const PickleValue& value = pickle_[found];
  switch (value.kind) {
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.number != 0;
    case Kind::kFloat:
      return value.real != 0.0;
    case Kind::kText:
      return !value.text.empty();
    case Kind::kTuple:
    case Kind::kList:
    case Kind::kDict:
      return !value.items.empty();
    case Kind::kName:
    case Kind::kStorage:
    case Kind::kTensor:
    case Kind::kObject:
      return true;
  }
  return true;
}

int Settings::Int(absl::string_view name, int absent) const {
  const int32_t found = Find(name);
  if (found < 0) return absent;
  const PickleValue& value = pickle_[found];
  if (value.kind != Kind::kInt || value.number == 0 ||
      value.number < std::numeric_limits<int>::min() ||
      value.number > std::numeric_limits<int>::max()) {
    return absent;
  }
  return static_cast<int>(value.number);
}

double Settings::Real(absl::string_view name, double absent) const {
  const int32_t found = Find(name);
  const bool is_real = found >= 0 && pickle_[found].kind == Kind::kFloat &&
                       pickle_[found].real != 0.0;
  return is_real ? pickle_[found].real : absent;
}

std::string Settings::Text(absl::string_view name,
                           absl::string_view absent) const {
  const int32_t found = Find(name);
  const bool is_text = found >= 0 && pickle_[found].kind == Kind::kText &&
                       !pickle_[found].text.empty();
  return std::string(is_text ? pickle_[found].text : absent);
}

bool Settings::Texts(absl::string_view name,
                     std::vector<std::string>& texts) const {
  const int32_t found = Find(name);
  if (found < 0 || (pickle_[found].kind != Kind::kList &&
                    pickle_[found].kind != Kind::kTuple)) {
    return false;
  }
  for (int32_t item : pickle_[found].items) {
    if (pickle_[item].kind != Kind::kText) return false;
    texts.emplace_back(pickle_[item].text);
  }
  return true;
}

absl::Status Settings::Error(absl::string_view name,
                             absl::string_view expected) const {
  const int32_t found = Find(name);
  return absl::UnimplementedError(absl::StrCat(
      path_, ": ", name, ": found ",
      found < 0 ? "nothing" : pickle_.Shown(found), ", expected ", expected));
}

}  // namespace peregrine::formats
