#include "client/command/text_flags.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace peregrine::client {
namespace {

constexpr char kCaseSensitive[] = "# case-sensitive";

}  // namespace

std::vector<v1::Term> ReadGlossary(const std::string& path) {
  std::vector<v1::Term> terms;
  std::ifstream file(path);
  std::string line;
  bool case_sensitive = false;
  for (int number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    case_sensitive |= line == kCaseSensitive;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (fields[0].empty()) {
      throw CLI::ValidationError(absl::StrCat(
          path, ":", number, ": expected source TAB target, found no source"));
    }
    v1::Term& term = terms.emplace_back();
    term.set_source(fields[0]);
    term.set_case_sensitive(case_sensitive);
    for (size_t i = 1; i < fields.size(); ++i) {
      if (!fields[i].empty()) term.add_targets(fields[i]);
    }
  }
  return terms;
}

void AddTextFlags(v1::TextOptions* options, CLI::App* command) {
  command
      ->add_option_function<std::string>(
          "--format",
          [options](const std::string& name) {
            options->set_format(name == "html"  ? v1::FORMAT_HTML
                                : name == "xml" ? v1::FORMAT_XML
                                                : v1::FORMAT_PLAIN);
          },
          "plain, html or xml. With the latter two each argument, or the "
          "standard input, is a whole file.")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"plain", "html", "xml"}));
  command->add_flag_callback(
      "--hard-wrapped", [options] { options->set_hard_wrapped(true); },
      "Line breaks are spaces, blank lines end paragraphs; with --whole.");
  command->add_flag_callback(
      "--translate-attributes",
      [options] { options->set_translate_attributes(true); },
      "Of HTML, translate alt, title, placeholder and the like.");
  command->add_flag_callback(
      "--keep-capitals", [options] { options->set_keep_capitals(true); },
      "Show ALL CAPS and Title Case to the model as they are.");
  const auto add_list = [command](const char* name, const char* type,
                                  const char* help, auto add) {
    command
        ->add_option_function<std::vector<std::string>>(
            name,
            [add](const std::vector<std::string>& values) {
              for (const std::string& value : values) add(value);
            },
            help)
        ->type_name(type)
        // The argument behind it is a text.
        ->allow_extra_args(false);
  };
  add_list(
      "--unprotected", "KIND",
      "A kind of span that is translated like any text: url, email, "
      "path, placeholder, shortcode, mention, tag, version, code, emoji, "
      "unknown or number. May be repeated.",
      [options](const std::string& kind) { options->add_unprotected(kind); });
  add_list("--pattern", "RE2",
           "What matches it comes through as it is. May be repeated.",
           [options](const std::string& pattern) {
             options->add_patterns(pattern);
           });
  command
      ->add_option_function<std::string>(
          "--glossary",
          [options](const std::string& path) {
            for (v1::Term& term : ReadGlossary(path)) {
              *options->add_terms() = std::move(term);
            }
          },
          "Terms, one a line: source TAB target; without a target it is not "
          "translated.")
      ->type_name("TSV")
      ->check(CLI::ExistingFile);
  add_list(
      "--stored-glossary", "NAME",
      "A glossary that the server stores: see `peregrine glossaries`. May "
      "be repeated.",
      [options](const std::string& name) { options->add_glossaries(name); });
  command
      ->add_option_function<std::string>(
          "--numbers",
          [options](const std::string& name) {
            options->set_number_format(
                name == "source"   ? v1::NUMBER_FORMAT_SOURCE
                : name == "target" ? v1::NUMBER_FORMAT_TARGET
                                   : v1::NUMBER_FORMAT_UNSPECIFIED);
          },
          "How numbers are written: as in the source, as the target language "
          "does (1,234.5 as 1.234,5), or either (the default).")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"source", "target", "either"}));
}

}  // namespace peregrine::client
