#include "server/api/rest/deepl_glossary_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/glossary_access.h"
#include "server/api/rest/deepl_glossaries.h"
#include "server/errors.h"
#include "server/glossaries/term_lists.h"

namespace peregrine::server {
namespace {

using google::api::HttpBody;
using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using rest::Json;
namespace proto = compat::v1;

constexpr char kApi[] = "deepl.v2";

// What a call is answered with: `act` is given the store and who calls, by
// name.
template <typename Message, typename Act>
grpc::ServerUnaryReactor* Answer(const char* method,
                                 CallbackServerContext& context,
                                 const CallEnvironment& environment,
                                 const ByteBuffer& request,
                                 ByteBuffer& response, Act act) {
  return AnswerAtOnce<Message>(
      {kApi, method}, context, environment, request, response,
      /*is_request=*/true,
      [&](Message& message, const Call& call) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                   Needed(GlossariesOf(environment)));
        return act(message, *store, call.client()->name());
      });
}

// The same of a list, which is empty where nothing is stored.
template <typename Message, typename Describe>
grpc::ServerUnaryReactor* AnswerList(const char* method,
                                     CallbackServerContext& context,
                                     const CallEnvironment& environment,
                                     const ByteBuffer& request,
                                     ByteBuffer& response, Describe describe) {
  return AnswerAtOnce<Message>(
      {kApi, method}, context, environment, request, response,
      /*is_request=*/true,
      [&](Message& /*message*/, const Call& call) -> absl::StatusOr<HttpBody> {
        Json list = Json::array();
        const GlossaryStore* store = GlossariesOf(environment);
        if (store != nullptr) {
          for (const auto& one : store->AllFor(call.client()->name())) {
            Json entry = describe(*one);
            if (!entry.is_null()) list.push_back(std::move(entry));
          }
        }
        return rest::WriteBody({{"glossaries", std::move(list)}});
      });
}

absl::StatusOr<StoredGlossaryPtr> CreateOne(
    const CallEnvironment& environment, GlossaryStore& store,
    const std::string& owner, const std::string& name,
    std::vector<Dictionary> dictionaries) {
  PEREGRINE_RETURN_IF_ERROR(rest::CheckGlossaryName(name));
  GlossaryHead head;
  head.name = rest::NewGlossaryId();
  head.title = name;
  head.owner = owner;
  return store.Create(std::move(head), std::move(dictionaries),
                      environment.options.max_glossaries_per_client);
}

absl::StatusOr<StoredGlossaryPtr> FindOfOnePair(const GlossaryStore& store,
                                                const std::string& reader,
                                                const std::string& id) {
  PEREGRINE_ASSIGN_OR_RETURN(StoredGlossaryPtr glossary,
                             store.FindFor(reader, id));
  if (rest::IsOfOnePair(*glossary)) return glossary;
  return absl::NotFoundError(
      absl::StrCat("the glossary ", Quoted(id),
                   " is not of one pair of languages: ask for "
                   "it by /v3/glossaries"));
}

absl::StatusOr<StoredGlossaryPtr> FindOfPairs(const GlossaryStore& store,
                                              const std::string& reader,
                                              const std::string& id) {
  PEREGRINE_ASSIGN_OR_RETURN(StoredGlossaryPtr glossary,
                             store.FindFor(reader, id));
  if (rest::IsOfPairs(*glossary)) return glossary;
  return absl::NotFoundError(absl::StrCat(
      "the glossary ", Quoted(id), " does not say of which languages it is"));
}

absl::Status NoDictionaryError(const std::string& id, const std::string& source,
                               const std::string& target) {
  return absl::NotFoundError(
      absl::StrCat("the glossary ", Quoted(id), " has no dictionary from ",
                   Quoted(source), " into ", Quoted(target)));
}

// Puts it in the place of what there is; or, if `merges`, adds its terms to it.
void TakeDictionary(Dictionary added, bool merges,
                    std::vector<Dictionary>& dictionaries) {
  Dictionary* there = rest::FindDictionary(dictionaries, added.source_language,
                                           added.target_language);
  if (there == nullptr) {
    dictionaries.push_back(std::move(added));
  } else if (merges) {
    rest::MergeTerms(std::move(added.terms), there->terms);
  } else {
    there->terms = std::move(added.terms);
  }
}

}  // namespace

