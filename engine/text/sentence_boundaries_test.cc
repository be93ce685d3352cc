#include "engine/text/sentence_boundaries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "engine/text/characters.h"

namespace peregrine::text {
namespace {

// The sentences of `line`, with " | " between.
std::string Split(absl::string_view language, absl::string_view line) {
  std::vector<absl::string_view> sentences;
  std::size_t begin = 0;
  for (const std::size_t end : SentenceBoundaries(language).Find(line)) {
    sentences.push_back(Trim(line.substr(begin, end - begin)));
    begin = end;
  }
  sentences.push_back(Trim(line.substr(begin)));
  return absl::StrJoin(sentences, " | ");
}

struct Case {
  const char* language;
  const char* expected;  // " | " at the boundaries
};

// Puts the sentences together again by one space, or none after a full stop
// that needs none, and expects the same boundaries.
void Expect(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    const bool spaceless =
        std::string("zh ja").find(c.language) != std::string::npos;
    std::string line;
    for (absl::string_view rest = c.expected; !rest.empty();) {
      const std::size_t bar = rest.find(" | ");
      line.append(rest.data(), std::min(bar, rest.size()));
      if (bar == absl::string_view::npos) break;
      if (!spaceless) line += " ";
      rest.remove_prefix(bar + 3);
    }
    EXPECT_EQ(Split(c.language, line), c.expected) << c.language;
  }
}

TEST(SentenceBoundariesTest, NeedWhiteSpaceBehindMarks) {
  Expect({
      {"en", "Open http://a.org/?q=1&r=2 now. | It works."},
      {"en", "Is a?b or x!=y the same? | No."},
      {"en", "Run println!(\"hi\") and see. | Done."},
      {"en", "See [Why?](http://a.org) for it. | Then go."},
      {"en", "I have Yahoo!Mail and Yahoo! Mail. | You?"},
      {"en", "Use a.b.C and Foo.Bar(). | Then stop."},
      {"en", "It is 3.5 or 1.000,50. | Really!? | Yes!!!"},
      {"de", "Frag ?x=1 ab. | Gut…oder nicht?"},
  });
}

TEST(SentenceBoundariesTest, DoNotStandBeforeSmallLetters) {
  Expect({
      {"en", "\"Stop!\" he cried. | He ran."},
      {"en", "Where (when?) did he go? | Home."},
      {"fr", "« Viens ! » dit-il. | Elle rit."},
      {"ru", "«Стой!» — крикнул он. | Она ушла."},
      {"de", "„Halt!“, rief er. | Dann Stille."},
      {"pl", "– Stój! – krzyknął. | Uciekła."},
      {"es", "«¡Alto!», gritó. | ¿Por qué? | Nadie lo sabe."},
      {"en", "I like it. | iPhone users do not."},
      {"en", "No. 5 lives! and so on. | The end."},
  });
}

TEST(SentenceBoundariesTest, NumbersAtTheEndOfShortSentences) {
  Expect({
      {"da", "Det er nr. 5. | Ja."},
      {"cs", "To je str. 5. | Ano."},
      {"tr", "Bu No. 5. | Evet."},
      {"sv", "Vi ses kl. 5. | Han kom."},
      {"ru", "Это стоит руб. 50 коп. | Да."},
      {"pt", "No séc. XX foi assim. | Bom."},
      {"de", "Die Fa. Meier ist da. | Gut."},
      {"fr", "La Sté. Générale. | Oui."},
      {"da", "Den 5. maj kom han. | Godt."},
  });
}

TEST(SentenceBoundariesTest, TakeWhatClosesAlong) {
  Expect({
      {"fr", "« Oui. » | Il partit."},
      {"en", "( Stop. ) | Then go."},
      {"en", "\" Stop. \" | Then he went."},
      {"en", "\"It rains.\" | \"Does it?\" | (Yes.) | Fine."},
      {"de", "„Komm.“ | Er kam. | »Geh!« | Sie ging."},
      {"en", "This is known.[1][12] | It is old.² | Great!😀 | Thanks."},
      {"sv", "”Kom.” | Han kom."},
  });
}

TEST(SentenceBoundariesTest, StayOutsideBracketsInsideSentences) {
  Expect({
      {"en", "He (I was there. It was cold.) said nothing. | Then he left."},
      {"en", "They came (in 1999. Maybe 2000.) and stayed. | Good."},
      {"en", "(I was there. | It was cold.) | Then he left."},
      {"ja", "彼（本当？）は来た。 | 雨だ。"},
  });
}

TEST(SentenceBoundariesTest, QuotationsGoOnInChineseJapaneseKorean) {
  Expect({
      {"ja", "「行くよ。」と彼は言った。 | 雨だった。"},
      {"ja", "「雨です。傘は？」と母が聞いた。 | 私は笑った。"},
      {"ja", "「行こう！」彼は叫んだ。 | 誰もいない。"},
      {"ja", "「もう終わり。」 | もう夜だった。"},
      {"zh", "“走吧！”他说。 | 她没动。"},
      {"zh", "“你去吗？我不去。”小王问道。 | 没人回答。"},
      {"zh", "下雨了。 | 你带伞了吗？ | 没带。"},
      {"ko", "\"가자!\"라고 그가 말했다. | 비가 왔다."},
      {"ko", "\"가자!\" 그가 외쳤다. | 비가 왔다."},
      {"ja", "「はい。」「いいえ。」と言った。 | 雨だった。"},
      {"ja",
       "「はい。そうです。」「いいえ。」『もう一度。』と彼は答えた。 | "
       "終わり。"},
      {"ja", "「はい。」 | 「いいえ。」 | 私は笑った。"},
      {"zh", "“走吧！”“好。”他们说。 | 她没动。"},
      {"zh", "“走吧！” | “好。” | 她没动。"},
      {"zh", "没人回答。 | \"好吗？\"\"好。\"她说。 | 完了。"},
      {"ko", "\"가자!\" \"좋아!\"라고 그들이 말했다. | 비가 왔다."},
  });
  EXPECT_EQ(Split("zh", "真的吗?是的!好。"), "真的吗? | 是的! | 好。");
}

// Soft hyphens, U+200B, U+FEFF and marks of direction change no boundary.
TEST(SentenceBoundariesTest, LookThroughWhatIsInvisible) {
  Expect({
      {"en", "It rains.\u200B | He\u00ADre we go.\uFEFF | Good."},
      {"en", "It rains. | \u200BHe left. | \u2066He\u2069 came."},
      {"en", "\"Stop!\" \u200Bhe cried. | He ran."},
      {"en",
       "Dr.\u200B Smith and D\u00ADr. Jones met Prof\u00AD. Hall. | Yes."},
      {"en", "J\u00AD. R\u200B. Miller came. | He sat."},
      {"en", "He said \"It rains.\"\u200B | Then he left."},
      {"he", "א. ב. כהן בא.\u200F | הוא ישב."},
      {"ja", "雨だ。\u200B | 傘は？ | ない。"},
      {"de", "Das ist z.\u00AD B. Obst. | \u00ADGut."},
      {"en", "See exam\u00ADple.\u00ADorg now. | Then go."},
  });
}

TEST(SentenceBoundariesTest, AbbreviationsInAnyCase) {
  Expect({
      {"en", "MR. SMITH MET DR. JONES. | THEY SPOKE."},
      {"en", "I met mr. Smith and prof. Hall. | They left."},
      {"fr", "J.-P. Sartre a écrit ce livre. | Il est long."},
      {"en", "Lt.-Col. Brown came. | He sat."},
      {"de", "Dipl.-Ing. Maier war da. | Er ging."},
      {"en",
       "Apple Inc. Chief Cook spoke. | He works for Apple Inc. | He left."},
      {"en", "Smith et al. (2010) say so. | Others differ."},
      {"en", "Pears, apples, etc. | I paid. | It was p. 5 of vol. II of it."},
      {"en", "He lives in the U.S. | He likes it. | The U.S. Congress met."},
      {"en", "You and I. | Did Albert I. Jones come?"},
      {"de",
       "Das ist z. B. Obst, d. h. Äpfel. | Und bzw. Oder usw. | Er ging."},
      {"it", "Il Sig. Rossi e la Dott.ssa Bianchi. | Bene."},
      {"es", "El Sr. García vive en la Avda. América. | Es el núm. 5."},
      {"pt", "O Sr. Silva mora na Av. Brasil. | É isso."},
      {"nl", "Dhr. De Vries en drs. Jansen kwamen. | Het was blz. 5."},
      {"pl", "Prof. Nowak mieszka przy ul. Długiej. | To nr 5."},
      {"cs", "Např. Praha má ul. Dlouhou. | Je to č. 5."},
      {"ru", "Он живёт на ул. Ленина, см. Рис. 5. | Это проф. Иванов."},
      {"sv", "Prof. Berg bor här, t.ex. Anna. | Det är bra."},
      {"fi", "Prof. Niemi asuu täällä, esim. Helsingissä. | Se on hyvä."},
      {"hu", "Dr. Kovács és ifj. Nagy jött. | Ez jó."},
      {"tr", "Prof. Dr. Yılmaz geldi, bkz. Ankara. | Bu iyi."},
      {"ro", "Dl. Popescu locuiește pe str. Lungă. | Este bine."},
      {"ro",
       "Dna. Ana din com. Bran, jud. Brașov, stă la bl. A5, sc. B, et. 2. | "
       "Da."},
      {"ro", "Vezi art. 5 alin. 2 lit. B și ș.a.m.d. | Apoi pleacă."},
      {"vi", "TP. Hồ Chí Minh có PGS.TS. Lan và ThS. Nam. | Họ ở Q. 1."},
      {"vi", "Có cam, táo, v.v. | Tôi mua hai quả. | Xem tr. 5. | Hết."},
      {"id", "Bpk. Budi tinggal di Jl. Merdeka, no. 5. | Dia guru."},
      {"id", "Kol. Hadi bekerja di PT. Maju Tbk. | Mereka pergi."},
      {"id",
       "Ada apel, jeruk, dll. | Saya beli dua. | Lihat hlm. 7. | Selesai."},
      {"ms", "En. Ahmad dari Syarikat Maju Sdn. Bhd. | Dia datang."},
      {"ru", "Он живёт в г. Москва на р. Волга. | Потом уехал."},
      {"ru", "Он из д. Ивановка. | Это так, и т. п. | Да."},
      {"es", "Hay fruta, p. ej. Manzanas. | Bien."},
      {"ru", "Это было в 1999 г. | Москва росла. | Школа им. Пушкина рядом."},
      {"ru", "Яблоки, груши и т. д. | Анна ушла."},
      {"uk", "Він живе у м. Київ. | Це було у 1999 р. | Місто росло."},
      {"bg", "Той живее в гр. София. | Това е."},
      {"pl", "Szkoła im. Kopernika stoi. | Dał im. | Potem wyszedł."},
      {"en", "I live in St. James St. | It is nice. | Is St. Paul far?"},
      {"en", "Tel. +49 30 123. | Fax no. (030) 123. | Bye."},
      {"ca", "Viu a l'av. Diagonal i a l'Av. Gaudí. | És bo."},
      {"nl", "Het is klaar. | 't Is koud. | ’s Avonds niet. | Goed."},
      {"en", "They live in Miami, Fla. Police came Mon. 5 May. | She was ill."},
      {"el", "Ο κ. Παπαδόπουλος ήρθε. | Είναι καλά;"},
  });
}

TEST(SentenceBoundariesTest, InitialsOfScriptsWithoutCase) {
  Expect({
      {"he", "א. ב. כהן בא. | הוא ישב."},
      {"hi", "ए. पी. जे. अब्दुल कलाम आए। | वह गए।"},
      {"ka", "ა. ბ. გელაშვილი მოვიდა. | ის წავიდა."},
      {"ta", "ஏ. பி. குமார் வந்தார். | அவர் போனார்."},
      {"en", "J. R. R. Tolkien wrote it. | J.K. Rowling did not."},
  });
}

TEST(SentenceBoundariesTest, NumbersOfParts) {
  Expect({
      {"en", "II. Second part"},
      {"en", "1.1. Scope"},
      {"en", "1. Introduction"},
      {"en", "A. First"},
      {"en", "Chapter 1. The beginning"},
      {"de", "Kapitel 2. Das Haus"},
      {"fr", "Article 3. Les membres"},
      {"en", "It was in 1999. | Then it ended. | It has 25. | The rest is 3."},
      {"de", "Der 2. Weltkrieg und Karl II. Habsburg. | Sie war 12. | Er kam."},
      {"da", "Den 3. Maj kom han. | Det var i 1999. | Så gik han."},
  });
}

TEST(SentenceBoundariesTest, Ellipses) {
  Expect({
      {"en", "Wait... | What?"},
      {"en", "I was ... well, late. | Sorry."},
      {"en", "Well . . . I mean it. | Yes."},
      {"en", "I… I do not know. | Nobody does…"},
      {"de", "Na ja… | Dann eben nicht."},
  });
}

TEST(SentenceBoundariesTest, MarksOfManyScripts) {
  Expect({
      {"hi", "बारिश है। | वह गया। | ठीक है?"},
      {"ar", "هل تمطر؟ | نعم. | شكرا!"},
      {"ur", "بارش ہے۔ | وہ گیا۔"},
      {"hy", "Անձրև է։ | Նա գնաց։"},
      {"am", "ዝናብ ነው። | ሄደ።"},
      {"my", "မိုးရွာသည်။ | သွားပြီ။"},
      {"el", "Βρέχει; | Ναι."},
      {"en", "a;b; c. | D"},
  });
}

TEST(SentenceBoundariesTest, TakesLongBracketsInLinearTime) {
  std::string line;
  for (int i = 0; i < 100000; ++i) line += "(. [A! \"";
  SentenceBoundaries("en").Find(line);
  line.clear();
  for (int i = 0; i < 100000; ++i) line += "((((). )))";
  SentenceBoundaries("ja").Find(line);
}

}  // namespace
}  // namespace peregrine::text
