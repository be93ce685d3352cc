#include "engine/model/shortlist.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {
namespace {

absl::Status Invalid(const std::string& path, absl::string_view field,
                     int64_t found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": ", field, ": found ", found, ", expected ", expected));
}

absl::Status CheckTokens(const std::string& path, absl::string_view field,
                         const std::vector<int32_t>& tokens, int vocab_size) {
  for (int32_t token : tokens) {
    if (token < 0 || token >= vocab_size) {
      return Invalid(path, field, token, absl::StrCat("0 to ", vocab_size - 1));
    }
  }
  return absl::OkStatus();
}

// Rising, each once.
void SortOnce(std::vector<int32_t>& tokens) {
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Shortlist>> Shortlist::Create(
    Lists lists, int source_vocab_size, int target_vocab_size,
    const std::string& path) {
  const std::vector<int32_t>& offsets = lists.offsets;
  if (offsets.size() != static_cast<size_t>(source_vocab_size) + 1) {
    return Invalid(path, "number of offsets", offsets.size(),
                   absl::StrCat(source_vocab_size + 1));
  }
  const auto num_targets = static_cast<int32_t>(lists.targets.size());
  if (offsets.front() != 0 || offsets.back() != num_targets ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": offsets: found ", offsets.front(), " to ", offsets.back(),
        ", expected to rise from 0 to the number of targets, ", num_targets));
  }
  PEREGRINE_RETURN_IF_ERROR(CheckTokens(path, "token of every list",
                                        lists.always, target_vocab_size));
  PEREGRINE_RETURN_IF_ERROR(
      CheckTokens(path, "target token", lists.targets, target_vocab_size));
  return absl::WrapUnique<const Shortlist>(new Shortlist(std::move(lists)));
}

void Shortlist::TargetsOf(absl::Span<const int32_t> source,
                          absl::Span<const int32_t> added,
                          std::vector<int32_t>& targets) const {
  targets.assign(lists_.always.begin(), lists_.always.end());
  for (int32_t token : source) {
    targets.insert(targets.end(),
                   lists_.targets.begin() + lists_.offsets[token],
                   lists_.targets.begin() + lists_.offsets[token + 1]);
  }
  SortOnce(targets);
  Fill(targets);
  targets.insert(targets.end(), added.begin(), added.end());
  SortOnce(targets);
}

// `targets` are rising when it begins, and not when it ends.
void Shortlist::Fill(std::vector<int32_t>& targets) const {
  const size_t found = targets.size();
  const auto multiple = static_cast<size_t>(lists_.multiple);
  const size_t wanted = (found + multiple - 1) / multiple * multiple;
  for (int32_t token = lists_.fill_begin;
       token < lists_.fill_end && targets.size() < wanted; ++token) {
    if (!std::binary_search(targets.begin(),
                            targets.begin() + static_cast<ptrdiff_t>(found),
                            token)) {
      targets.push_back(token);
    }
  }
}

}  // namespace peregrine::model
