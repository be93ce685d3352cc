#ifndef PEREGRINE_COMPARE_REPORT_H_
#define PEREGRINE_COMPARE_REPORT_H_

#include <string>

#include "compare/result.h"
#include "compare/table.h"

namespace peregrine::compare {

// Contestants on one device in one precision: a table or panel of a report has
// these, under one setting.
struct Group {
  std::string device;
  std::string precision;
  int setting = 0;
  std::vector<const Contestant*> contestants;  // of the result

  // "cpu, float32, beam 4, batch 64".
  std::string title;
};

// By device, precision and setting, in the order of the contestants.
std::vector<Group> MakeGroups(const ComparisonResult& result);

// One row a contestant.
Table MakeTable(const ComparisonResult& result, const Group& group);

// The paper's speed-ups of MDN over Transformer-base, and ours under each
// setting; no rows where the two were not compared.
Table MakePaperTable(const ComparisonResult& result);

// What was published: FP32, beam 4, batch 64, a vocabulary of 10K instead of
// 32K merges.
inline constexpr double kPaperCpuSpeedUp = 3.80;
inline constexpr double kPaperGpuSpeedUp = 2.52;

// All tables, for a terminal.
std::string FormatReport(const ComparisonResult& result);

// The same as a page, with the plots that stand beside it.
std::string FormatMarkdown(const ComparisonResult& result);

// Every figure of every round.
std::string FormatJson(const ComparisonResult& result);

// Whether any model was scored.
bool HasBleu(const ComparisonResult& result);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_REPORT_H_
