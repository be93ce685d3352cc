#include "engine/document/assemble.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/target_units.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::FirstCharacter;
using text::LastCharacter;

// Something that stands between units, or encloses some.
struct Item {
  const Insert* insert = nullptr;  // null: a kept text that was missing
  const Insert* close = nullptr;   // of a pair that ends in this segment
  std::string text;                // of a span or white space
  bool emits_open = false;
};

// The tree of what was set aside, from the flat list with its pairs.
class TreeBuilder {
 public:
  TreeBuilder(const Segment& segment, const UnitAlignment& alignment,
              std::vector<Item>* items)
      : segment_(segment), alignment_(alignment), items_(*items) {}

  std::vector<Node> Build() {
    std::vector<Node> roots;
    std::vector<Node> open;  // those that are not closed yet
    const auto add = [&](Node node) {
      (open.empty() ? roots : open.back().children).push_back(std::move(node));
    };
    for (const Insert& insert : segment_.inserts) {
      const size_t gap = GapAt(alignment_.source(), insert.at);
      if (insert.kind == Insert::Kind::kOpen) {
        Node node = MakeNode(insert, gap);
        node.is_point = false;
        items_[node.id].emits_open = true;
        open.push_back(std::move(node));
      } else if (insert.kind == Insert::Kind::kClose) {
        if (open.empty()) {
          // It was opened before this segment: all so far is inside.
          Node node = MakeNode(insert, 0);
          node.is_point = false;
          node.open_in_front = true;
          node.source = {0, EndGap(insert.at)};
          node.children = std::move(roots);
          items_[node.id].close = &insert;
          items_[node.id].insert = nullptr;
          roots.clear();
          roots.push_back(std::move(node));
          continue;
        }
        Node node = std::move(open.back());
        open.pop_back();
        node.source.end = EndGap(insert.at);
        items_[node.id].close = &insert;
        add(std::move(node));
      } else {
        add(MakeNode(insert, gap));
      }
    }
    while (!open.empty()) {
      Node node = std::move(open.back());
      open.pop_back();
      node.source.end = alignment_.source().size();
      node.open_behind = true;
      add(std::move(node));
    }
    return roots;
  }

 private:
  // A tag that ends inside a word ends behind it.
  size_t EndGap(size_t at) const {
    const std::vector<ByteRange>& units = alignment_.source();
    size_t gap = GapAt(units, at);
    if (gap < units.size() && units[gap].begin < at) ++gap;
    return gap;
  }

  Node MakeNode(const Insert& insert, size_t gap) {
    Node node;
    node.source = {gap, gap};
    node.is_point = true;
    // Not where a span went together with the space in front of it.
    node.wants_space = insert.kind == Insert::Kind::kSpace &&
                       insert.at < segment_.shown.size() &&
                       segment_.shown[insert.at] == ' ';
    node.id = items_.size();
    Item item;
    item.insert = &insert;
    item.text = insert.text;
    items_.push_back(std::move(item));
    return node;
  }

  const Segment& segment_;
  const UnitAlignment& alignment_;
  std::vector<Item>& items_;
};

bool IsClosing(absl::string_view text) {
  const int32_t c = FirstCharacter(text).code_point;
  if (c < 0 || !u_ispunct(c)) return false;
  const int8_t type = u_charType(c);
  return type != U_START_PUNCTUATION && type != U_INITIAL_PUNCTUATION &&
         c != '-' && c != 0xBF && c != 0xA1;
}

bool StartsWithWord(absl::string_view word) {
  const int32_t c = FirstCharacter(word).code_point;
  return text::IsLetter(c) || text::IsDigit(c);
}

bool IsOpening(absl::string_view text) {
  const int32_t c = LastCharacter(text).code_point;
  if (c < 0) return false;
  const int8_t type = u_charType(c);
  return type == U_START_PUNCTUATION || type == U_INITIAL_PUNCTUATION ||
         c == 0x201E || c == 0x201A || c == 0xBF || c == 0xA1;
}

