#ifndef PEREGRINE_ENGINE_DOCUMENT_REPAIR_STATE_H_
#define PEREGRINE_ENGINE_DOCUMENT_REPAIR_STATE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/kept_repair.h"

namespace peregrine::document {

// A translation while it is mended: which of its units stand for something of
// the source already, by words or by numbers.
class RepairState {
 public:
  // The first `given_bytes` bytes stay as they are.
  RepairState(const Segment& segment, const UnitAlignment& alignment,
              size_t given_bytes, TargetUnits* target);

  const Segment& segment() const { return segment_; }
  const UnitAlignment& alignment() const { return alignment_; }
  const TargetUnits& target() const { return target_; }
  const std::string& text() const { return text_; }  // as it came
  absl::string_view Slice(const ByteRange& range) const {
    return absl::string_view(text_).substr(range.begin, range.size());
  }

  // Bytes of text() to units, and whether they are whole units.
  UnitRange UnitsOf(const ByteRange& range) const;
  bool AreWholeUnits(const ByteRange& range) const;
  UnitRange SourceOf(const Kept& kept) const;
  // How much of the unit that begins `units` comes from `kept`.
  float Mass(UnitRange units, const Kept& kept) const;

  // Neither given, kept nor replaced.
  bool IsFree(UnitRange units) const;
  // More than punctuation.
  bool HasWord(UnitRange units) const;
  // Begins where nothing is changed.
  bool IsGiven(UnitRange units) const { return units.begin < num_given_; }
  bool IsReplaced(UnitRange units) const;
  bool IsTaken(const ByteRange& range) const;

  // So that no other takes it for its own; false: another has.
  bool Take(const ByteRange& range);
  void Keep(UnitRange units);
  // `text` instead of these, which are not none.
  void Replace(UnitRange units, absl::string_view text);
  // They are gone; the words on either side of them do not become one.
  void Drop(UnitRange units);
  // Likewise, of bytes: what else stands in the same units stays.
  void ReplaceBytes(const ByteRange& range, absl::string_view text);
  // A comma in this gap, if two numbers with a space between would become one.
  void SeparateNumbers(size_t gap);
  // A space in this gap, where nothing is.
  void Separate(size_t gap);
  // Where the words are that came from it, or beside its neighbours.
  void Mend(const Kept& kept);

  void NumbersDiffer() { result_.numbers_differ = true; }
  KeptRepair TakeResult() { return std::move(result_); }

 private:
  // Nothing is put between these.
  void Close(UnitRange units);
  void SetGap(size_t gap, absl::string_view text);

  const Segment& segment_;
  const UnitAlignment& alignment_;
  TargetUnits& target_;
  const size_t num_given_;  // units
  const std::string text_;
  std::vector<ByteRange> ranges_;  // of its units
  std::vector<ByteRange> taken_;   // of it, by words
  std::vector<bool> kept_;         // units that have something of the source
  std::vector<bool> replaced_;     // units that came from it later
  KeptRepair result_;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_REPAIR_STATE_H_
