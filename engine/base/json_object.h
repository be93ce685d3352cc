#ifndef PEREGRINE_ENGINE_BASE_JSON_OBJECT_H_
#define PEREGRINE_ENGINE_BASE_JSON_OBJECT_H_

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace peregrine {

using Json = nlohmann::json;

// As JSON, for errors: cut off after some 80 characters.
std::string Shown(const Json& value);

// INVALID_ARGUMENT: not JSON, or more than 32 levels of it; the error names
// `path`.
absl::StatusOr<Json> ParseJson(absl::string_view text, const std::string& path);

// As ReadFile of file.h, then ParseJson.
absl::StatusOr<Json> ReadJson(const std::string& path, size_t max_bytes,
                              absl::string_view expected);

// Reads the fields of one JSON object, remembers the first error and which
// fields were asked for, so that the parsing code reads like the format. After
// an error the getters return something harmless. Errors name the file, the
// field, what was found and what was expected. `object` must outlive it.
class JsonObjectReader {
 public:
  JsonObjectReader(const Json& object, std::string file, std::string prefix);

  int Int(const char* name, int min, int max);
  int Int(const char* name, int min, int max, int absent);
  float Float(const char* name, float min, float max);
  float Float(const char* name, float min, float max, float absent);
  bool Bool(const char* name);
  bool Bool(const char* name, bool absent);
  std::string String(const char* name);
  std::string String(const char* name, absl::string_view absent);

  // Token ids from 0 to vocab_size - 1.
  std::vector<int32_t> Ids(const char* name, int vocab_size,
                           std::vector<int32_t> absent, bool required);

  // Absent: none.
  std::vector<std::string> Strings(const char* name);

  // One of the names of `values`; the second where there is no such field.
  template <typename Enum>
  using Choices = std::initializer_list<std::pair<const char*, Enum>>;
  template <typename Enum>
  Enum Choice(const char* name, Choices<Enum> values) {
    const Json* value = Find(name, /*required=*/true);
    return value ? ToChoice(name, *value, values) : values.begin()->second;
  }
  template <typename Enum>
  Enum Choice(const char* name, Choices<Enum> values, Enum absent) {
    const Json* value = Find(name, /*required=*/false);
    return value ? ToChoice(name, *value, values) : absent;
  }

  bool Has(const char* name) const {
    return object_.is_object() && object_.contains(name);
  }

  // A reader that starts with the errors of this one.
  JsonObjectReader Object(const char* name);

  void FailField(const char* name, absl::string_view message);

  // The first error.
  const absl::Status& status() const { return status_; }

  // The first error, or one for fields that nothing asked for.
  absl::Status Finish();

 private:
  std::string Path(absl::string_view name) const;
  void Fail(absl::string_view message);
  void FailField(const char* name, const Json& found,
                 absl::string_view expected);
  const Json* Find(const char* name, bool required);
  int ToInt(const Json& value, const char* name, int min, int max);
  float ToFloat(const Json& value, const char* name, float min, float max);
  bool ToBool(const Json& value, const char* name);
  std::string ToString(const Json& value, const char* name);

  template <typename Enum>
  Enum ToChoice(const char* name, const Json& value, Choices<Enum> values) {
    for (const auto& [spelling, choice] : values) {
      if (value == spelling) return choice;
    }
    FailField(
        name, value,
        absl::StrJoin(values, ", ", [](std::string* out, const auto& choice) {
          absl::StrAppend(out, "\"", choice.first, "\"");
        }));
    return values.begin()->second;
  }

  const Json& object_;
  const std::string file_;
  const std::string prefix_;
  std::set<std::string> asked_;
  absl::Status status_;
};

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_JSON_OBJECT_H_
