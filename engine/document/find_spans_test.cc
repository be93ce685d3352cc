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
  std::vector<Span> spans = FindSpans(text, kinds, patterns);
  JoinSpans(
      text, [](const ByteRange&) { return true; }, &spans);
  for (const Span& span : spans) {
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
       "placeholder=%-5.2f | placeholder=%@ | placeholder=%%name%%"},
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

TEST(FindSpansTest, FindsAddressesOfAnyForm) {
  const Case cases[] = {
      {"https://münchen.example/straße?q=ü, ok",
       "url=https://münchen.example/straße?q=ü"},
      {"Open http://[2001:db8::1]:8080/i.html now",
       "url=http://[2001:db8::1]:8080/i.html"},
      {"at 2001:db8:85a3::8a2e:370:7334, ::1 and fe80::/10",
       "url=2001:db8:85a3::8a2e:370:7334 | url=::1 | url=fe80::/10"},
      {"bit.ly/3xYz, t.me/x and a.house:8080 or localhost:3000/x",
       "url=bit.ly/3xYz | url=t.me/x | url=a.house:8080 | "
       "url=localhost:3000/x"},
      {"例え.jp and пример.рф", "url=例え.jp | url=пример.рф"},
      {"data:text/plain;base64,SGk=; magnet:?xt=a:b; doi:10.1/2",
       "url=data:text/plain;base64,SGk= | url=magnet:?xt=a:b | "
       "url=doi:10.1/2"},
      {"sms:+1555; urn:isbn:045; about:blank",
       "url=sms:+1555 | url=urn:isbn:045 "
       "| url=about:blank"},
      {"That is it.So we go. At 3.5km/h, i.e. and/or", ""},
      {"a.org, b@c.io,d@e.io;f@g.io", "url=a.org | email=b@c.io,d@e.io;f@g.io"},
      {"jo.o'neil+x@a.co.uk, 'bob@a.org', root@localhost, x@[10.0.0.1]",
       "email=jo.o'neil+x@a.co.uk | email='bob@a.org' | email=root@localhost | "
       "email=x@[10.0.0.1]"},
      {"请写jo@a.org谢谢 or 用户@例子.公司",
       "email=jo@a.org | email=用户@例子.公司"},
      {"git@github.com:org/repo.git", "email=git@github.com:org/repo.git"},
      {"%APPDATA%\\Foo\\bar.ini and $HOME/.config/x",
       "path=%APPDATA%\\Foo\\bar.ini | path=$HOME/.config/x"},
      {"src/**/*.ts, *.txt, @scope/package, .gitignore",
       "path=src/**/*.ts | path=*.txt | path=@scope/package | "
       "path=.gitignore"},
      {"wait ...und .5", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(Found(c.text), c.found) << c.text;
}

TEST(FindSpansTest, FindsPlaceholdersOfAnyTemplate) {
  const Case cases[] = {
      {"{{ user.name }} {{{raw}}} {{#if ok}}",
       "placeholder={{ user.name }} | placeholder={{{raw}}} | "
       "placeholder={{#if ok}}"},
      {"{{\n x\n}} and {% if x %}",
       "placeholder={{\n x\n}} | "
       "placeholder={% if x %}"},
      {"${a + b} #{x ? y : z} %{n} @{m}",
       "placeholder=${a + b} | placeholder=#{x ? y : z} | placeholder=%{n} | "
       "placeholder=@{m}"},
      {"{a ? b : c} {x?.y} {v|f} {n!r:>10} {$t} {/if}",
       "placeholder={a ? b : c} | placeholder={x?.y} | placeholder={v|f} | "
       "placeholder={n!r:>10} | placeholder={$t} | placeholder={/if}"},
      {"{n, plural, =0 {no {t}} one {a {t}} other {{n} {t}}} x",
       "placeholder={n, plural, =0 {no {t}} one {a {t}} other {{n} {t}}}"},
      {"{0,number} {d, date, long} {2,5:F1} {0:yyyy-MM-dd}",
       "placeholder={0,number} | placeholder={d, date, long} | "
       "placeholder={2,5:F1} | placeholder={0:yyyy-MM-dd}"},
      {"{see the note} {apples, pears} {unclosed", ""},
      {"%3$05.1f%% of %d%%, 100%, %%",
       "placeholder=%3$05.1f%% | "
       "placeholder=%d%% | placeholder=%%"},
      {"[% x %] $(cmd arg) ##N## *|F|* <<x>> __N__",
       "placeholder=[% x %] | placeholder=$(cmd arg) | placeholder=##N## | "
       "placeholder=*|F|* | placeholder=<<x>> | placeholder=__N__"},
      {"<0>here</0> <1/> </12>",
       "placeholder=<0> | placeholder=</0> | "
       "placeholder=<1/> | placeholder=</12>"},
      {"hi :name, see :count of 10:30",
       "placeholder=:name | placeholder=:count"},
      {"{a}/{b}, {x}-{y} {u} {v}",
       "placeholder={a}/{b} | placeholder={x}-{y} | placeholder={u} | "
       "placeholder={v}"},
      {"{n}% and {t}°C", "placeholder={n}% | placeholder={t}°"},
      {"f(), a.b(), std::vector<int>, MAX_COUNT, a_b@c.org, my_f.txt",
       "code=f() | code=a.b() | code=std::vector<int> | code=MAX_COUNT | "
       "email=a_b@c.org | path=my_f.txt"},
      {"set user_id, _my_var and __a_b, then _Hello_ or snake_case_name.",
       "code=user_id | code=_my_var | code=__a_b | code=snake_case_name"},
      {"call getUserName, parseJSON or onClick; userID2x and toURLString",
       "code=getUserName | code=parseJSON | code=onClick | code=userID2x | "
       "code=toURLString"},
      {"a FileNotFoundError of MyBaseClass",
       "code=FileNotFoundError | "
       "code=MyBaseClass"},
      {"Names: iPhone, eBay, macOS, webOS, YouTube, McDonald, GitHub, kWh, "
       "pH, LaTeX, LehrerInnen, USA",
       ""},
      {"Run it with --dry-run, --verbose or --output=a.txt (--no-color).",
       "code=--dry-run | code=--verbose | code=--output=a.txt | "
       "code=(--no-color)"},
      {"use -xzf, -O2 and -rf; 5 -10, -5, well-known, a - b, -a, -I think",
       "code=-xzf | code=-O2 | code=-rf"},
      {"rgb(255, 0, 0), a.f('x y', n), g(k=1) and h(x, -2.5)",
       "code=rgb(255, 0, 0) | code=a.f('x y', n) | code=g(k=1) | "
       "code=h(x, -2.5)"},
      {"file(s), Lehrer(in), a house(my own, not big), see (5)", ""},
      {"--help prints it", ""},
      {"--dry-run prints it", "code=--dry-run"},
      {"请使用--dry-run选项", "code=--dry-run"},
      {"he left--then he--or she--came -- back", ""},
      {":-) ok ;) x <3, :D. 8) y",
       "emoji=:-) | emoji=;) | emoji=<3 | emoji=:D"},
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
#ifdef __SANITIZE_ADDRESS__
  constexpr size_t kBytes = 10000;  // it maps every large allocation anew
#else
  constexpr size_t kBytes = 60000;
#endif
  for (const char* part :
       {"a/", "<a ", "{", "@a", "`", "a.com", "%(", ":a", "a@", "http://",
        "<a b=\"", "\\\\a\\", "{a,{", "😀"}) {
    std::string text;
    while (text.size() < kBytes) text += part;
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
  EXPECT_EQ(kept("YouTube on an iPhone, macOS or iOS at WordPressMedia"),
            "version=YouTube | version=iPhone | version=macOS | version=iOS | "
            "version=WordPressMedia");
  EXPECT_EQ(kept("LehrerInnen, McDonald, GmbH, UdSSR, PhD, kWh, CDs, USA"), "");
  EXPECT_EQ(kept("none"), "");
}

}  // namespace
}  // namespace peregrine::document
