#include "compare/table.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/text/utf8.h"

namespace peregrine::compare {
namespace {

// In characters; none here is wide or combining.
std::size_t Width(const std::string& cell) {
  return text::CountUtf8Characters(cell);
}

std::string MarkdownRow(const std::vector<std::string>& cells) {
  return "| " +
         absl::StrJoin(cells, " | ",
                       [](std::string* out, const std::string& cell) {
                         *out += absl::StrReplaceAll(cell, {{"|", "\\|"}});
                       }) +
         " |\n";
}

}  // namespace

Table Table::WithoutEmptyColumns() const {
  Table table;
  table.rows.resize(rows.size());
  for (std::size_t column = 0; column < header.size(); ++column) {
    const bool empty =
        std::all_of(rows.begin(), rows.end(),
                    [column](const auto& row) { return row[column].empty(); });
    if (empty) continue;
    table.header.push_back(header[column]);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      table.rows[row].push_back(rows[row][column]);
    }
  }
  return table;
}

std::string Table::ToText() const {
  std::vector<std::size_t> widths(header.size());
  const auto widen = [&widths](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], Width(cells[i]));
    }
  };
  widen(header);
  for (const auto& row : rows) widen(row);
  std::string text;
  const auto append = [&](const std::vector<std::string>& cells) {
    text += cells[0];
    text.append(widths[0] - Width(cells[0]), ' ');
    for (std::size_t i = 1; i < cells.size(); ++i) {
      text.append(2 + widths[i] - Width(cells[i]), ' ');
      text += cells[i];
    }
    text += '\n';
  };
  append(header);
  for (const auto& row : rows) append(row);
  return text;
}

std::string Table::ToMarkdown() const {
  std::string text = MarkdownRow(header) + "|---|";
  for (std::size_t i = 1; i < header.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& row : rows) text += MarkdownRow(row);
  return text;
}

}  // namespace peregrine::compare
