#ifndef PEREGRINE_ENGINE_TEXT_TRIE_H_
#define PEREGRINE_ENGINE_TEXT_TRIE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace peregrine::text {

// A set of byte strings, each with a value and a score, walked one byte at a
// time. A double array: the child of a node by byte b is at `base ^ b`, if that
// unit names the node as its parent. Immutable after construction; thread-safe.
class Trie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNoNode = ~Node{0};
  static constexpr std::int32_t kNoValue = -1;

  struct Entry {
    absl::string_view key;  // any bytes; need not outlive the constructor
    std::int32_t value;     // not negative
    float score;
  };

  Trie() : Trie(std::vector<Entry>()) {}

  // Keys must be distinct and not empty. Linear in their total length.
  explicit Trie(std::vector<Entry> entries);

  // The node reached from `node`, which may be kNoNode, by one more byte or by
  // several; kNoNode if no key goes on so.
  Node Step(Node node, char byte) const;
  Node Walk(Node node, absl::string_view bytes) const;

  // Of the key that ends at `node`, which may be kNoNode: kNoValue if none
  // does.
  std::int32_t value(Node node) const;
  // Only meaningful where there is a value.
  float score(Node node) const { return units_[node].score; }

  // The length of the longest key that starts `text`, 0 if none does.
  int LongestPrefix(absl::string_view text) const {
    return empty_ ? 0 : FindLongestPrefix(text);
  }

  bool empty() const { return empty_; }

 private:
  struct Unit {
    std::uint32_t base = 0;
    Node parent = kNoNode;  // kNoNode: the unit is free, or the root
    std::int32_t value = kNoValue;
    float score = 0.0F;
  };
  class Builder;

  int FindLongestPrefix(absl::string_view text) const;

  std::vector<Unit> units_;  // the size is a multiple of 256
  bool empty_;
};

inline Trie::Node Trie::Step(Node node, char byte) const {
  if (node == kNoNode) return kNoNode;
  const Node child = units_[node].base ^ static_cast<unsigned char>(byte);
  return units_[child].parent == node ? child : kNoNode;
}

inline Trie::Node Trie::Walk(Node node, absl::string_view bytes) const {
  for (const char byte : bytes) {
    node = Step(node, byte);
    if (node == kNoNode) break;
  }
  return node;
}

inline std::int32_t Trie::value(Node node) const {
  return node == kNoNode ? kNoValue : units_[node].value;
}

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_TRIE_H_
