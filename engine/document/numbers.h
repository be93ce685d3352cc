#ifndef PEREGRINE_ENGINE_DOCUMENT_NUMBERS_H_
#define PEREGRINE_ENGINE_DOCUMENT_NUMBERS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "engine/document/span.h"

namespace peregrine::document {

// How the numbers of a translation are written.
enum class NumberFormat {
  kEither,  // as the model writes them, or as in the source
  kSource,  // as in the source, byte for byte
  kTarget,  // with the separators of the target language
};

// The digits of a number, without separators.
std::string DigitsOf(absl::string_view number);

// Whether `target` is the number `source`, in other separators perhaps:
// "3,450.75" is "3.450,75" and "3450,75", but neither "3.450.75" nor "345075".
// A sign may be added, but not lost.
bool SameNumber(absl::string_view source, absl::string_view target);

// "$9.99", "5 €": numbers with the sign of a currency beside them. In order,
// none overlapping another.
std::vector<Span> FindAmounts(absl::string_view text);

// Numbers that models rarely copy without a mistake: with several separators,
// long ones, and such as name something (telephones, accounts, hashes, times of
// logs). In order, none overlapping another.
std::vector<Span> FindLongNumbers(absl::string_view text);

// A short number for the model to see instead of a long one: none of
// `taken`, to which it is added; of two digits while there are some.
std::string StandIn(absl::flat_hash_set<std::string>* taken);

// Every run of digits in `text`.
absl::flat_hash_set<std::string> DigitRuns(absl::string_view text);

// `number` with the separators of another language, where it is written as
// numbers of its own are: "1,234.5" of "en" is "1.234,5" in "de". Other numbers
// (dates, times) and languages that are not known: as it is.
std::string InLanguage(absl::string_view number, absl::string_view from,
                       absl::string_view to);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_NUMBERS_H_
