#include "client/command/glossaries_command.h"

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/command/command_flags.h"
#include "client/command/json.h"
#include "client/command/text_flags.h"
#include "client/rpc_status.h"
#include "client/translation_client.h"
#include "grpcpp/client_context.h"
#include "peregrine/v1/glossary.grpc.pb.h"

namespace peregrine::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(30);

struct GlossariesFlags {
  ServerFlags server;
  std::string name;
  std::string source_language;
  std::string target_language;
  v1::PutGlossaryRequest put;
};

std::string OrAny(const std::string& language) {
  return language.empty() ? "any" : language;
}

std::string Describe(const v1::Glossary& glossary) {
  return absl::StrCat(glossary.name(), "\t", OrAny(glossary.source_language()),
                      "\t", OrAny(glossary.target_language()), "\t",
                      glossary.term_count(), "\n");
}

// What `act` makes of one call.
template <typename Act>
int Run(const GlossariesFlags& flags, const Console& console, Act act) {
  const auto stub = v1::GlossaryService::NewStub(
      OpenChannel(flags.server.address, CommandOptions(flags.server)));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  const grpc::Status status = act(*stub, &context);
  if (!status.ok()) {
    return Fail(console, flags.server.address, FromGrpcStatus(status));
  }
  console.out->flush();
  return console.out->good() ? kExitOk : kExitFailed;
}

int List(const GlossariesFlags& flags, const Console& console) {
  return Run(flags, console, [&](auto& stub, grpc::ClientContext* context) {
    v1::ListGlossariesResponse response;
    const grpc::Status status = stub.ListGlossaries(context, {}, &response);
    for (const v1::Glossary& glossary : response.glossaries()) {
      *console.out << Describe(glossary);
    }
    return status;
  });
}

// As a file of --glossary.
int Get(const GlossariesFlags& flags, const Console& console) {
  return Run(flags, console, [&](auto& stub, grpc::ClientContext* context) {
    v1::GetGlossaryRequest request;
    request.set_name(flags.name);
    v1::GetGlossaryResponse response;
    const grpc::Status status = stub.GetGlossary(context, request, &response);
    for (const bool case_sensitive : {false, true}) {
      bool is_first = true;
      for (const v1::Term& term : response.terms()) {
        if (term.case_sensitive() != case_sensitive) continue;
        if (case_sensitive && is_first) *console.out << "# case-sensitive\n";
        is_first = false;
        *console.out << term.source();
        for (const std::string& target : term.targets()) {
          *console.out << "\t" << target;
        }
        *console.out << "\n";
      }
    }
    return status;
  });
}

int Put(const GlossariesFlags& flags, const Console& console) {
  return Run(flags, console, [&](auto& stub, grpc::ClientContext* context) {
    v1::PutGlossaryRequest request = flags.put;
    request.set_name(flags.name);
    request.set_source_language(flags.source_language);
    request.set_target_language(flags.target_language);
    v1::PutGlossaryResponse response;
    const grpc::Status status = stub.PutGlossary(context, request, &response);
    if (status.ok()) *console.out << Describe(response.glossary());
    return status;
  });
}

int Delete(const GlossariesFlags& flags, const Console& console) {
  return Run(flags, console, [&](auto& stub, grpc::ClientContext* context) {
    v1::DeleteGlossaryRequest request;
    request.set_name(flags.name);
    v1::DeleteGlossaryResponse response;
    return stub.DeleteGlossary(context, request, &response);
  });
}

}  // namespace

void AddGlossariesCommand(const Console& console, CLI::App* app,
                          int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "glossaries",
      "The glossaries that a server stores: requests name them "
      "(translate --stored-glossary).");
  command->require_subcommand(1);
  const auto flags = std::make_shared<GlossariesFlags>();
  const auto add = [&](const char* name, const char* help, bool has_name,
                       auto run) {
    CLI::App* one = command->add_subcommand(name, help);
    if (has_name) one->add_option("NAME", flags->name)->required();
    AddServerFlags(&flags->server, one);
    one->callback([flags, run, &console, exit_code] {
      *exit_code = run(*flags, console);
    });
    return one;
  };
  add("list", "Name, languages and number of terms of each, with tabs between.",
      /*has_name=*/false, List);
  add("get", "Its terms, a line each: source TAB targets.", /*has_name=*/true,
      Get);
  CLI::App* put =
      add("put", "Adds one or replaces it, at the address of --admin-listen.",
          /*has_name=*/true, Put);
  put->add_option_function<std::string>(
         "FILE",
         [flags](const std::string& path) {
           for (v1::Term& term : ReadGlossary(path)) {
             *flags->put.add_terms() = std::move(term);
           }
         },
         "Terms, one a line: source TAB target; without a target it is not "
         "translated.")
      ->required()
      ->check(CLI::ExistingFile);
  AddLanguageFlags(&flags->source_language, &flags->target_language, put);
  add("delete", "Deletes one, at the address of --admin-listen.",
      /*has_name=*/true, Delete);
}

}  // namespace peregrine::client
