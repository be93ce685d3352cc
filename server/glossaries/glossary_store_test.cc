#include "server/glossaries/glossary_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace peregrine::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GlossaryStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/glossaries-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void WriteFile(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name) << content;
  }
  std::unique_ptr<GlossaryStore> Open() {
    auto store = GlossaryStore::Open(directory_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::string OpenError() {
    return std::string(GlossaryStore::Open(directory_).status().message());
  }
  static std::vector<std::string> Names(const GlossaryStore& store) {
    std::vector<std::string> names;
    for (const StoredGlossaryPtr& glossary : store.All()) {
      names.push_back(glossary->head().name);
    }
    return names;
  }
  static std::vector<std::string> TargetsOf(const GlossaryStore& store,
                                            const char* name,
                                            const char* text) {
    std::vector<std::string> targets;
    const auto stored = store.Find(name);
    if (!stored.ok()) return {std::string(stored.status().message())};
    const auto glossary = (*stored)->For("en", "de");
    if (!glossary.ok()) return {std::string(glossary.status().message())};
    for (const document::TermMatch& match : (*glossary)->Find(text)) {
      targets.push_back(match.targets[0]);
    }
    return targets;
  }
  // Two looks, so that what is written is taken.
  static void Look(GlossaryStore& store) {
    store.Refresh();
    store.Refresh();
  }

  static GlossaryHead Head(const char* name, const char* source,
                           const char* target) {
    GlossaryHead head;
    head.name = name;
    head.source_language = source;
    head.target_language = target;
    return head;
  }

  std::string directory_;
};

constexpr char kTbx[] = R"(<tbx><text><body><conceptEntry>
  <langSec xml:lang="en"><termSec><term>mouse</term></termSec></langSec>
  <langSec xml:lang="de"><termSec><term>Maus</term></termSec></langSec>
</conceptEntry></body></text></tbx>)";

TEST_F(GlossaryStoreTest, ReadsTsvAndTbx) {
  WriteFile("it.tsv", "# languages: en de\nserver\tRechner\nRed Kite\n");
  WriteFile("animals.tbx", kTbx);
  WriteFile("notes.txt", "no glossary");
  WriteFile(".hidden.tsv", "no\tglossary");
  const auto store = Open();
  EXPECT_THAT(Names(*store), ElementsAre("animals", "it"));
  EXPECT_THAT(TargetsOf(*store, "it", "The server"), ElementsAre("Rechner"));
  EXPECT_THAT(TargetsOf(*store, "animals", "A mouse"), ElementsAre("Maus"));
  EXPECT_EQ((*store->Find("it"))->head().target_language, "de");
}

TEST_F(GlossaryStoreTest, IsForItsLanguages) {
  WriteFile("it.tsv", "\xEF\xBB\xBF# languages: en-GB de\na\tb\n");
  WriteFile("any.tsv", "a\tb\n");
  WriteFile("animals.tbx", kTbx);
  const auto store = Open();
  EXPECT_TRUE((*store->Find("it"))->For("eng_Latn", "de-AT").ok());
  EXPECT_TRUE((*store->Find("it"))->For("", "").ok());
  EXPECT_EQ((*store->Find("it"))->For("fr", "de").status().message(),
            "\"it\" is from en-GB into de, the translation from fr into de");
  EXPECT_TRUE((*store->Find("any"))->For("fr", "pl").ok());
  EXPECT_TRUE((*store->Find("animals"))->For("eng_Latn", "deu_Latn").ok());
  EXPECT_FALSE((*store->Find("animals"))->For("en", "fr").ok());
  EXPECT_FALSE((*store->Find("animals"))->For("", "").ok());
}

TEST_F(GlossaryStoreTest, NoticesFilesThatComeChangeAndGo) {
  WriteFile("a.tsv", "server\tRechner\n");
  const auto store = Open();
  WriteFile("b.tsv", "mouse\tMaus\n");
  store->Refresh();
  EXPECT_THAT(Names(*store), ElementsAre("a"));  // it may not be finished
  store->Refresh();
  EXPECT_THAT(Names(*store), ElementsAre("a", "b"));
  const auto before = *store->Find("a");
  WriteFile("a.tsv", "server\tDiener, neu\n");
  Look(*store);
  EXPECT_THAT(TargetsOf(*store, "a", "server"), ElementsAre("Diener, neu"));
  EXPECT_EQ(before->terms()[0].targets[0], "Rechner");  // who has it keeps it
  unlink((directory_ + "/b.tsv").c_str());
  Look(*store);
  EXPECT_THAT(Names(*store), ElementsAre("a"));
}

