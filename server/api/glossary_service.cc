#include "server/api/glossary_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "server/api/admin_call.h"
#include "server/api/answer_at_once.h"
#include "server/api/glossary_access.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;

constexpr char kApi[] = "peregrine.v1.Glossaries";

v1::Glossary Describe(const StoredGlossary& glossary) {
  v1::Glossary proto;
  const GlossaryHead& head = glossary.head();
  proto.set_name(head.name);
  proto.set_source_language(head.source_language);
  proto.set_target_language(head.target_language);
  proto.set_term_count(static_cast<int32_t>(glossary.terms().size()));
  proto.mutable_changed()->set_seconds(absl::ToUnixSeconds(head.changed));
  return proto;
}

v1::ListGlossariesResponse List(
    const std::vector<StoredGlossaryPtr>& glossaries) {
  v1::ListGlossariesResponse response;
  for (const StoredGlossaryPtr& glossary : glossaries) {
    *response.add_glossaries() = Describe(*glossary);
  }
  return response;
}

v1::GetGlossaryResponse DescribeAll(const StoredGlossaryPtr& glossary) {
  v1::GetGlossaryResponse response;
  *response.mutable_glossary() = Describe(*glossary);
  for (const document::Term& term : glossary->terms()) {
    v1::Term& proto = *response.add_terms();
    proto.set_source(term.source);
    for (const std::string& target : term.targets) proto.add_targets(target);
    proto.set_case_sensitive(term.case_sensitive);
  }
  return response;
}

// What is wrong with a field of PutGlossary, which the store names first.
absl::Status OfField(const absl::Status& status) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(status.message(), absl::MaxSplits(": ", 1));
  if (!absl::IsInvalidArgument(status) || parts.second.empty()) return status;
  return InvalidFieldsError({{parts.first, parts.second}});
}

absl::StatusOr<v1::PutGlossaryResponse> Put(GlossaryStore* maybe_store,
                                            const v1::PutGlossaryRequest& put) {
  PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store, Needed(maybe_store));
  GlossaryHead head;
  head.name = put.name();
  head.source_language = put.source_language();
  head.target_language = put.target_language();
  std::vector<document::Term> terms;
  for (const v1::Term& term : put.terms()) {
    terms.push_back({term.source(),
                     {term.targets().begin(), term.targets().end()},
                     term.case_sensitive()});
  }
  const absl::StatusOr<StoredGlossaryPtr> glossary =
      store->Put(std::move(head), std::move(terms));
  if (!glossary.ok()) return OfField(glossary.status());
  v1::PutGlossaryResponse response;
  *response.mutable_glossary() = Describe(**glossary);
  return response;
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* RefuseChange(const char* method,
                                       CallbackServerContext& context,
                                       const CallEnvironment& environment,
                                       const ByteBuffer& request,
                                       ByteBuffer& response) {
  return AnswerAtOnce<Request>(
      {kApi, method}, context, environment, request, response,
      /*is_request=*/false,
      [&](const Request& /*message*/) -> absl::StatusOr<Response> {
        return absl::PermissionDeniedError(
            absl::StrCat(method,
                         ": glossaries are changed at the address of "
                         "--admin-listen"));
      });
}

}  // namespace

grpc::Status GlossaryAdminService::ListGlossaries(
    grpc::ServerContext* context, const v1::ListGlossariesRequest* /*request*/,
    v1::ListGlossariesResponse* response) {
  return AnswerAdmin({kApi, "ListGlossaries"}, *context, environment_, "", [&] {
    if (store_ != nullptr) *response = List(store_->All());
    return absl::OkStatus();
  });
}

grpc::Status GlossaryAdminService::GetGlossary(
    grpc::ServerContext* context, const v1::GetGlossaryRequest* request,
    v1::GetGlossaryResponse* response) {
  return AnswerAdmin(
      {kApi, "GetGlossary"}, *context, environment_, request->name(),
      [&]() -> absl::Status {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store, Needed(store_));
        PEREGRINE_ASSIGN_OR_RETURN(const StoredGlossaryPtr glossary,
                                   store->Find(request->name()));
        *response = DescribeAll(glossary);
        return absl::OkStatus();
      });
}

grpc::Status GlossaryAdminService::PutGlossary(
    grpc::ServerContext* context, const v1::PutGlossaryRequest* request,
    v1::PutGlossaryResponse* response) {
  return AnswerAdmin({kApi, "PutGlossary"}, *context, environment_,
                     request->name(), [&]() -> absl::Status {
                       PEREGRINE_ASSIGN_OR_RETURN(*response,
                                                  Put(store_, *request));
                       return absl::OkStatus();
                     });
}

grpc::Status GlossaryAdminService::DeleteGlossary(
    grpc::ServerContext* context, const v1::DeleteGlossaryRequest* request,
    v1::DeleteGlossaryResponse* /*response*/) {
  return AnswerAdmin({kApi, "DeleteGlossary"}, *context, environment_,
                     request->name(), [&]() -> absl::Status {
                       PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                                  Needed(store_));
                       return store->Delete(request->name());
                     });
}

grpc::ServerUnaryReactor* GlossaryReaderService::ListGlossaries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::ListGlossariesRequest>(
      {kApi, "ListGlossaries"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const v1::ListGlossariesRequest& /*message*/,
             const Call& call) -> absl::StatusOr<v1::ListGlossariesResponse> {
        const GlossaryStore* store = GlossariesOf(environment_);
        if (store == nullptr) return v1::ListGlossariesResponse();
        return List(store->AllFor(call.client()->name()));
      });
}

grpc::ServerUnaryReactor* GlossaryReaderService::GetGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::GetGlossaryRequest>(
      {kApi, "GetGlossary"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const v1::GetGlossaryRequest& get,
             const Call& call) -> absl::StatusOr<v1::GetGlossaryResponse> {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                   Needed(GlossariesOf(environment_)));
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            store->FindFor(call.client()->name(), get.name()));
        return DescribeAll(glossary);
      });
}

grpc::ServerUnaryReactor* GlossaryReaderService::PutGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return RefuseChange<v1::PutGlossaryRequest, v1::PutGlossaryResponse>(
      "PutGlossary", *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* GlossaryReaderService::DeleteGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return RefuseChange<v1::DeleteGlossaryRequest, v1::DeleteGlossaryResponse>(
      "DeleteGlossary", *context, environment_, *request, *response);
}

}  // namespace peregrine::server
