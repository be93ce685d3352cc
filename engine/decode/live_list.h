#ifndef PEREGRINE_ENGINE_DECODE_LIVE_LIST_H_
#define PEREGRINE_ENGINE_DECODE_LIVE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/decode/cell_pool.h"
#include "engine/decode/live_sentence.h"

namespace peregrine::decode {

// The sentences of those who do their steps, in any order. Entry has at least
//   std::unique_ptr<LiveSentence> sentence;
//   CELLS cells;  // with Release(BlockPool&): given back when it leaves
template <class Entry>
class LiveList {
 public:
  // `target_blocks` must outlive it.
  explicit LiveList(BlockPool& target_blocks) : target_blocks_(target_blocks) {}

  void Reserve(size_t sentences) { entries_.reserve(sentences); }
  void Add(Entry entry) { entries_.push_back(std::move(entry)); }

  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  int num_sentences() const { return static_cast<int>(entries_.size()); }

  // Live hypotheses.
  int num_rows() const {
    int rows = 0;
    for (const Entry& entry : entries_) rows += entry.sentence->num_rows();
    return rows;
  }

  // Takes a sentence out; null: not here.
  std::unique_ptr<LiveSentence> Remove(uint64_t id) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].sentence->id == id) return RemoveAt(i);
    }
    return nullptr;
  }

  // Takes out the sentences that have finished, and appends them.
  void RemoveFinished(std::vector<std::unique_ptr<LiveSentence>>& finished) {
    for (size_t i = 0; i < entries_.size();) {
      if (entries_[i].sentence->finished()) {
        finished.push_back(RemoveAt(i));
      } else {
        ++i;
      }
    }
  }

 private:
  std::unique_ptr<LiveSentence> RemoveAt(size_t i) {
    entries_[i].cells.Release(target_blocks_);
    std::swap(entries_[i], entries_.back());
    std::unique_ptr<LiveSentence> sentence =
        std::move(entries_.back().sentence);
    entries_.pop_back();
    return sentence;
  }

  BlockPool& target_blocks_;
  std::vector<Entry> entries_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_LIVE_LIST_H_