TEST_F(GlossaryStoreTest, ABadFileLeavesTheLastGoodOne) {
  WriteFile("a.tsv", "server\tRechner\n");
  const auto store = Open();
  WriteFile("a.tsv", "\tno source\n");
  WriteFile("b.tsv", "\tno source\n");
  Look(*store);
  EXPECT_THAT(TargetsOf(*store, "a", "server"), ElementsAre("Rechner"));
  EXPECT_THAT(Names(*store), ElementsAre("a"));
  EXPECT_EQ(store->failures(), 2);
  Look(*store);
  EXPECT_EQ(store->failures(), 2);
  WriteFile("b.tsv", "mouse\tMaus, die\n");
  Look(*store);
  EXPECT_THAT(Names(*store), ElementsAre("a", "b"));
}

TEST_F(GlossaryStoreTest, WhatIsPutLasts) {
  {
    const auto store = Open();
    ASSERT_TRUE(store
                    ->Put(Head("x", "en", "de"),
                          {{"server", {"Rechner", "Server"}, false},
                           {"#tag", {}, false},
                           {"Polish", {"polnisch"}, true}})
                    .ok());
    Look(*store);
    EXPECT_THAT(TargetsOf(*store, "x", "a server"), ElementsAre("Rechner"));
  }
  const auto store = Open();
  EXPECT_THAT(TargetsOf(*store, "x", "The server polish"),
              ElementsAre("Rechner"));
  EXPECT_THAT(TargetsOf(*store, "x", "Polish"), ElementsAre("polnisch"));
  const auto terms = (*store->Find("x"))->terms();
  ASSERT_EQ(terms.size(), 3u);
  EXPECT_EQ(terms[1].source, "#tag");
  EXPECT_THAT(terms[1].targets, IsEmpty());
  EXPECT_TRUE(terms[2].case_sensitive);
  EXPECT_TRUE(store->Delete("x").ok());
  EXPECT_TRUE(absl::IsNotFound(store->Delete("x")));
  EXPECT_THAT(Names(*Open()), IsEmpty());
}

TEST_F(GlossaryStoreTest, APutReplacesTbxOfTheSameName) {
  WriteFile("x.tbx", kTbx);
  const auto store = Open();
  ASSERT_TRUE(store->Put(Head("x", "", ""), {{"a", {"b"}, false}}).ok());
  EXPECT_THAT(Names(*Open()), ElementsAre("x"));
}

TEST_F(GlossaryStoreTest, OneFileHasDictionariesOfSeveralPairs) {
  WriteFile("it.tsv",
            "server\tRechner\n# languages: en de\nmouse\tMaus\n"
            "# case-sensitive\nIT\tEDV\n# languages: de en\nMaus\tmouse\n");
  const auto store = Open();
  EXPECT_THAT(TargetsOf(*store, "it", "server mouse IT it"),
              ElementsAre("Rechner", "Maus", "EDV"));
  const auto it = *store->Find("it");
  EXPECT_EQ((*it->For("de-AT", "eng"))->terms()[0].targets[0], "mouse");
  EXPECT_FALSE((*it->For("de", "en"))->terms()[0].case_sensitive);
  EXPECT_EQ(it->For("fr", "de").status().message(),
            "\"it\" is from en into de, from de into en, the translation from "
            "fr into de");
  EXPECT_EQ(it->head().source_language, "");
  EXPECT_THAT(it->terms(), IsEmpty());

  WriteFile("bad.tsv", "a\tb\n# languages: en de\n# languages: en fr\n\tc\n");
  EXPECT_THAT(OpenError(), HasSubstr("bad.tsv: line 4"));
  WriteFile("bad.tsv", "# languages: en de\na\tb\n# languages: en de\na\tb\n");
  EXPECT_THAT(OpenError(), HasSubstr("two dictionaries from en into de"));
}

TEST_F(GlossaryStoreTest, FindsTermsInAnyCaseIfAsked) {
  WriteFile("it.tsv", "# case-sensitive\nIT\tEDV\nit\tdas\n");
  const auto store = Open();
  const auto it = *store->Find("it");
  EXPECT_THAT((*it->For("en", "de"))->Find("It IT"), testing::SizeIs(1));
  const auto any_case = *it->For("en", "de", /*any_case=*/true);
  ASSERT_THAT(any_case->Find("It IT"), testing::SizeIs(2));
  EXPECT_THAT(any_case->terms(), testing::SizeIs(1));
  EXPECT_EQ(any_case, *it->For("en", "de", /*any_case=*/true));
}