// Puts units, spans, white space and tags in a row.
class Writer {
 public:
  Writer(const TargetUnits& target, const std::vector<Item>& items,
         AssembledSegment* out)
      : target_(target), items_(items), out_(*out) {}

  void Write(std::vector<Node>& nodes) {
    gap_ = target_.gaps[0];
    WriteRange(nodes, 0, target_.units.size());
    // White space behind the last unit.
    if (behind_point_) {
      gap_.clear();
    }
    AddText(gap_);
  }

 private:
  void WriteRange(std::vector<Node>& nodes, size_t begin, size_t end) {
    std::stable_sort(nodes.begin(), nodes.end(),
                     [](const Node& a, const Node& b) {
                       if (a.target.begin != b.target.begin) {
                         return a.target.begin < b.target.begin;
                       }
                       const bool a_empty = a.target.end == a.target.begin;
                       const bool b_empty = b.target.end == b.target.begin;
                       return a_empty && !b_empty;
                     });
    size_t at = begin;
    for (Node& node : nodes) {
      for (; at < node.target.begin; ++at) WriteUnit(at);
      if (node.is_point) {
        WritePoint(items_[node.id]);
        continue;
      }
      const Item& item = items_[node.id];
      if (item.emits_open) {
        FlushSpaceBeforeOpen();
        AddMarkup(item.insert->markup);
      }
      WriteRange(node.children, node.target.begin, node.target.end);
      at = std::max(at, node.target.end);
      if (item.close != nullptr) AddMarkup(item.close->markup);
    }
    for (; at < end; ++at) WriteUnit(at);
  }

  void WriteUnit(size_t unit) {
    const std::string& text = target_.units[unit];
    if (text.empty()) {  // a part of what stands in front
      gap_ = absl::StrCat(gap_, target_.gaps[unit + 1]);
      return;
    }
    SeparateFrom(text);
    AddText(text);
    behind_point_ = false;
    gap_ = target_.gaps[unit + 1];
    gap_was_empty_ = gap_.empty();
  }

  // The white space between what was written last and `next`, a word.
  void SeparateFrom(absl::string_view next) {
    if (!behind_point_) {
      AddText(gap_);
    } else if (!EndsWithSpace()) {
      if (gap_was_empty_ && IsClosing(next)) {
        // "Hello {x}, please"
      } else if (!gap_.empty()) {
        AddText(gap_);
      } else if (point_wants_space_ &&
                 (point_had_space_ || StartsWithWord(next))) {
        AddText(" ");
      }
    }
    gap_.clear();
  }

  void FlushSpaceBeforeOpen() {
    if (behind_point_ && gap_.empty() && point_wants_space_ &&
        !EndsWithSpace() && !gap_was_empty_) {
      AddText(" ");
    } else if (!gap_.empty() && !EndsWithSpace()) {
      AddText(gap_);
    }
    gap_.clear();
  }

  void WritePoint(const Item& item) {
    const bool is_space =
        item.insert != nullptr && item.insert->kind == Insert::Kind::kSpace;
    if (is_space) {
      AddText(item.text);
      gap_.clear();
      return;
    }
    const bool wants_space_before =
        item.insert == nullptr || item.insert->space_before;
    point_wants_space_ = item.insert == nullptr || item.insert->space_after ||
                         (item.insert->kind == Insert::Kind::kSpan &&
                          !item.insert->letter_after);
    if (wants_space_before && !last_.empty() && !EndsWithSpace() &&
        !(IsOpening(last_) && gap_.empty())) {
      AddText(gap_.empty() ? " " : gap_);
      gap_.clear();
    }
    // "Line<br>break"
    if (!wants_space_before && item.insert->letter_after) gap_.clear();
    if (item.insert != nullptr && item.insert->kind == Insert::Kind::kOpaque) {
      AddMarkup(item.insert->markup);
      point_wants_space_ = item.insert->space_after;
      last_ = "x";
    } else {
      AddText(item.text);
    }
    point_had_space_ = item.insert == nullptr || item.insert->space_after;
    behind_point_ = true;
  }

