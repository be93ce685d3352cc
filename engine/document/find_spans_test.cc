#include "engine/document/find_spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::document {
namespace {

using testing::HasSubstr;

// "kind:text" of each span, with " | " between.
std::string Found(
    absl::string_view text, SpanKinds kinds = SpanKinds::All(),
    absl::Span<const std::shared_ptr<const SpanPatterns>> patterns = {}) {
  std::vector<std::string> found;
  for (const Span& span : FindSpans(text, kinds, patterns)) {
    found.push_back(
        absl::StrCat(SpanKindName(span.kind), "=",
                     text.substr(span.range.begin, span.range.size())));
  }
  return absl::StrJoin(found, " | ");
}

// Whether Found names a span of `kind`.
bool Has(absl::string_view found, SpanKind kind) {
  return absl::StrContains(absl::StrCat(" ", found),
                           absl::StrCat(" ", SpanKindName(kind), "="));
}

struct Case {
  const char* text;
  const char* found;
};

TEST(FindSpansTest, FindsEachKind) {
  const Case cases[] = {
      // Addresses.
      {"See https://a.org/b?c=d&e=f#g. Then", "url=https://a.org/b?c=d&e=f#g"},
      {"See HTTP://A.ORG, please", "url=HTTP://A.ORG"},
      {"(see https://a.org/b_(c)), ok", "url=https://a.org/b_(c)"},
      {"go to www.a.org/x!", "url=www.a.org/x"},
      {"go to a-b.example.com/x now", "url=a-b.example.com/x"},
      {"at 2001:db8::1 or fe80::1:2", "url=2001:db8::1 | url=fe80::1:2"},
      {"at 192.168.0.1:80 and 10.0.0.0/8",
       "url=192.168.0.1:80 | url=10.0.0.0/8"},
      {"请访问https://a.org/x谢谢", "url=https://a.org/x"},
      {"ftp://h/p; mailto:x@y.org", "url=ftp://h/p | url=mailto:x@y.org"},
      {"write to jo.doe+x@mail.example.org.",
       "email=jo.doe+x@mail.example.org"},
      {"<jo@a.org>", "email=<jo@a.org>"},
      // Files.
      {"open /etc/hosts or ~/x.txt", "path=/etc/hosts | path=~/x.txt"},
      {"in C:\\Temp\\a.txt now", "path=C:\\Temp\\a.txt"},
      {"C:\\Program Files\\App\\x.exe is, C:/a b",
       "path=C:\\Program Files\\App\\x.exe | path=C:/a"},
      {"edit src/main.cc and readme.md", "path=src/main.cc | path=readme.md"},
      {"../a/b and \\\\host\\share", "path=../a/b | path=\\\\host\\share"},
      {"and/or, he/she, 5/6, km/h", ""},
      // Versions; product numbers, dates and numbers are shown.
      {"v1.2 and 1.2.3-rc1, not 1.2.", "version=v1.2 | version=1.2.3-rc1"},
      {"24.12.2025, 1.000.000, 3.11, RTX-4090, Section 1.2", ""},
      // Placeholders.
      {"Hi {name}, {{x.y}} ${z} {0} {}",
       "placeholder={name} | placeholder={{x.y}} | placeholder=${z} | "
       "placeholder={0} | placeholder={}"},
      {"{0,number} and {n, plural, one {a} other {b}}",
       "placeholder={0,number} | placeholder={n, plural, one {a} other {b}}"},
      {"%s of %1$s, %(x)d, %-5.2f, %@ %%name%%",
       "placeholder=%s | placeholder=%1$s | placeholder=%(x)d | "
       "placeholder=%-5.2f | placeholder=%@ | placeholder=%name%"},
      {"50% discount, 100%, 5 %", ""},
      {"a <x/> b <a href=\"q\">c</a>",
       "placeholder=<x/> | placeholder=<a href=\"q\"> | placeholder=</a>"},
      {"a < b and c > d, x <= y", ""},
      {"AT&T &amp; &#39;", "placeholder=&amp; | placeholder=&#39;"},
      {"$HOME is __init__", "placeholder=$HOME | placeholder=__init__"},
      // Of chats.
      {"hi :smile: at 10:30:45 :+1", "shortcode=:smile:"},
      {"@jo said #win, C# #1", "mention=@jo | tag=#win"},
      {"`a b` and ``c`d``", "code=`a b` | code=``c`d``"},
      {"```\nx\n```", "code=```\nx\n```"},
      // Pictures.
      {"hi 😀👍🏽 and 👨‍👩‍👧, 🇩🇪 1️⃣ ❤️ ©️",
       "emoji=😀👍🏽 | emoji=👨‍👩‍👧 | emoji=🇩🇪 | "
       "emoji=1️⃣ "
       "| "
       "emoji=❤️ "
       "| "
       "emoji=©️"},
      {"© 2020 ™ ± ½ 5#", ""},
      // What they stand in.
      {"open file_{n}.log now", "placeholder=file_{n}.log"},
      {"say \"{name}\" or (%s)", "placeholder=\"{name}\" | placeholder=(%s)"},
      {"{name}'s house", "placeholder={name}'s"},
      {"“%s”, „{x}“", "placeholder=“%s” | placeholder=„{x}“"},
      {"plain text. Nothing here: no (really).", ""},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(Found(c.text), c.found) << c.text;
}

TEST(FindSpansTest, EachKindCanBeSwitchedOff) {
  const absl::string_view text = "https://a.org jo@a.org {x} :o: @a #b `c` 😀";
  for (SpanKind kind :
       {SpanKind::kUrl, SpanKind::kEmail, SpanKind::kPlaceholder,
        SpanKind::kShortcode, SpanKind::kMention, SpanKind::kTag,
        SpanKind::kCode, SpanKind::kEmoji}) {
    SpanKinds kinds = SpanKinds::All();
    kinds.Remove(kind);
    EXPECT_TRUE(Has(Found(text), kind)) << Found(text);
    EXPECT_FALSE(Has(Found(text, kinds), kind)) << Found(text, kinds);
  }
  EXPECT_EQ(Found(text, SpanKinds::None()), "");
}

TEST(FindSpansTest, TakesPatternsOfTheCaller) {
  const auto patterns = SpanPatterns::Compile({"ID-\\d+", "§§.*?§§", "x*"});
  ASSERT_TRUE(patterns.ok()) << patterns.status();
  EXPECT_EQ(Found("see ID-42 and §§a b§§, xx", SpanKinds::All(), {*patterns}),
            "pattern=ID-42 | pattern=§§a b§§ | pattern=xx");
}

TEST(FindSpansTest, NamesWhatIsWrongWithAPattern) {
  EXPECT_THAT(SpanPatterns::Compile({"a", "(b"}).status().message(),
              HasSubstr("pattern 1 (\"(b\"): missing )"));
  EXPECT_THAT(SpanPatterns::Compile({""}).status().message(),
              HasSubstr("pattern 0"));
  EXPECT_THAT(
      SpanPatterns::Compile({std::string(2000, 'a')}).status().message(),
      HasSubstr("found 2000 bytes"));
  EXPECT_THAT(SpanPatterns::Compile(std::vector<std::string>(65, "a"))
                  .status()
                  .message(),
              HasSubstr("found 65 patterns"));
}

TEST(FindSpansTest, TakesLongTextInLinearTime) {
  for (const char* part :
       {"a/", "<a ", "{", "@a", "`", "a.com", "%(", ":a", "a@", "http://",
        "<a b=\"", "\\\\a\\", "{a,{", "😀"}) {
    std::string text;
    while (text.size() < 60000) text += part;
    FindSpans(text, SpanKinds::All());
  }
}

TEST(FindKeptTest, FindsNumbersAndVersions) {
  const auto kept = [](absl::string_view text) {
    std::vector<std::string> found;
    for (const Span& span : FindKept(text, SpanKinds::All())) {
      found.push_back(
          absl::StrCat(SpanKindName(span.kind), "=",
                       text.substr(span.range.begin, span.range.size())));
    }
    return absl::StrJoin(found, " | ");
  };
  EXPECT_EQ(kept("It cost 3.50 or 1,000.25 at 10:30."),
            "number=3.50 | number=1,000.25 | number=10:30");
  EXPECT_EQ(kept("use v2 or 1.2.3-rc1 on an RTX-4090, B52"),
            "version=v2 | version=1.2.3-rc1 | version=RTX-4090 | version=B52");
  EXPECT_EQ(kept("٣ apples, the 3rd"), "number=٣ | number=3");
  EXPECT_EQ(kept("none"), "");
}

}  // namespace
}  // namespace peregrine::document