TEST_F(GlossaryStoreTest, WhatClientsStoreIsTheirs) {
  WriteFile("operator.tsv", "a\tb\n");
  const auto name_of = [](const auto& glossaries) {
    std::vector<std::string> names;
    for (const auto& one : glossaries) names.push_back(one->head().name);
    return names;
  };
  const auto create = [](GlossaryStore& store, const char* name,
                         const char* owner) {
    GlossaryHead head;
    head.name = name;
    head.title = "Of \"mine\"\nand more";
    head.owner = owner;
    std::vector<Dictionary> dictionaries = {
        {"en", "de", {{"server", {"Rechner"}, false}}},
        {"de", "en", {{"Rechner", {"server"}, true}}}};
    return store.Create(head, std::move(dictionaries), 1).status();
  };
  {
    const auto store = Open();
    EXPECT_TRUE(create(*store, "anna.1", "anna").ok());
    EXPECT_TRUE(create(*store, "nobody.1", "").ok());
    EXPECT_TRUE(absl::IsAlreadyExists(create(*store, "anna.1", "bert")));
    EXPECT_TRUE(absl::IsAlreadyExists(create(*store, "operator", "bert")));
    EXPECT_TRUE(absl::IsResourceExhausted(create(*store, "anna.2", "anna")));
  }
  const auto store = Open();
  EXPECT_THAT(name_of(store->AllFor("anna")),
              ElementsAre("anna.1", "operator"));
  EXPECT_THAT(name_of(store->AllFor("")), ElementsAre("nobody.1", "operator"));
  EXPECT_THAT(Names(*store), ElementsAre("anna.1", "nobody.1", "operator"));
  const auto anna = *store->FindFor("anna", "anna.1");
  EXPECT_EQ(anna->head().title, "Of \"mine\"\nand more");
  ASSERT_THAT(anna->dictionaries(), testing::SizeIs(2));
  EXPECT_TRUE(anna->dictionaries()[1].terms[0].case_sensitive);
  const auto hidden = store->FindFor("bert", "anna.1").status();
  EXPECT_TRUE(absl::IsNotFound(hidden));
  EXPECT_THAT(std::string(hidden.message()),
              testing::Not(HasSubstr("nobody.1")));

  const auto rename = [](GlossaryHead& head, std::vector<Dictionary>&) {
    head.title = "new";
    return absl::OkStatus();
  };
  EXPECT_TRUE(
      absl::IsNotFound(store->ChangeOwn("bert", "anna.1", rename).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(
      store->ChangeOwn("anna", "operator", rename).status()));
  EXPECT_TRUE(store->ChangeOwn("anna", "anna.1", rename).ok());
  EXPECT_EQ((*store->Find("anna.1"))->head().title, "new");
  EXPECT_EQ((*store->Find("anna.1"))->head().owner, "anna");
  EXPECT_TRUE(absl::IsPermissionDenied(store->DeleteOwn("anna", "operator")));
  EXPECT_TRUE(absl::IsNotFound(store->DeleteOwn("", "anna.1")));
  EXPECT_TRUE(store->DeleteOwn("anna", "anna.1").ok());
  EXPECT_THAT(Names(*Open()), ElementsAre("nobody.1", "operator"));
}

TEST_F(GlossaryStoreTest, SaysWhatIsWrong) {
  const auto store = Open();
  const auto error = [&](const char* name, std::vector<document::Term> terms,
                         const char* language = "en") {
    return std::string(store->Put(Head(name, language, "de"), std::move(terms))
                           .status()
                           .message());
  };
  const document::Term good = {"a", {"b"}, false};
  EXPECT_THAT(error("../x", {good}), HasSubstr("name: found \"../x\""));
  EXPECT_THAT(error("", {good}), HasSubstr("name: found \"\""));
  EXPECT_THAT(error("x", {}), HasSubstr("terms: found none"));
  EXPECT_THAT(error("x", {good, {"c\td", {}, false}}), HasSubstr("terms[1]"));
  EXPECT_THAT(error("x", {good}, "English!"), HasSubstr("source_language"));
  EXPECT_THAT(error("x", {good, good}), HasSubstr("is term 0, too"));
  EXPECT_THAT(Names(*store), IsEmpty());
  EXPECT_THAT(std::string(store->Find("x").status().message()),
              HasSubstr("none is stored"));

  WriteFile("bad.tsv", "ok\tok\n\tno source\n");
  EXPECT_THAT(OpenError(), HasSubstr("bad.tsv: line 2"));
  WriteFile("bad.tsv", "a\tb\n");
  WriteFile("bad.tbx", kTbx);
  EXPECT_THAT(OpenError(), HasSubstr("expected one of them"));
  unlink((directory_ + "/bad.tsv").c_str());
  WriteFile("bad.tbx", "<html/>");
  EXPECT_THAT(OpenError(), HasSubstr("bad.tbx"));
  EXPECT_THAT(
      std::string(GlossaryStore::Open(directory_ + "/none").status().message()),
      HasSubstr("--glossaries: cannot read"));
}

}  // namespace
}  // namespace peregrine::server
