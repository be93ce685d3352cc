#ifndef PEREGRINE_COMPARE_TABLE_H_
#define PEREGRINE_COMPARE_TABLE_H_

#include <string>
#include <vector>

namespace peregrine::compare {

// Cells of UTF-8; the first column is set left, the others right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as long as the header

  // Without the columns that are empty in all rows.
  Table WithoutEmptyColumns() const;

  // Aligned with spaces, for a terminal.
  std::string ToText() const;
  std::string ToMarkdown() const;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_TABLE_H_