  bool EndsWithSpace() const {
    return text::IsSpace(LastCharacter(last_).code_point);
  }

  void AddText(absl::string_view text) {
    if (text.empty()) return;
    last_ = std::string(text);
    if (out_.pieces.empty() || out_.pieces.back().markup != nullptr) {
      out_.pieces.emplace_back();
    }
    out_.pieces.back().text.append(text.data(), text.size());
  }

  void AddMarkup(const std::vector<Part>& markup) {
    OutputPiece piece;
    piece.markup = &markup;
    out_.pieces.push_back(std::move(piece));
  }

  const TargetUnits& target_;
  const std::vector<Item>& items_;
  AssembledSegment& out_;
  std::string gap_;            // white space that is still to be written
  bool gap_was_empty_ = true;  // in front of what comes next
  bool behind_point_ = false;
  bool point_wants_space_ = false;
  bool point_had_space_ = false;  // in the source
  std::string last_;              // written last
};

void RestoreCapitals(Capitals capitals, absl::string_view language,
                     TargetUnits* target) {
  if (capitals == Capitals::kAsTheyAre) return;
  for (std::string& unit : target->units) {
    unit = Restore(unit, capitals, language);
  }
}

}  // namespace

std::string DropUnknown(absl::string_view text, absl::string_view source) {
  std::string result(text);
  for (absl::string_view bad :
       {" \xE2\x81\x87 ", "\xE2\x81\x87", "\xEF\xBF\xBD"}) {
    if (!absl::StrContains(result, bad) ||
        absl::StrContains(source,
                          bad == " \xE2\x81\x87 " ? "\xE2\x81\x87" : bad)) {
      continue;
    }
    std::string kept;
    size_t at = 0;
    for (size_t found = result.find(bad.data(), 0, bad.size());
         found != std::string::npos;
         found = result.find(bad.data(), at, bad.size())) {
      kept.append(result, at, found - at);
      if (bad[0] == ' ' && !kept.empty()) kept.push_back(' ');
      at = found + bad.size();
    }
    kept.append(result, at, std::string::npos);
    result = std::move(kept);
  }
  while (result.size() < text.size() && !result.empty() &&
         result.back() == ' ') {
    result.pop_back();
  }
  return result;
}

AssembledSegment Assemble(const Segment& segment,
                          const SegmentTranslation& translation,
                          absl::string_view target_language) {
  AssembledSegment out;
  const bool has_number =
      segment.checks_numbers &&
      std::any_of(translation.text.begin(), translation.text.end(),
                  absl::ascii_isdigit);
  const bool plain =
      segment.inserts.empty() && segment.kept.empty() && !has_number;
  if (plain && segment.capitals == Capitals::kAsTheyAre) {
    out.pieces.emplace_back();
    out.pieces.back().text = translation.text;
    return out;
  }
  const UnitAlignment alignment(segment.shown, translation.text,
                                translation.alignment);
  TargetUnits target(translation.text, alignment.target());
  RestoreCapitals(segment.capitals, target_language, &target);
  KeptRepair repair = RepairKept(segment, alignment, &target);
  out.numbers_differ = repair.numbers_differ;
  std::vector<Item> items;
  std::vector<Node> nodes = TreeBuilder(segment, alignment, &items).Build();
  for (Node& node : repair.missing) {
    Item item;
    item.text = repair.texts[node.id];
    node.id = items.size();
    items.push_back(std::move(item));
    nodes.push_back(std::move(node));
  }
  Place(alignment, target.has_space, &nodes);
  Writer(target, items, &out).Write(nodes);
  return out;
}

}  // namespace peregrine::document
