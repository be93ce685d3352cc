#ifndef PEREGRINE_SERVER_GLOSSARIES_TERM_LISTS_H_
#define PEREGRINE_SERVER_GLOSSARIES_TERM_LISTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/document/glossary.h"

// Lists of terms as the APIs of others bring them: rows of cells. Unlike the
// files of --glossaries they have no comments.
namespace peregrine::server {

struct TermRow {
  size_t line = 0;  // the first is 1
  std::vector<std::string> cells;
};

// Rows without any text are left out. INVALID_ARGUMENT names the line: a quote
// that does not end, text behind one, or more rows than a glossary has terms.
absl::StatusOr<std::vector<TermRow>> ReadTsv(absl::string_view content);
absl::StatusOr<std::vector<TermRow>> ReadCsv(absl::string_view content);

// The terms of two columns. INVALID_ARGUMENT names the line: it has fewer than
// two cells or more than `max_cells`, or a cell of these is empty.
struct TermColumns {
  size_t source = 0;
  size_t target = 1;
  size_t max_cells = 2;
  bool case_sensitive = false;
};
absl::StatusOr<std::vector<document::Term>> TermsOf(
    const std::vector<TermRow>& rows, const TermColumns& columns);

// What ReadTsv reads: the first target of each.
std::string WriteTsv(const std::vector<document::Term>& terms);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_GLOSSARIES_TERM_LISTS_H_
