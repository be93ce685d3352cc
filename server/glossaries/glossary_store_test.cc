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
  WriteFile("it.tsv", "# languages: en-GB de\na\tb\n");
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
                    ->Put({"x", "en", "de", {}},
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
  ASSERT_TRUE(store->Put({"x", "", "", {}}, {{"a", {"b"}, false}}).ok());
  EXPECT_THAT(Names(*Open()), ElementsAre("x"));
}

TEST_F(GlossaryStoreTest, SaysWhatIsWrong) {
  const auto store = Open();
  const auto error = [&](const char* name, std::vector<document::Term> terms,
                         const char* language = "en") {
    return std::string(store->Put({name, language, "de", {}}, std::move(terms))
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