grpc::ServerUnaryReactor* DeeplGlossaryService::ListGlossaryPairs(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::DeeplListGlossaryPairsRequest>(
      {kApi, "ListGlossaryPairs"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const proto::DeeplListGlossaryPairsRequest& /*message*/)
          -> absl::StatusOr<HttpBody> {
        return rest::WriteGlossaryPairs(environment_.models.routes()->List(""));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::CreateGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplCreateGlossaryRequest>(
      "CreateGlossary", *context, environment_, *request, *response,
      [this](proto::DeeplCreateGlossaryRequest& message, GlossaryStore& store,
             const std::string& caller) -> absl::StatusOr<HttpBody> {
        proto::DeeplDictionary one;
        one.set_source_lang(message.source_lang());
        one.set_target_lang(message.target_lang());
        one.set_entries(std::move(*message.mutable_entries()));
        one.set_entries_format(message.entries_format());
        PEREGRINE_ASSIGN_OR_RETURN(Dictionary dictionary,
                                   rest::ReadDictionary(one, ""));
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            CreateOne(environment_, store, caller, message.name(),
                      {std::move(dictionary)}));
        return rest::WriteBody(rest::DescribeGlossary(*glossary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::ListGlossaries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerList<proto::DeeplListGlossariesRequest>(
      "ListGlossaries", *context, environment_, *request, *response,
      [](const StoredGlossary& glossary) {
        return rest::IsOfOnePair(glossary) ? rest::DescribeGlossary(glossary)
                                           : Json();
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::GetGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplGetGlossaryRequest>(
      "GetGlossary", *context, environment_, *request, *response,
      [](proto::DeeplGetGlossaryRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            FindOfOnePair(store, caller, message.glossary_id()));
        return rest::WriteBody(rest::DescribeGlossary(*glossary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::GetGlossaryEntries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplGetGlossaryEntriesRequest>(
      "GetGlossaryEntries", *context, environment_, *request, *response,
      [](proto::DeeplGetGlossaryEntriesRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            FindOfOnePair(store, caller, message.glossary_id()));
        HttpBody body;
        body.set_content_type("text/tab-separated-values; charset=utf-8");
        body.set_data(WriteTsv(glossary->terms()));
        return body;
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::DeleteGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplDeleteGlossaryRequest>(
      "DeleteGlossary", *context, environment_, *request, *response,
      [](proto::DeeplDeleteGlossaryRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_RETURN_IF_ERROR(
            store.DeleteOwn(caller, message.glossary_id()));
        return HttpBody();
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::CreateMultilingualGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplCreateMultilingualGlossaryRequest>(
      "CreateMultilingualGlossary", *context, environment_, *request, *response,
      [this](proto::DeeplCreateMultilingualGlossaryRequest& message,
             GlossaryStore& store,
             const std::string& caller) -> absl::StatusOr<HttpBody> {
        if (message.dictionaries().empty()) {
          return InvalidFieldsError(
              {{"dictionaries", "found none, needed one"}});
        }
        PEREGRINE_ASSIGN_OR_RETURN(
            std::vector<Dictionary> dictionaries,
            rest::ReadDictionaries(message.dictionaries()));
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            CreateOne(environment_, store, caller, message.name(),
                      std::move(dictionaries)));
        return rest::WriteBody(rest::DescribeMultilingualGlossary(*glossary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::ListMultilingualGlossaries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerList<proto::DeeplListMultilingualGlossariesRequest>(
      "ListMultilingualGlossaries", *context, environment_, *request, *response,
      [](const StoredGlossary& glossary) {
        return rest::IsOfPairs(glossary)
                   ? rest::DescribeMultilingualGlossary(glossary)
                   : Json();
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::GetMultilingualGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplGetMultilingualGlossaryRequest>(
      "GetMultilingualGlossary", *context, environment_, *request, *response,
      [](proto::DeeplGetMultilingualGlossaryRequest& message,
         GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            FindOfPairs(store, caller, message.glossary_id()));
        return rest::WriteBody(rest::DescribeMultilingualGlossary(*glossary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::GetDictionaryEntries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplGetDictionaryEntriesRequest>(
      "GetDictionaryEntries", *context, environment_, *request, *response,
      [](proto::DeeplGetDictionaryEntriesRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            FindOfPairs(store, caller, message.glossary_id()));
        std::vector<Dictionary> dictionaries = glossary->dictionaries();
        const Dictionary* one = rest::FindDictionary(
            dictionaries, message.source_lang(), message.target_lang());
        if (one == nullptr) {
          return NoDictionaryError(message.glossary_id(), message.source_lang(),
                                   message.target_lang());
        }
        return rest::WriteBody(
            {{"dictionaries", Json::array({rest::DescribeEntries(*one)})}});
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::UpdateMultilingualGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplUpdateMultilingualGlossaryRequest>(
      "UpdateMultilingualGlossary", *context, environment_, *request, *response,
      [](proto::DeeplUpdateMultilingualGlossaryRequest& message,
         GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(
            std::vector<Dictionary> added,
            rest::ReadDictionaries(message.dictionaries()));
        if (added.empty()) {
          PEREGRINE_RETURN_IF_ERROR(rest::CheckGlossaryName(message.name()));
        }
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            store.ChangeOwn(
                caller, message.glossary_id(),
                [&](GlossaryHead& head, std::vector<Dictionary>& dictionaries) {
                  if (!message.name().empty()) head.title = message.name();
                  for (Dictionary& one : added) {
                    TakeDictionary(std::move(one), /*merges=*/true,
                                   dictionaries);
                  }
                  return rest::CheckGlossaryName(head.title);
                }));
        return rest::WriteBody(rest::DescribeMultilingualGlossary(*glossary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::ReplaceDictionary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplReplaceDictionaryRequest>(
      "ReplaceDictionary", *context, environment_, *request, *response,
      [](proto::DeeplReplaceDictionaryRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        proto::DeeplDictionary one;
        one.set_source_lang(message.source_lang());
        one.set_target_lang(message.target_lang());
        one.set_entries(std::move(*message.mutable_entries()));
        one.set_entries_format(message.entries_format());
        PEREGRINE_ASSIGN_OR_RETURN(const Dictionary dictionary,
                                   rest::ReadDictionary(one, ""));
        PEREGRINE_RETURN_IF_ERROR(
            store
                .ChangeOwn(caller, message.glossary_id(),
                           [&](GlossaryHead& /*head*/,
                               std::vector<Dictionary>& dictionaries) {
                             TakeDictionary(dictionary, /*merges=*/false,
                                            dictionaries);
                             return absl::OkStatus();
                           })
                .status());
        return rest::WriteBody(rest::DescribeDictionary(dictionary));
      });
}

grpc::ServerUnaryReactor* DeeplGlossaryService::DeleteDictionary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Answer<proto::DeeplDeleteDictionaryRequest>(
      "DeleteDictionary", *context, environment_, *request, *response,
      [](proto::DeeplDeleteDictionaryRequest& message, GlossaryStore& store,
         const std::string& caller) -> absl::StatusOr<HttpBody> {
        PEREGRINE_RETURN_IF_ERROR(
            store
                .ChangeOwn(
                    caller, message.glossary_id(),
                    [&](GlossaryHead& /*head*/,
                        std::vector<Dictionary>& dictionaries) -> absl::Status {
                      const Dictionary* one = rest::FindDictionary(
                          dictionaries, message.source_lang(),
                          message.target_lang());
                      if (one == nullptr) {
                        return NoDictionaryError(message.glossary_id(),
                                                 message.source_lang(),
                                                 message.target_lang());
                      }
                      if (dictionaries.size() == 1) {
                        return absl::InvalidArgumentError(
                            "found the only dictionary of the glossary: delete "
                            "the glossary");
                      }
                      dictionaries.erase(dictionaries.begin() +
                                         (one - dictionaries.data()));
                      return absl::OkStatus();
                    })
                .status());
        return HttpBody();
      });
}

}  // namespace peregrine::server
