#include "engine/text/abbreviations.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace peregrine::text {
namespace {

// What usually has a capital or a number behind it; before a small letter no
// sentence ends anyway. What often ends a sentence ("etc.", "Inc.") is left
// out. ICU has such lists as well, but in Debian 12's release the English one
// lacks "Dr." and ends no sentence at "Joe." or "On.", nor the German one at
// "Test.".
struct Language {
  absl::string_view code;
  bool numbers_are_ordinals;
  absl::string_view words;
  absl::string_view words_before_numbers;
};

constexpr Language kLanguages[] = {
    {"en", false,
     "Mr Mrs Ms Mx Dr Prof Rev Hon Gen Col Maj Capt Cpt Lt Sgt Cmdr Gov Sen "
     "Rep "
     "Pres Messrs St Mt Ft vs approx cf viz",
     "No Nos no nos Fig Figs fig figs Vol vol Ch ch Sec sec Art art Eq eq p pp "
     "ca c Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec"},
    {"de", true,
     "Dr Prof Hr Hrn Fr Frl Dipl Ing Mag St bzw ggf vgl Vgl evtl inkl exkl "
     "zzgl "
     "ca Ca sog geb gest bzgl gem lt Mio Mrd a d h i m n o s u v z",
     "Nr Nrn nr Abs Art Kap Bd S Abb Tab Ziff Tel Jan Feb Apr Aug Sept Okt Nov "
     "Dez"},
    {"fr", false, "MM Dr Pr St Ste Mgr cf env",
     "n no No art Art p pp fig vol chap janv févr avr juil sept oct nov déc"},
    {"es", false,
     "Sr Sra Sres Sras Srta Dr Dra Dña Prof Ud Uds Gral Sto Sta cf",
     "n núm Núm no art Art pág págs p pp fig vol cap"},
    {"it", false,
     "Sig Sigg Dott Dr Prof Ing Avv Arch Geom On dott sig prof ing avv cfr",
     "n nn art Art pag pagg p pp fig vol cap"},
    {"pt", false, "Sr Sra Srs Sras Dr Dra Prof Profa Eng Exmo Exma cf",
     "n nº art Art pág págs p pp fig vol cap"},
    {"nl", false, "dhr Dhr mevr Mevr mw Mw dr Dr prof Prof ir ing drs ds ca cf",
     "nr Nr art Art blz fig p"},
    {"sv", false, "dr Dr prof Prof ca jfr t ex", "nr Nr s kap st"},
    {"da", true, "dr Dr prof Prof hr Hr fr Fr ca jf", "nr Nr s kap st"},
    {"nb", true, "dr Dr prof Prof ca jf", "nr Nr s kap"},
    {"fi", true, "tri Tri prof Prof esim Esim ns", "nro Nro s"},
    {"pl", true, "dr Dr prof Prof św inż mgr ks np Np tzw tzn ul al im",
     "nr Nr art Art s str rys"},
    {"cs", true, "dr Dr prof Prof sv např Např tzv ul nám", "č čl s str obr"},
    {"sk", true, "dr Dr prof Prof sv napr Napr tzv ul nám", "č čl s str obr"},
    {"hu", true, "dr Dr prof Prof ifj id Szt ún pl Pl", "sz o old"},
    {"hr", true, "dr Dr prof Prof sv npr Npr tzv ul", "br čl str sl"},
    {"sl", true, "dr Dr prof Prof sv npr Npr tim ul", "št čl str sl"},
    {"et", true, "dr Dr prof Prof nt Nt hr pr", "nr Nr lk"},
    {"lv", true, "dr Dr prof Prof piem Piem", "Nr nr lpp"},
    {"tr", true, "Dr Prof Doç Sn bkz Bkz Av", "No no s md"},
    {"ru", false, "проф Проф акад им ул просп пл см См ср напр т",
     "стр рис табл гл ст п с"},
    {"uk", false, "проф Проф акад ім вул просп пл див Див напр т",
     "стор рис табл гл ст п с"},
    {"el", false, "κ Κ Δρ Καθ βλ Βλ π", "αρ σελ άρθρ εικ"},
};

// Understood whatever the language.
constexpr absl::string_view kWords = "Dr Prof St Mr Mrs";

absl::flat_hash_set<std::string> Words(absl::string_view list) {
  return absl::StrSplit(list, ' ', absl::SkipEmpty());
}

bool IsNumber(absl::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
}

bool IsSingleLetter(absl::string_view word, bool only_capitals) {
  UChar32 character = 0;
  std::int32_t at = 0;
  const auto size = static_cast<std::int32_t>(word.size());
  if (size == 0) return false;
  U8_NEXT(word.data(), at, size, character);
  if (at != size || character < 0) return false;
  return only_capitals ? u_isupper(character) != 0 : u_isalpha(character) != 0;
}

// "J.R.R", "z.B", "U.S": but times of day end sentences more often than not.
bool IsDotted(absl::string_view word) {
  if (absl::EqualsIgnoreCase(word, "a.m") ||
      absl::EqualsIgnoreCase(word, "p.m")) {
    return false;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(word, '.');
  return parts.size() > 1 &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return IsSingleLetter(part, /*only_capitals=*/false);
         });
}

}  // namespace

Abbreviations::Abbreviations(absl::string_view language)
    : words_(Words(kWords)) {
  for (const Language& known : kLanguages) {
    if (known.code != language) continue;
    words_.merge(Words(known.words));
    words_before_numbers_ = Words(known.words_before_numbers);
    numbers_are_ordinals_ = known.numbers_are_ordinals;
  }
}

bool Abbreviations::JoinsNext(const Context& context) const {
  const absl::string_view word = context.word;
  if (IsNumber(word)) {
    // "1. Introduction", "3. März", but "in 1999. Then".
    const bool is_ordinal = numbers_are_ordinals_ && word.size() <= 2;
    return is_ordinal || context.starts_sentence;
  }
  if (context.before_number && words_before_numbers_.contains(word))
    return true;
  return IsSingleLetter(word, /*only_capitals=*/true) || IsDotted(word) ||
         words_.contains(word);
}

}  // namespace peregrine::text
