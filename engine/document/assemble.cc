#include "engine/document/assemble.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/kept_repair.h"
#include "engine/document/marker_repair.h"
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
  // Without the inserts that `held` says of.
  TreeBuilder(const Segment& segment, const UnitAlignment& alignment,
              const std::vector<bool>& held, std::vector<Item>* items)
      : segment_(segment), alignment_(alignment), held_(held), items_(*items) {}

  std::vector<Node> Build() {
    std::vector<Node> roots;
    std::vector<Node> open;  // those that are not closed yet
    const auto add = [&](Node node) {
      (open.empty() ? roots : open.back().children).push_back(std::move(node));
    };
    for (size_t i = 0; i < segment_.inserts.size(); ++i) {
      if (i < held_.size() && held_[i]) continue;
      const Insert& insert = segment_.inserts[i];
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
  const std::vector<bool>& held_;
  std::vector<Item>& items_;
};

bool IsClosing(absl::string_view text) {
  const int32_t c = FirstCharacter(text).code_point;
  if (c < 0 || !u_ispunct(c)) return false;
  const int8_t type = u_charType(c);
  return type != U_START_PUNCTUATION && type != U_INITIAL_PUNCTUATION &&
         c != '-' && c != 0xBF && c != 0xA1;
}

bool IsOpening(absl::string_view text) {
  const int32_t c = LastCharacter(text).code_point;
  if (c < 0) return false;
  const int8_t type = u_charType(c);
  return type == U_START_PUNCTUATION || type == U_INITIAL_PUNCTUATION ||
         c == 0x201E || c == 0x201A || c == 0xBF || c == 0xA1;
}

// White space between something that was set aside and a word of the target.
// `hugs`: the word is punctuation that wants to stand close. `gap`: what stands
// at this place of the translation.
std::string SpaceBeside(const Beside& source, Beside::Neighbour neighbour,
                        bool hugs, absl::string_view gap) {
  // Other than a space it is never left out.
  if (!source.space.empty() && source.space != " ") return source.space;
  if (neighbour == Beside::Neighbour::kNone) return "";
  if (!source.space.empty()) {
    // "Hello {x}!" where the model wrote "Hello!"
    const bool was_word = source.neighbour == Beside::Neighbour::kWord;
    return hugs && gap.empty() && was_word ? "" : source.space;
  }
  // It was a part of a word, or is one now where words have spaces.
  if (source.neighbour == Beside::Neighbour::kWord) return "";
  if (neighbour != Beside::Neighbour::kWord) return "";
  return gap.empty() ? " " : std::string(gap);
}

// Puts units, spans, white space and tags in a row.
class Writer {
 public:
  Writer(const TargetUnits& target, const std::vector<Item>& items,
         AssembledSegment* out)
      : target_(target), items_(items), out_(*out) {}

  void Write(std::vector<Node>* nodes) {
    SortAll(nodes);
    WriteRange(*nodes, 0, target_.units.size());
    Separate(nullptr, "");
  }

  // The units as they were written, with their rows.
  std::vector<PlacedUnit> TakeUnits(const UnitAlignment& alignment) {
    std::vector<PlacedUnit> units;
    for (auto& [unit, place] : places_) {
      for (size_t s = 0; s < alignment.source().size(); ++s) {
        place.weights.push_back(alignment.at(unit, s));
      }
      units.push_back(std::move(place));
    }
    return units;
  }

 private:
  static void SortAll(std::vector<Node>* nodes) {
    std::stable_sort(nodes->begin(), nodes->end(),
                     [](const Node& a, const Node& b) {
                       if (a.target.begin != b.target.begin) {
                         return a.target.begin < b.target.begin;
                       }
                       const bool a_empty = a.target.end == a.target.begin;
                       const bool b_empty = b.target.end == b.target.begin;
                       return a_empty && !b_empty;
                     });
    for (Node& node : *nodes) SortAll(&node.children);
  }

  void WriteRange(const std::vector<Node>& nodes, size_t begin, size_t end) {
    size_t at = begin;
    for (const Node& node : nodes) {
      for (; at < node.target.begin; ++at) WriteUnit(at);
      const Item& item = items_[node.id];
      if (node.is_point) {
        WritePoint(item);
        continue;
      }
      if (item.emits_open) {
        SeparateFromFirst(node);
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
    if (!text.empty()) {  // else a part of what stands in front
      Separate(nullptr, text);
      AddText(text);
      const size_t end = out_.pieces.back().text.size();
      places_.push_back(
          {unit, {out_.pieces.size() - 1, {end - text.size(), end}, unit, {}}});
      last_unit_ = text;
    }
    next_unit_ = unit + 1;
  }

  void WritePoint(const Item& item) {
    const bool is_space =
        item.insert != nullptr && item.insert->kind == Insert::Kind::kSpace;
    if (is_space) {
      // What stands behind a point and is more than a space is not lost.
      if (separated_ == Separated::kNo && last_point_ != nullptr) {
        AddText(OddSpace(AfterOf(*last_point_)));
      }
      AddText(item.text);
      separated_ = Separated::kBySpace;
      return;
    }
    Separate(&item, "");
    if (item.insert != nullptr && item.insert->kind == Insert::Kind::kOpaque) {
      AddMarkup(item.insert->markup);
    } else {
      AddText(item.text);
    }
    last_point_ = &item;
  }

  // A tag opens: the white space stands in front of it.
  void SeparateFromFirst(const Node& node) {
    const bool begins_with_node =
        !node.children.empty() &&
        node.children[0].target.begin == node.target.begin;
    if (begins_with_node) {
      const Node& first = node.children[0];
      const Item& item = items_[first.id];
      if (!first.is_point) {
        SeparateFromFirst(first);
      } else if (item.insert == nullptr ||
                 item.insert->kind != Insert::Kind::kSpace) {
        Separate(&item, "");
        separated_ = Separated::kWhole;
      }
    } else if (node.target.begin < node.target.end) {
      Separate(nullptr, target_.units[node.target.begin]);
      separated_ = Separated::kWhole;
    }
  }

  // Writes the white space in front of `point` or of a unit; of neither: at the
  // end.
  void Separate(const Item* point, absl::string_view unit) {
    if (separated_ == Separated::kNo) {
      AddText(Separation(point, unit));
    } else if (separated_ == Separated::kBySpace && point != nullptr) {
      AddText(OddSpace(BeforeOf(*point)));
    }
    separated_ = Separated::kNo;
    if (point == nullptr) last_point_ = nullptr;
  }

  // White space that is never left out.
  static std::string OddSpace(const Beside& beside) {
    return beside.space == " " ? "" : beside.space;
  }

  // Two numbers with a space between would be one: "596, 127".
  bool WouldBeOneNumber(const Item* point, absl::string_view unit) const {
    const bool is_missing =
        (point != nullptr && point->insert == nullptr) ||
        (last_point_ != nullptr && last_point_->insert == nullptr);
    const absl::string_view before =
        last_point_ == nullptr ? last_unit_ : last_point_->text;
    const absl::string_view behind = point == nullptr ? unit : point->text;
    return is_missing && text::IsDigit(LastCharacter(before).code_point) &&
           text::IsDigit(FirstCharacter(behind).code_point);
  }

  std::string Separation(const Item* point, absl::string_view unit) const {
    std::string space = SpaceBetween(point, unit);
    return space == " " && WouldBeOneNumber(point, unit) ? ", " : space;
  }

  std::string SpaceBetween(const Item* point, absl::string_view unit) const {
    const std::string& gap = target_.gaps[next_unit_];
    if (last_point_ == nullptr && point == nullptr) return gap;
    if (last_point_ == nullptr) {
      return SpaceBeside(BeforeOf(*point), NeighbourBefore(),
                         IsOpening(last_unit_), gap);
    }
    if (point == nullptr) {
      return SpaceBeside(AfterOf(*last_point_), NeighbourAtStartOf(unit),
                         IsClosing(unit), gap);
    }
    const Beside after = AfterOf(*last_point_);
    const Beside before = BeforeOf(*point);
    const bool were_neighbours = point->insert != nullptr &&
                                 point->insert->follows_cut &&
                                 last_point_->insert == point->insert - 1;
    if (were_neighbours) return after.space;
    if (after.space.empty() && before.space.empty()) return gap;
    const std::string odd = absl::StrCat(OddSpace(after), OddSpace(before));
    return odd.empty() ? " " : odd;
  }

  Beside::Neighbour NeighbourBefore() const {
    return NeighbourOf(LastCharacter(last_unit_).code_point);
  }

  // What was missing from a translation stands like a word.
  static Beside BeforeOf(const Item& item) {
    if (item.insert != nullptr) return item.insert->before;
    return {" ", Beside::Neighbour::kWord};
  }
  static Beside AfterOf(const Item& item) {
    if (item.insert != nullptr) return item.insert->after;
    return {" ", Beside::Neighbour::kWord};
  }

  void AddText(absl::string_view text) {
    if (text.empty()) return;
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
  size_t next_unit_ = 0;
  std::vector<std::pair<size_t, PlacedUnit>> places_;  // by number
  std::string last_unit_;             // the text of the last one, or ""
  const Item* last_point_ = nullptr;  // if nothing but tags was written since
  // Whether the white space in front of what comes next is written.
  enum class Separated { kNo, kBySpace, kWhole };
  Separated separated_ = Separated::kNo;
};

// Puts `given` back as it was at the beginning of the text, where what is set
// aside brought white space of its own.
void RestoreGiven(absl::string_view given, AssembledSegment* out) {
  if (out->pieces.empty()) return;
  std::string& text = out->pieces[0].text;
  if (absl::StartsWith(text, given)) return;
  std::vector<size_t> places;  // in `given`, of each byte of the text
  absl::string_view rest = text;
  absl::string_view words = text::TrimLeft(given);
  for (; !words.empty(); words = text::TrimLeft(words)) {
    rest = text::TrimLeft(rest);
    const size_t place = given.size() - words.size();
    places.resize(text.size() - rest.size(), place);
    if (rest.empty() || rest[0] != words[0]) return;  // other words
    places.push_back(place);
    rest.remove_prefix(1);
    words.remove_prefix(1);
  }
  if (text::TrimRight(given).size() != given.size()) {
    rest = text::TrimLeft(rest);
  }
  const size_t end = text.size() - rest.size();
  text.replace(0, end, std::string(given));
  const auto place_of = [&](size_t byte) {
    if (byte < places.size()) return places[byte];
    return given.size() + (std::max(byte, end) - end);
  };
  for (PlacedUnit& unit : out->units) {
    if (unit.piece != 0) continue;
    unit.range.begin = place_of(unit.range.begin);
    unit.range.end = place_of(unit.range.end - 1) + 1;
  }
}

// Of all units but the first `given_bytes` of the text, and markers.
void RestoreCapitals(Capitals capitals, absl::string_view language,
                     const std::vector<ByteRange>& ranges, size_t given_bytes,
                     const std::vector<bool>& are_markers,
                     TargetUnits* target) {
  if (capitals == Capitals::kAsTheyAre) return;
  for (size_t t = 0; t < ranges.size(); ++t) {
    std::string& unit = target->units[t];
    if (are_markers[t]) continue;
    if (ranges[t].begin >= given_bytes) {
      unit = Restore(unit, capitals, language);
    } else if (ranges[t].end > given_bytes && capitals == Capitals::kAll) {
      const size_t given = given_bytes - ranges[t].begin;
      unit = absl::StrCat(
          unit.substr(0, given),
          Restore(absl::string_view(unit).substr(given), capitals, language));
    }
  }
}

// Tags bring white space of their own.
bool HasTags(const Segment& segment) {
  return std::any_of(segment.inserts.begin(), segment.inserts.end(),
                     [](const Insert& insert) {
                       return insert.kind != Insert::Kind::kSpan &&
                              insert.kind != Insert::Kind::kSpace;
                     });
}

// Whether what is set aside has its place whatever the translation becomes.
bool HasSurePlaces(const Segment& segment, const SegmentTranslation& begun) {
  if (!segment.kept.empty()) return false;
  const std::vector<ByteRange> units = Units(segment.shown);
  for (size_t i = 0; i < segment.inserts.size(); ++i) {
    if (i < begun.holds.size() && begun.holds[i]) continue;
    const Insert& insert = segment.inserts[i];
    const bool is_text = insert.kind == Insert::Kind::kSpan ||
                         insert.kind == Insert::Kind::kSpace;
    const size_t gap = GapAt(units, insert.at);
    const bool is_first = gap == 0 && begun.given_bytes == 0;
    if (!is_text || (!is_first && gap < units.size())) return false;
  }
  return true;
}

// The units of `text` that stay as they are whatever follows.
size_t NumFinished(absl::string_view text, absl::Span<const ByteRange> units) {
  if (units.empty()) return 0;
  // "don" and "'" may become "don't".
  const absl::string_view last = text.substr(units.back().begin);
  const bool may_join = last == "'" || last == "\u2019" || last == "." ||
                        last == "," || last == ":" || last == "/";
  return units.size() - std::min<size_t>(units.size(), may_join ? 2 : 1);
}

}  // namespace

std::string CertainBeginning(const Segment& segment,
                             const SegmentTranslation& begun,
                             absl::string_view target_language) {
  if (KeepsItsText(segment)) return begun.text;
  // Tags may open and close anywhere.
  if (std::any_of(
          segment.inserts.begin(), segment.inserts.end(),
          [](const Insert& insert) { return !insert.markup.empty(); })) {
    return "";
  }
  if (HasTags(segment)) return "";
  std::string given = begun.text.substr(0, begun.given_bytes);
  if (!HasSurePlaces(segment, begun)) return given;
  const size_t finished = NumFinished(begun.text, Units(begun.text));
  if (finished == 0) return given;
  const AssembledSegment assembled =
      Assemble(segment, begun, target_language, /*with_units=*/true);
  const auto last = std::find_if(
      assembled.units.rbegin(), assembled.units.rend(),
      [&](const PlacedUnit& unit) { return unit.index < finished; });
  if (last == assembled.units.rend()) return given;
  const std::string text =
      assembled.pieces[last->piece].text.substr(0, last->range.end);
  return text.size() > given.size() ? text : given;
}

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

bool KeepsItsText(const Segment& segment) {
  return segment.inserts.empty() && segment.kept.empty() &&
         segment.capitals == Capitals::kAsTheyAre;
}

AssembledSegment Assemble(const Segment& segment,
                          const SegmentTranslation& translation,
                          absl::string_view target_language, bool with_units) {
  AssembledSegment out;
  const bool has_number =
      segment.checks_numbers &&
      std::any_of(translation.text.begin(), translation.text.end(),
                  absl::ascii_isdigit);
  if (KeepsItsText(segment) && !has_number && !with_units) {
    out.pieces.emplace_back();
    out.pieces.back().text = translation.text;
    return out;
  }
  const UnitAlignment alignment(segment.shown, translation.text,
                                translation.alignment);
  TargetUnits target(translation.text, alignment.target());
  const std::vector<bool> are_markers =
      UnitsOfMarkers(segment, translation.text, alignment.target());
  RestoreCapitals(segment.capitals, target_language, alignment.target(),
                  translation.given_bytes, are_markers, &target);
  KeptRepair repair = RepairKept(segment, alignment, translation.given_bytes,
                                 are_markers, &target);
  out.numbers_differ = repair.numbers_differ;
  std::vector<Item> items;
  std::vector<Node> nodes =
      TreeBuilder(segment, alignment, translation.holds, &items).Build();
  for (Node& node : repair.missing) {
    Item item;
    item.text = repair.texts[node.id];
    node.id = items.size();
    items.push_back(std::move(item));
    nodes.push_back(std::move(node));
  }
  Place(alignment, {target.has_space, repair.closed}, &nodes);
  Writer writer(target, items, &out);
  const absl::string_view given =
      absl::string_view(translation.text).substr(0, translation.given_bytes);
  writer.Write(&nodes);
  if (with_units) out.units = writer.TakeUnits(alignment);
  RestoreGiven(given, &out);
  return out;
}

}  // namespace peregrine::document
