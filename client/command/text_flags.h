#ifndef PEREGRINE_CLIENT_COMMAND_TEXT_FLAGS_H_
#define PEREGRINE_CLIENT_COMMAND_TEXT_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

// Of a file with a line a term: the source, then its targets, with tabs
// between. Throws CLI::ValidationError, which names the line.
std::vector<v1::Term> ReadGlossary(const std::string& path);

// Adds the flags that say what a text is and what of it must come through:
// --format, --unprotected, --pattern, --glossary and so on. `options` must
// outlive the parsing.
void AddTextFlags(v1::TextOptions* options, CLI::App* command);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_TEXT_FLAGS_H_
