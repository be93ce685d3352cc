#include "server/glossaries/term_lists.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {
namespace {

absl::Status LineError(size_t line, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", why));
}

bool IsBlank(const TermRow& row) {
  for (const std::string& cell : row.cells) {
    if (!cell.empty()) return false;
  }
  return true;
}

absl::Status Append(TermRow row, std::vector<TermRow>& rows) {
  for (std::string& cell : row.cells) absl::StripAsciiWhitespace(&cell);
  if (IsBlank(row)) return absl::OkStatus();
  if (rows.size() > document::Glossary::kMaxTerms) {  // and a head
    return LineError(row.line,
                     absl::StrCat("found more than ",
                                  document::Glossary::kMaxTerms, " terms"));
  }
  rows.push_back(std::move(row));
  return absl::OkStatus();
}

// Takes a cell off the front of `rest`, and whether a comma or the end of the
// row follows.
absl::StatusOr<std::string> TakeQuoted(absl::string_view& rest, size_t line) {
  std::string cell;
  rest.remove_prefix(1);
  while (true) {
    const size_t quote = rest.find('"');
    if (quote == rest.npos) return LineError(line, "a quote does not end");
    cell.append(rest.data(), quote);
    rest.remove_prefix(quote + 1);
    if (!absl::ConsumePrefix(&rest, "\"")) break;
    cell += '"';
  }
  if (!rest.empty() && rest.find_first_of(",\r\n") != 0) {
    return LineError(line, "found text behind a quote");
  }
  return cell;
}

std::string TakeBare(absl::string_view& rest) {
  std::string cell(rest.substr(0, rest.find_first_of(",\r\n")));
  rest.remove_prefix(cell.size());
  return cell;
}

}  // namespace

absl::StatusOr<std::vector<TermRow>> ReadTsv(absl::string_view content) {
  absl::ConsumePrefix(&content, "\xEF\xBB\xBF");
  std::vector<TermRow> rows;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    absl::ConsumeSuffix(&line, "\r");
    PEREGRINE_RETURN_IF_ERROR(
        Append({++number, absl::StrSplit(line, '\t')}, rows));
  }
  return rows;
}

absl::StatusOr<std::vector<TermRow>> ReadCsv(absl::string_view content) {
  absl::ConsumePrefix(&content, "\xEF\xBB\xBF");
  std::vector<TermRow> rows;
  size_t number = 1;
  while (!content.empty()) {
    TermRow row;
    row.line = number;
    const char* const begin = content.data();
    do {
      const bool is_quoted = content.substr(0, 1) == "\"";
      PEREGRINE_ASSIGN_OR_RETURN(
          std::string cell,
          is_quoted ? TakeQuoted(content, row.line)
                    : absl::StatusOr<std::string>(TakeBare(content)));
      row.cells.push_back(std::move(cell));
    } while (absl::ConsumePrefix(&content, ","));
    absl::ConsumePrefix(&content, "\r");
    absl::ConsumePrefix(&content, "\n");
    const absl::string_view taken(begin, content.data() - begin);
    for (char c : taken) number += c == '\n';
    PEREGRINE_RETURN_IF_ERROR(Append(std::move(row), rows));
  }
  return rows;
}

absl::StatusOr<std::vector<document::Term>> TermsOf(
    const std::vector<TermRow>& rows, const TermColumns& columns) {
  std::vector<document::Term> terms;
  for (const TermRow& row : rows) {
    const size_t found = row.cells.size();
    if (found <= std::max(columns.source, columns.target) ||
        found > columns.max_cells) {
      return LineError(
          row.line,
          absl::StrCat("found ", found, " columns, expected ",
                       columns.max_cells == 2
                           ? "2"
                           : absl::StrCat("2 to ", columns.max_cells)));
    }
    document::Term term;
    term.source = row.cells[columns.source];
    term.targets = {row.cells[columns.target]};
    term.case_sensitive = columns.case_sensitive;
    if (term.source.empty() || term.targets[0].empty()) {
      return LineError(row.line, "found an empty term");
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

std::string WriteTsv(const std::vector<document::Term>& terms) {
  std::string tsv;
  for (const document::Term& term : terms) {
    if (!tsv.empty()) tsv += '\n';
    // Without a target it stays as it is.
    absl::StrAppend(&tsv, term.source, "\t",
                    term.targets.empty() ? term.source : term.targets[0]);
  }
  return tsv;
}

}  // namespace peregrine::server
