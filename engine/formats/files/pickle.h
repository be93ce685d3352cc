#ifndef PEREGRINE_ENGINE_FORMATS_FILES_PICKLE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_PICKLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::formats {

// The language of Python's pickle module, as far as files of tensors need it:
// numbers, texts, tuples, lists, dictionaries, and the names of PyTorch that
// stand for a tensor and its storage. A pickle may name any function of Python
// and have it called. Here nothing is ever called: a name that is not in the
// list of pickle.cc is an error that says the name.

// One value. Values refer to others by their index, so that those that occur
// twice, or in themselves, are there once.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,
    kTuple,
    kList,
    kDict,     // `items` are keys and values in turn
    kName,     // a known name: `number` is a PickleName
    kStorage,  // `items[0]` is the tuple that says which
    kTensor,   // `items` are storage, offset, shape, strides
    kObject,   // of a class that `number`, a PickleName, tells; `items[0]` is
               // its attributes, if it has some
  };
  Kind kind = Kind::kNone;
  int64_t number = 0;  // kBool, kInt, kName
  double real = 0.0;   // kFloat
  absl::string_view text;
  std::vector<int32_t> items;
};

enum class PickleName {
  kOrderedDict,
  kRebuildTensor,
  kRebuildParameter,
  kFloatStorage,
  kDoubleStorage,
  kHalfStorage,
  kBFloat16Storage,
  kCharStorage,
  kShortStorage,
  kIntStorage,
  kLongStorage,
  kByteStorage,
  kBoolStorage,
  kNamespace,   // kCheckpoint only: settings, argparse.Namespace
  kPassedOver,  // kCheckpoint only: what training leaves, and nobody looks at
};

// Which names a pickle may have: those of tensors; or also what checkpoints of
// toolkits have beside them. None of these is called either.
enum class PickleScope { kTensors, kCheckpoint };

// What one pickle says. Views point into the bytes that were read.
struct Pickle {
  std::vector<PickleValue> values;
  int32_t root = 0;

  const PickleValue& operator[](int32_t index) const { return values[index]; }
  const PickleValue& top() const { return values[root]; }
  // For errors: "a list", "the text \"x\"".
  std::string Shown(int32_t index) const;
};

// Runs one pickle and takes it off the front of `bytes`. Time and memory are
// bounded by its length, of which there is a limit. INVALID_ARGUMENT: damaged;
// UNIMPLEMENTED: it names or does what a file of tensors does not. Errors begin
// with `path` and say at which byte.
absl::StatusOr<Pickle> TakePickle(absl::string_view& bytes,
                                  const std::string& path,
                                  PickleScope scope = PickleScope::kTensors);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_PICKLE_H_
