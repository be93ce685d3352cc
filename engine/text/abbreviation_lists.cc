#include "engine/text/abbreviation_lists.h"

namespace peregrine::text {
namespace {

// Only what usually has a capital or a number behind it: before a small letter
// no sentence ends anyway.
constexpr AbbreviationList kLists[] = {
    {"en", false,
     "Mr Mrs Ms Mx Dr Drs Prof Profs Rev Revd Hon =Gen Col Maj Capt Cpt Cdr "
     "Cmdr Comdr Lt Sgt Cpl Pvt Adm Gov =Sen =Rep Reps Sens =Pres Messrs Mmes "
     "Msgr Mt Mts Ft Ste Supt Insp Det Atty Asst Assoc Dept Univ vs approx "
     "esp cf viz resp incl excl i.e e.g =Fr =Br =Ald =Amb Brig Cllr "
     "Mgr Ofc Sec.-Gen Treas =Wm =Chas =Thos =Geo =Jas =Pte =Lieut Sgts Lts "
     "Capts =Sqn =Bp =Abp =Rt op.cit loc.cit ibid",
     "no nos fig figs vol vols ch chap chaps sec secs sect art arts eq eqs p "
     "pp pg par para paras ca c circa jan feb mar apr jun jul aug sep sept oct "
     "nov dec op ed tab ex app pt cl nr ver v rev ext tel ph est b d r m apt "
     "bldg rm =mon =tue =tues =wed =thu =thur =thurs =fri =cor =matt",
     "etc inc co corp ltd llc plc jr sr bros ave blvd rd hwy al intl natl "
     "esq mfg ph.d m.d b.a m.a b.sc m.sc u.s u.k u.n u.s.a e.u d.c =Ala =Ariz "
     "=Calif =Colo =Conn =Fla =Ga =Ill =Ind =Kan =Ky =Md =Mich =Minn =Nebr "
     "=Nev =Okla =Tenn =Tex =Va =Vt =Wis =Wyo",
     "The A An He She It They We You I This That These Those There Here In On "
     "At But And So Then When While If As For After Before His Her Their My "
     "Our Its What Who Why How Where Yet However Now Once Some Many Most Both "
     "Each Also Although Because Since During With Without By From Is Are Was "
     "Were Do Does Did Can Could Would Should Let Please",
     "chapter section part article figure table appendix step lesson unit "
     "volume act scene exercise question example paragraph book item rule "
     "clause annex"},
    {"de", true,
     "Fa Dr Dres Prof Hr Hrn Fr Frl Dipl Ing Inf Kfm =Mag Hl St bzw ggf vgl "
     "evtl "
     "inkl exkl einschl zzgl abzgl ca sog geb gest verw verh bzgl betr gem "
     "=lt Mio Mrd Tsd z.B d.h u.a i.d.R z.T o.g s.o s.u v.a i.A i.V z.Zt m.E "
     "a.d u.U u.ä z.Hd h.c rer =nat =med =phil =jur eigtl insb insbes "
     "Allg allg ausschl bes dgl ebd ehem engl franz dt österr schweiz lat "
     "griech röm kath ev erg event gegr ges gez ggü hrsg Hrsg i.e jew jhrl "
     "kfm kgl max min mind mtl näml niederl od Pfr Präs Reg.-Bez Red Rel "
     "schriftl Sr stellv südl nördl östl westl techn tgl übers ü.d.M u.dgl "
     "bspw =Bsp Ausg Nachf Lkr Ldkr Gde Ltn Olt Hptm Uffz ungef usf Verf Vors "
     "wg wiss zit zw zzt a d h i m n o s u v z",
     "Nr Nrn Abs Art Artt Kap Bd Bde S Abb Tab Ziff Tel Anm Aufl Fig Jg Lfg "
     "Rdnr Rn Sp Str V Vers Zl Jan Feb Febr Mrz Apr Jun Jul Aug Sep Sept Okt "
     "Nov Dez Jh Kl Par geb gest gegr *str",
     "usw etc u.s.w v.Chr n.Chr Jh Jhd Jhdt Co Corp Inc Ltd Mfg sen jun jr Std "
     "Min Sek "
     "a.D u.a.m o.ä o.Ä",
     "Ja Nein Der Die Das Ein Eine Er Sie Es Wir Ich Ihr Du In Im Am An Auf "
     "Aus Bei "
     "Mit Nach Von Vor Zu Zum Zur Für Und Aber Oder Doch Dann Da Dabei Damit "
     "Danach Dies Diese Dieser Dieses Dieses Wenn Weil Als Wie Was Wer Wo "
     "Warum Auch Noch Nun Jetzt Hier Dort So Man Kein Keine Nicht Ob Obwohl "
     "Während Seit Sein Seine Seiner Mein Meine Alle Einige Viele Jeder Jede "
     "Dazu Deshalb Daher Trotzdem Inzwischen Später",
     "kapitel abschnitt teil artikel abbildung tabelle anhang schritt lektion "
     "band akt szene aufgabe frage beispiel absatz punkt regel anlage"},
    {"fr", false,
     "Sté M MM Mme Mmes Mlle Mlles Dr Drs Pr Prof St Ste Sts Mgr Me cf env "
     "p.ex "
     "c.-à-d av apr =Cie Cne Cdt Col =Gal Lt =Adj Sgt Vve Hon RR =PP Éts Bd "
     "boul max min vs i.e resp qq ex =Gén =Cap =Capt =Lieut =Prés",
     "n no nº art p pp fig vol chap t janv févr avr juil sept oct nov déc tél "
     "tab sect al éd ann réf ch cap l v",
     "etc al Inc Ltd Cie Co Corp Jr",
     "Le La Les L Un Une Des Il Elle Ils Elles On Nous Vous Je J Ce C Cette "
     "Ces Cela Ça Et Mais Ou Donc Or Car Puis Alors Dans En Au Aux Sur Pour "
     "Par Avec Sans Après Avant Quand Si Son Sa Ses Leur Leurs Mon Ma Mes "
     "Notre Votre Que Qui Quoi Où Comment Pourquoi Tout Tous Toutes Depuis "
     "Pendant Ainsi Cependant Selon Chaque Plusieurs",
     "chapitre section partie article figure tableau annexe étape leçon unité "
     "tome acte scène exercice question exemple paragraphe livre règle"},
    {"es", false,
     "Sr Sra Sres Sras Srta Srtas Dr Dra Dres Dras D Dª Dña Prof Profa Ud Uds "
     "Vd Vds Gral Sto Sta Fr Mons Ing Lic Arq Cap Cnel Tte Sgto Alte Excmo "
     "Vda Mtro Mtra Abg Hno Hna Hnos Pbro Cmdte Fdo =Gob "
     "Excma Ilmo Ilma Rvdo ej a d p.ej cf aprox Avda Av =Pdte Pte Depto Dto vs "
     "EE",
     "n no nº núm núms art arts pág págs p pp fig figs vol vols cap caps tel "
     "ed t s ss ene feb mar abr may jun jul ago sep sept oct nov dic sec tab "
     "ref "
     "vers v",
     "etc Cía S.A S.L Inc Ltd Corp Jr a.C d.C EE.UU a.m p.m al",
     "El La Los Las Un Una Unos Unas Él Ella Ellos Ellas Yo Tú Nosotros Es Son "
     "Era Fue Y Pero O En De Del Al A Con Sin Por Para Sobre Según Desde Hasta "
     "Cuando Si Como Que Qué Quién Dónde Cómo Este Esta Esto Estos Estas Ese "
     "Esa Eso Su Sus Mi Mis Nuestro Se No Lo Le Les Me Te También Además "
     "Después Antes Luego Entonces Ahora Aunque Todo Todos Todas Hay Ha Han",
     "capítulo sección parte artículo figura tabla anexo paso lección unidad "
     "tomo acto escena ejercicio pregunta ejemplo párrafo libro regla"},
    {"it", false,
     "Sig Sigg Sigra Sig.ra Sig.na Dott Dott.ssa Dr Drs Prof Profs Prof.ssa "
     "Ing Avv Arch Geom Rag =On Sen =Mons =Don Card Gen Col Cap Ten Magg Cav "
     "a d Comm Egr Gent Spett Ill Rev S SS =St cfr p.es es ecc.ti v.le p.zza "
     "=Dir vs ca c.a",
     "n nn nr art artt pag pagg p pp fig figg vol voll cap capp tel tab ed t "
     "gen feb mar apr mag giu lug ago set sett ott nov dic sez par lett v",
     "ecc etc S.p.A S.r.l Inc Ltd Corp Jr a.C d.C al",
     "Il Lo La I Gli Le L Un Uno Una Egli Lui Lei Loro Noi Voi Io È Era Sono E "
     "Ed Ma O Se Non Nel Nella Nei Negli Nelle In Di Del Della Dei Al Alla Con "
     "Per Da Dal Dalla Su Sul Tra Fra Quando Come Che Chi Dove Perché Questo "
     "Questa Questi Queste Quello Quella Suo Sua Suoi Sue Mio Mia Si Ci Anche "
     "Dopo Prima Poi Allora Ora Così Tutto Tutti Secondo Ha Hanno",
     "capitolo sezione parte articolo figura tabella allegato passo lezione "
     "unità tomo atto scena esercizio domanda esempio paragrafo libro regola"},
    {"pt", false,
     "Sr Sra Srs Sras Srta Dr Dra Drs Dras D Dom Prof Profa Profª Eng Enga "
     "Arq Exmo Exma Ilmo Ilma Gen Cel Cap Maj Ten Sgt Alm Pe Fr Mons Sto Sta "
     "cf p.ex aprox Av Gov Pres Dep =Ver V vs Rev Adv Lic Exmos Ilmos Cmte "
     "=Brig =Des ex",
     "séc n nº no núm art arts pág págs p pp fig figs vol vols cap caps tel "
     "tab "
     "ed t jan fev mar abr mai jun jul ago set out nov dez sec par ref",
     "etc Cia Ltda S.A Inc Ltd Corp Jr a.C d.C EUA al",
     "O A Os As Um Uma Uns Umas Ele Ela Eles Elas Eu Tu Nós Você Vocês É São "
     "Era Foi E Mas Ou Se Não No Na Nos Nas Em De Do Da Dos Das Ao À Com Sem "
     "Por Para Pelo Pela Sobre Segundo Desde Até Quando Como Que Quem Onde "
     "Porque Este Esta Isto Estes Estas Esse Essa Isso Seu Sua Seus Suas Meu "
     "Minha Também Depois Antes Então Agora Embora Todo Todos Todas Há Tem",
     "capítulo seção secção parte artigo figura tabela anexo passo lição "
     "unidade tomo ato cena exercício questão exemplo parágrafo livro regra"},
    {"nl", false,
     "dhr hr mevr mw mej dr drs prof ir ing mr ds ca cf bijv bv d.w.z m.b.t "
     "o.a t.a.v i.p.v z.g.n gen kol kap lt sgt min =st h.c =jhr jkvr mgr "
     "vs nl resp excl incl max vgl zgn evt w.o e.d.m =past ev burg wethr "
     "ong ongev i.v.m n.a.v t.g.v t.o.v",
     "nr nrs art artt blz fig p pp pag hfst afb tab tel deel vol jan feb mrt "
     "apr jun jul aug sep sept okt nov dec par ed no",
     "enz etc e.d jr sr Inc Ltd Co Corp n.Chr v.Chr a.u.b",
     "De Het Een Hij Zij Ze Wij We Ik Jij Je U Dit Dat Deze Die Er En Maar Of "
     "Want Dus Toen Dan Als In Op Aan Met Van Voor Na Bij Uit Om Door Over "
     "Tijdens Wanneer Omdat Hoewel Zijn Haar Hun Mijn Ons Onze Wat Wie Waar "
     "Waarom Hoe Ook Nu Hier Daar Daarna Later Niet Geen Alle Veel Volgens "
     "Sinds",
     "hoofdstuk paragraaf deel artikel figuur tabel bijlage stap les afdeling "
     "akte scène oefening vraag voorbeeld boek regel"},
    {"sv", false,
     "dr prof hr fr frk ca jfr bl.a t.ex d.v.s dvs o.d m.fl s.k fil mag =med "
     "doc ing =civ kapt löjtn gen =st f.d forts resp inkl exkl max p.g.a tex "
     "bla sk fd ev osv.ex jur h.c kand lic",
     "kl nr s kap st fig tab tel jan feb mars apr aug sept okt nov dec avd bil "
     "sid § vol p par art f d",
     "osv etc o.s.v m.m mm m.fl mfl jr sr Inc Ltd Co Corp f.Kr e.Kr",
     "Den Det De En Ett Han Hon Vi Jag Du Ni Man Och Men Eller Så Då När Om "
     "Som I På Av Med För Till Från Efter Innan Under Vid Detta Denna Dessa "
     "Där Här Nu Inte Även Också Vad Vem Var Varför Hur Hans Hennes Deras Min "
     "Sin Enligt Alla Många Sedan Trots Eftersom",
     "kapitel avsnitt del artikel figur tabell bilaga steg lektion akt scen "
     "övning fråga exempel stycke bok regel"},
    {"da", true,
     "dr prof hr fr frk ca jf jvf bl.a f.eks dvs d.v.s o.l s.k mag =cand stud "
     "dir ing kapt gen =sct skt f.t tidl inkl ekskl maks fx feks bla pga p.g.a "
     "nuv h.c =lic kgl adj adm evt egl opr =red vedr",
     "nr s kap st fig tab tel jan feb mar apr jun jul aug sep sept okt nov dec "
     "afs bd § stk pkt vol art",
     "osv etc m.m m.v mv mm m.fl jr sr Inc Ltd Co Corp f.Kr e.Kr",
     "Ja Nej Den Det De En Et Han Hun Vi Jeg Du I Man Og Men Eller Så Da Når "
     "Hvis Om "
     "Som På Af Med For Til Fra Efter Før Under Ved Dette Denne Disse Der Her "
     "Nu Ikke Også Hvad Hvem Hvor Hvorfor Hvordan Hans Hendes Deres Min Ifølge "
     "Alle Mange Siden Selv",
     "kapitel afsnit del artikel figur tabel bilag trin lektion akt scene "
     "øvelse spørgsmål eksempel bog regel"},
    {"nb", true,
     "dr prof hr fr frk ca jf jfr bl.a f.eks dvs d.v.s o.l s.k mag =cand stud "
     "dir ing kapt gen =st f.t tidl inkl ekskl maks feks bla pga p.g.a nåv h.c "
     "kgl adm evt egl red vedr adr avd kl",
     "nr s kap fig tab tel jan feb mar apr jun jul aug sep sept okt nov des bd "
     "§ pkt vol art",
     "osv etc m.m m.v mv mm m.fl mfl jr sr Inc Ltd Co Corp f.Kr e.Kr",
     "Ja Nei Den Det De En Et Ei Han Hun Vi Jeg Du Dere Man Og Men Eller Så Da "
     "Når "
     "Hvis Om Som I På Av Med For Til Fra Etter Før Under Ved Dette Denne "
     "Disse Der Her Nå Ikke Også Hva Hvem Hvor Hvorfor Hvordan Hans Hennes "
     "Deres Min Ifølge Alle Mange Siden Selv",
     "kapittel avsnitt del artikkel figur tabell vedlegg trinn leksjon akt "
     "scene øvelse spørsmål eksempel bok regel"},
    {"fi", true,
     "tri prof esim ns ts yms.ks hra nti rva vrt ym.s eli =ent t.s ao em "
     "klo "
     "kts lyh mm.s n prof.em puh.joht toim.joht kenr kapt evl maj ltn pst "
     "varat "
     "dipl.ins synt so s.o muk miljo mrd milj nk",
     "nro s kpl luku kuva taul puh liite § kohta nid vsk tammi helmi maalis",
     "jne yms ym tms mm ynnä oy jr sr Inc Ltd Co Corp jKr eKr jaa ao em",
     "Kyllä Joo Se Hän He Ne Me Te Minä Sinä Tämä Nämä Tuo Nuo Ja Mutta Tai "
     "Vaan Kun Jos "
     "Koska Vaikka Sitten Silti Nyt Täällä Siellä Myös Ei Eivät En Mikä Kuka "
     "Missä Miksi Miten Hänen Heidän Kaikki Monet Jälkeen Ennen Siksi Siis Oli "
     "On",
     "luku osa artikla kuva taulukko liite vaihe oppitunti näytös kohtaus "
     "harjoitus kysymys esimerkki kirja sääntö kappale"},
    {"pl", true,
     "dr prof św inż mgr ks np tzw tzn ul al pl os hab gen płk ppłk mjr kpt "
     "por ppor sierż adm =red dyr =min mec abp bp o.o p.o m.in tj t.j ok pt "
     "por.ówn zob cd wg ww s.p śp =lek med.wet jw ang niem franc łac zm ur "
     "bł ew dot tys mln mld zł.ok p pp =pn =pd =zach =wsch lic",
     "nr nry art str s rys tab poz pkt ust par rozdz tel t tom wyd zesz vol "
     "cz kol godz r",
     "im itd itp etc in jr sr Inc Ltd Co Corp n.e p.n.e m.st r w ww wiek gr",
     "To Ten Ta Te Ci On Ona Ono Oni One My Wy Ja Ty I A Ale Lub Albo Więc "
     "Jednak W We Na Do Od Z Ze Za Po Przed Przez Przy Pod Nad O Dla Gdy Kiedy "
     "Jeśli Jak Co Kto Gdzie Dlaczego Nie Tak Jest Są Był Była Było Jego Jej "
     "Ich Mój Nasz Także Również Teraz Tutaj Tam Potem Wtedy Wszystko Wszyscy "
     "Wielu Każdy Według Podczas",
     "rozdział sekcja część artykuł rysunek tabela załącznik krok lekcja tom "
     "akt scena ćwiczenie pytanie przykład paragraf księga zasada"},
    {"cs", true,
     "dr prof sv např tzv ul nám ing mgr doc JUDr MUDr PhDr RNDr PaedDr MVDr "
     "Bc gen plk pplk mjr kpt por npor pí p mj t.j tj t.zn tzn tř.kpt resp "
     "cca vč srov zvl popř event odd ev =red =os angl něm franc lat pozn zejm "
     "=vyd =roč =kap tis mil mld arch",
     "č čl s str obr tab odst písm kap sv r roč tel vol vyd par odd př",
     "atd apod aj etc jr st ml a.s s.r.o spol Inc Ltd Co Corp n.l př.n.l hod "
     "r",
     "Ano To Ten Ta Tento Tato Toto Ti On Ona Ono Oni My Vy Já Ty A Ale Nebo "
     "Však "
     "Tak Takže V Ve Na Do Od Z Ze Za Po Před Při Pod Nad O Pro S Se Když "
     "Pokud "
     "Jak Co Kdo Kde Proč Ne Je Jsou Byl Byla Bylo Jeho Její Jejich Můj Náš "
     "Také Nyní Zde Tam Potom Pak Všechno Všichni Mnoho Každý Podle Během",
     "kapitola oddíl část článek obrázek tabulka příloha krok lekce díl akt "
     "scéna cvičení otázka příklad odstavec kniha pravidlo"},
    {"sk", true,
     "dr prof sv napr tzv ul nám ing mgr doc JUDr MUDr PhDr RNDr PaedDr MVDr "
     "Bc gen plk pplk mjr kpt por npor p mj t.j tj t.zn tzn resp cca vr porov "
     "zvl príp event angl nem franc lat pozn najmä tis mil mld arch",
     "č čl s str obr tab odst písm kap zv r roč tel vol vyd par odd",
     "atď apod a pod iné i etc jr st ml a.s s.r.o spol Inc Ltd Co Corp n.l "
     "pred.n.l hod r",
     "Áno To Ten Tá Tento Táto Toto Tí On Ona Ono Oni My Vy Ja Ty A Ale Alebo "
     "Však "
     "Tak Takže V Vo Na Do Od Z Zo Za Po Pred Pri Pod Nad O Pre S So Keď Ak "
     "Ako "
     "Čo Kto Kde Prečo Nie Je Sú Bol Bola Bolo Jeho Jej Ich Môj Náš Tiež Teraz "
     "Tu Tam Potom Všetko Všetci Veľa Každý Podľa Počas",
     "kapitola oddiel časť článok obrázok tabuľka príloha krok lekcia diel "
     "akt scéna cvičenie otázka príklad odsek kniha pravidlo"},
    {"hu", true,
     "dr prof ifj id özv Szt ún pl ill vö kb tb gen ezr alez őrgy szds hdgy "
     "ny tsz ált b.ú =szerk ford =kiad bp br gr dr.med "
     "okl mgr =okt",
     "sz o old köt fej ábra tábl tel § bek pont évf r jan febr márc ápr máj "
     "jún júl aug szept okt nov dec kb",
     "stb jr sr Inc Ltd Co Corp Kft Rt Zrt Bt i.sz i.e Kr.e Kr.u u",
     "Igen A Az Egy Ő Ők Mi Ti Én Te Ez Ezek Azok És De Vagy Hanem Ha Amikor "
     "Mert "
     "Bár Majd Most Itt Ott Is Nem Van Volt Mit Ki Hol Miért Hogyan Minden "
     "Sok Szerint Után Előtt Azonban Ezért Aztán",
     "fejezet szakasz rész cikk ábra táblázat melléklet lépés lecke kötet "
     "felvonás jelenet gyakorlat kérdés példa bekezdés könyv szabály"},
    {"hr", true,
     "dr prof sv npr tzv ul tj t.j tzn mr mag ing dipl gosp gđa gđica gen puk "
     "bojn sat por akad doc prim fra don mons o.g vl.s usp odn cca oko tis mil "
     "mlrd engl njem franc lat god",
     "br čl str sl s st tab tel t sv vol god gl toč pogl r čl",
     "itd i.sl itsl i.dr etc jr st ml d.o.o d.d Inc Ltd Co Corp pr.Kr n.e "
     "p.n.e god st",
     "Da To Taj Ta Ovaj Ova Ovo On Ona Ono Oni Mi Vi Ja Ti I A Ali Ili No Pa "
     "Zato "
     "U Na Do Od Iz S Sa Za Po Prije Pri Pod Nad O Kad Kada Ako Kako Što Tko "
     "Gdje Zašto Ne Je Su Bio Bila Bilo Njegov Njezin Njihov Moj Naš Također "
     "Sada Ovdje Tamo Potom Tada Sve Svi Mnogi Svaki Prema Tijekom",
     "poglavlje odjeljak dio članak slika tablica prilog korak lekcija svezak "
     "čin scena vježba pitanje primjer stavak knjiga pravilo glava"},
    {"sl", true,
     "dr prof sv npr tim ul t.i tj t.j mag ing dipl inž g ga gdč gen polk maj "
     "stot por akad doc prim p oz ok prib tis mio mrd ang nem franc lat roj "
     "um gl ur.ed spec univ",
     "št čl str sl tab tel zv vol pogl odst toč r",
     "itd ipd itn etc jr st ml d.o.o d.d Inc Ltd Co Corp pr.Kr po.Kr n.št "
     "idr l",
     "Da To Ta Tisti Ti On Ona Ono Oni Mi Vi Jaz A In Ampak Toda Ali Zato V Na "
     "Do "
     "Od Iz S Z Za Po Pred Pri Pod Nad O Ko Če Kako Kaj Kdo Kje Zakaj Ne Je So "
     "Bil Bila Bilo Njegov Njen Njihov Moj Naš Tudi Zdaj Tukaj Tam Potem Vse "
     "Vsi Mnogi Vsak Med Po",
     "poglavje oddelek del člen slika tabela priloga korak lekcija zvezek "
     "dejanje prizor vaja vprašanje primer odstavek knjiga pravilo"},
    {"et", true,
     "dr prof nt hr pr prl s.o s.t st =sh mh lk.k eKr.s ing mag kol kpt mjr "
     "ltn gen =end =õp tn pst mnt vt vrd näit u ca =sünd =surn mln mld tuh "
     "k.a m.a akad dots insener",
     "nr lk joon tab tel § lg ptk kd p vol a",
     "jne jms jt jpt etc jun sen AS OÜ Inc Ltd Co Corp eKr pKr a saj",
     "Jah See Need Ta Tema Nad Nemad Me Meie Te Teie Ma Mina Sa Sina Ja Kuid "
     "Aga "
     "Või Kui Sest Kuigi Siis Nüüd Siin Seal Ka Ei On Oli Mis Kes Kus Miks "
     "Kuidas Kõik Paljud Pärast Enne Seega",
     "peatükk jagu osa artikkel joonis tabel lisa samm õppetund köide vaatus "
     "stseen harjutus küsimus näide lõik raamat reegel"},
    {"lv", true,
     "dr prof piem skat t.i t.s t.sk sk =sal inž mag plkv kpt maj ltn ģen akad "
     "doc "
     "kdze k.kdze =kgs =jkdze =dz =dzim =mir apm tūkst milj mljrd angl vāc "
     "latv =red u.c.s st =iel pulkst",
     "nr lpp att tab tel p pk sēj nod vol att §",
     "utt u.tml u.c etc jun sen SIA Inc Ltd Co Corp m.ē p.m.ē g gs",
     "Jā Nē Tas Tā Tie Šis Šī Šie Viņš Viņa Viņi Mēs Jūs Es Tu Un Bet Vai Ja "
     "Kad Jo "
     "Kaut Tad Tagad Šeit Tur Arī Nav Ir Bija Kas Kur Kāpēc Kā Visi Daudzi Pēc "
     "Pirms Tomēr Tāpēc No Ar Uz Par",
     "nodaļa sadaļa daļa pants attēls tabula pielikums solis mācība sējums "
     "cēliens aina uzdevums jautājums piemērs rindkopa grāmata noteikums"},
    {"lt", true,
     "dr prof pvz p t.y g gen plk kpt mjr ltn akad doc inž mag šv =a.a vad "
     "plg žr ir.kt tūkst mln mlrd angl vok lot gim mir red sen k vyr",
     "nr psl pav lent tel str d t vol skyr sk §",
     "t.t pan kt etc jun UAB AB Inc Ltd Co Corp m.e pr.m.e m a",
     "Tai Tas Ta Tie Šis Ši Šie Jis Ji Jie Jos Mes Jūs Aš Tu Ir Bet Ar Arba "
     "Jei Kai Nes Nors Tada Dabar Čia Ten Taip Ne Yra Buvo Kas Kur Kodėl Kaip "
     "Visi Daugelis Po Prieš Tačiau Todėl Iš Su Į Per",
     "skyrius dalis straipsnis paveikslas lentelė priedas žingsnis pamoka "
     "tomas veiksmas scena pratimas klausimas pavyzdys knyga taisyklė"},
    {"tr", true,
     "Dr Prof Doç =Sn bkz Av Op Uzm Yrd Alb Yzb Bnb Org Gen Müh Mim =Hz Ecz "
     "Öğr =Gör =Arş Ord bk krş vb.gib örn yy.da takr yakl Ing Fr Alm Ar Far "
     "Lat =Mah Cad =Sok =Bul",
     "no s md sf sh cilt c böl şek tab tel mad fıkra vol yy fig",
     "vb vs vd vd etc A.Ş Ltd Şti Inc Co Corp M.Ö M.S yy",
     "Evet Hayır Bu Şu O Bir Onlar Biz Siz Ben Sen Ve Ama Fakat Ancak Veya "
     "Eğer Çünkü "
     "Sonra Şimdi Burada Orada Da Değil Ne Kim Nerede Neden Nasıl Her Tüm Çok "
     "Göre Önce Daha",
     "bölüm kısım madde şekil tablo ek adım ders ünite cilt perde sahne "
     "alıştırma soru örnek paragraf kitap kural"},
    {"ru", false,
     "проф акад ул просп пр пл см ср напр т.е т.к т.н т.д.е г-н г-жа гн "
     "гжа д-р ген полк подп кап лейт серж майор доц инж св о.о пос дер обл р-н "
     "пер наб бул б-р шт корп стр.н кв тел.ф англ нем франц лат греч рус т.о "
     "соотв прим ред сост пер изд.во тов гр ок млн млрд тыс чел.к мин макс "
     "зав зам нач",
     "руб стр рис табл гл ст п пп с т тт вып ч разд кн изд абз прил п.п № тел "
     "д кв "
     "оз г",
     "им др пр т.д т.п и.др и.пр н.э до.н.э гг вв руб коп руб.лей Инк Лтд Ко "
     "мл "
     "ст г в чел etc Inc",
     "Это Этот Эта Эти Он Она Оно Они Мы Вы Я Ты И А Но Или Однако В Во На До "
     "От Из С Со За По Перед При Под Над О Об Для К Когда Если Как Что Кто Где "
     "Почему Не Так Есть Был Была Было Были Его Её Их Мой Наш Также Теперь "
     "Здесь Там Потом Тогда Все Всё Многие Каждый Согласно После",
     "глава раздел часть статья рисунок таблица приложение шаг урок том акт "
     "сцена упражнение вопрос пример параграф книга правило",
     "г р оз с о д п пгт ст хут"},
    {"uk", false,
     "проф акад вул просп пр пл див пор напр тобто т.зв т.є п-н п-ні пан "
     "ген полк підп кап лейт серж доц інж св о.о с-ще обл р-н пров наб бул б-р "
     "корп англ нім франц лат грец укр відп прим ред упоряд пер тов гр бл близ "
     "млн млрд тис мін макс зав заст нач",
     "стор рис табл гл ст п пп с т тт вип ч розд кн вид абз дод № тел буд кв "
     "оз р",
     "ім ін т.д т.п та.ін н.е до.н.е рр ст грн коп Інк Лтд Ко мол р etc Inc",
     "Це Цей Ця Ці Він Вона Воно Вони Ми Ви Я Ти І Й А Але Або Проте Однак В У "
     "На До Від Із З Зі За По Перед При Під Над Про Для Коли Якщо Як Що Хто Де "
     "Чому Не Так Є Був Була Було Були Його Її Їх Мій Наш Також Тепер Тут Там "
     "Потім Тоді Усі Всі Все Багато Кожен Згідно Після",
     "глава розділ частина стаття рисунок таблиця додаток крок урок том акт "
     "сцена вправа питання приклад параграф книга правило",
     "м р оз с о смт ст хут"},
    {"bg", false,
     "нар проф акад ул бул пл вж срв напр т.е т.нар г-н г-жа г-ца д-р ген полк "
     "подп кап лейт доц инж св отец ок обл общ англ нем фр лат гр бълг прим "
     "ред съст прев арх млн млрд хил мин макс зам",
     "стр рис фиг табл гл чл т ал с том бр кн изд № тел",
     "им др т.н и.др пр.н.е сл.н.е н.е г гг в лв ст etc Inc Ltd",
     "Това Този Тази Тези Той Тя То Те Ние Вие Аз Ти И А Но Или Обаче В Във На "
     "До От Из С Със За По Пред При Под Над Когато Ако Как Какво Кой Къде Защо "
     "Не Така Е Са Беше Неговият Също Сега Тук Там После Тогава Всички Много "
     "Всеки Според След",
     "глава раздел част член фигура таблица приложение стъпка урок том акт "
     "сцена упражнение въпрос пример параграф книга правило",
     "гр с р яз"},
    {"ro", false,
     "dl dlui dna dnei dra d-na d-l dr prof ing arh av gen col cpt lt mr sg "
     "sf Sf pr pt conf v.d ex p.ex cca aprox str bd șos etc.ex acad lect asist "
     "univ =min dir =sec mil mld =max resp i.e engl fr germ lat dlor d-lui "
     "d-nei d-ra d-lor jud com mun =al pța p-ța ec drd plt slt lb red trad "
     "op.cit loc.cit v bl sc lit",
     "nr et ap op sec art alin pag p pp fig vol cap tel tab lit ed ian feb mar "
     "apr mai iun "
     "iul aug sept oct nov dec pct",
     "etc S.A S.R.L Inc Ltd Co Corp jr î.Hr d.Hr î.e.n e.n șamd ș.a ș.a.m.d "
     "ș.cl urm",
     "El Ea Ei Ele Noi Voi Eu Tu Un O Este Sunt Era A Și Dar Sau Însă În La De "
     "Din Cu Fără Pe Pentru Prin După Când Dacă Cum Ce Cine Unde Acest Această "
     "Acesta Aceasta Acești Acel Acea Nu De Se Toate Toți Mulți Potrivit "
     "Atunci "
     "Acum Apoi",
     "capitolul secțiunea partea articolul figura tabelul anexa pasul lecția "
     "unitatea volumul actul scena exercițiul întrebarea exemplul cartea"},
    {"ca", false,
     "Sr Sra Srs Sres Srta Dr Dra Drs Prof Enginy Il·lm Il·lma Excm Excma Hble "
     "St Sta Fr Mn Gral cf p.ex aprox av ctra ex pl pg =Pge Arq",
     "n núm núms art arts pàg pàgs p pp fig vol cap tel tab ed gen febr abr "
     "jul ag set oct nov des",
     "etc S.A S.L Inc Ltd Corp a.C d.C al",
     "El La Els Les L Un Una Ell Ella Ells Elles Jo Tu Nosaltres És Són Era I "
     "Però O En De Del Al A Amb Sense Per Sobre Segons Des Fins Quan Si Com "
     "Que Què Qui On Aquest Aquesta Això Seu Seva No Es Ho També Després Abans "
     "Llavors Ara Tot Tots Hi Ha Han",
     "capítol secció part article figura taula annex pas lliçó unitat volum "
     "acte escena exercici pregunta exemple paràgraf llibre regla"},
    {"el", false,
     "κ κα κος κ.κ Δρ Καθ βλ π.χ δηλ Αγ Οσ Στρ Συντ Λοχ Υπ Πρωθ Μητρ Αρχ Σεβ "
     "π.μ.εξ λ.χ πρβλ τ.μ αγγλ γαλλ γερμ λατ εκατ δισ χιλ Λεωφ οδ πλ "
     "Ιω Αθ Κων Κωνστ Γεώρ Νικ Δημ",
     "αρ αριθ σελ σσ άρθρ εικ πίν κεφ τόμ τηλ παρ τ σ έκδ §",
     "κλπ κ.λπ κτλ κ.τ.λ κ.ά κ.ο.κ π.Χ μ.Χ π.μ μ.μ Α.Ε Ε.Π.Ε Inc Ltd Co",
     "Ο Η Το Οι Τα Ένας Μια Ένα Αυτός Αυτή Αυτό Αυτοί Εγώ Εσύ Εμείς Εσείς Και "
     "Κι Αλλά Ή Όμως Στο Στη Στην Στον Στα Στις Στους Σε Από Με Χωρίς Για Κατά "
     "Μετά Πριν Όταν Αν Πώς Τι Ποιος Πού Γιατί Δεν Είναι Ήταν Επίσης Τώρα Εδώ "
     "Εκεί Τότε Όλα Όλοι Πολλοί Κάθε Σύμφωνα",
     "κεφάλαιο ενότητα μέρος άρθρο εικόνα πίνακας παράρτημα βήμα μάθημα τόμος "
     "πράξη σκηνή άσκηση ερώτηση παράδειγμα παράγραφος βιβλίο κανόνας"},
    {"is", true,
     "dr prof hr frk t.d þ.e sbr u.þ.b m.a þ.á.m ca st =sr séra gen =al þús "
     "millj",
     "nr bls kafli mynd tafla sími gr mgr tbl jan feb mars apr ág sept okt nóv "
     "des",
     "o.s.frv o.fl etc jr ehf hf f.Kr e.Kr s.l",
     "Hann Hún Það Þeir Þær Þau Við Þið Ég Þú Og En Eða Þegar Ef Í Á Með Fyrir "
     "Eftir Þetta Þessi Nú Hér Þar Ekki Líka Hvað Hver Hvar",
     "kafli hluti grein mynd tafla viðauki skref bindi þáttur dæmi bók regla"},
    {"vi", false,
     "TP TX TT GS PGS TS ThS Th.S BS KS LS NCS GS.TS PGS.TS GS.TSKH TSKH KTS "
     "DS "
     "NGƯT NSƯT NSND NGND NXB v.d VD =Lm =Gm",
     "tr t q tel ĐT", "v.v vv TCN SCN CN Inc Ltd Co Corp Jr",
     "Tôi Anh Chị Ông Bà Cô Em Nó Họ Chúng Mày Chàng Nàng Đây Đó Kia Này Cái "
     "Con Các Những Một Hai Và Nhưng Hoặc Nếu Khi Vì Bởi Tuy Mặc Sau Trước "
     "Trong Ngoài Trên Dưới Tại Ở Từ Đến Theo Với Không Có Là Đã Đang Sẽ Ai Gì "
     "Sao Nào Bây Hôm Ngày Thì Rồi Cũng Mọi Tất Cả Mỗi Nhiều Người Do Để Cho "
     "Năm Việc Hiện Song",
     "chương phần mục điều bài hình bảng bước tập câu khoản quyển hồi cảnh "
     "lục"},
    // And Malay.
    {"id", false,
     "Bpk Sdr Sdri Drs Dra Drg Ir Tn Ny Nn Hj KH Pdt Jl Jln Gg =Kel =Kec =Kab "
     "=Prov =Kol Letkol Mayjen Brigjen Letjen Jend =Kapt Lettu Sgt Serda a.n "
     "d.a u.p u.b yth msl cth lih bdk cf a.l vs =PT =CV =UD =En =Pn Sdn",
     "no hlm hal jil jld vol tel telp tlp tgl pkl rp art ps psl fig gbr jan "
     "feb mar apr jun jul agu agt ags sep sept okt nov des bil thn th rt rw",
     "dll dsb dst dkk Tbk Bhd S.Pd S.Si S.Kom S.Sos S.Ag M.Si M.Pd M.Sc M.Kom "
     "Ph.D SM etc Inc Ltd Co Corp Jr",
     "Saya Aku Kamu Anda Dia Ia Mereka Kami Kita Beliau Ini Itu Yang Dan "
     "Tetapi Tapi Namun Atau Jika Kalau Bila Ketika Saat Karena Sebab Setelah "
     "Sesudah Sebelum Selama Di Ke Dari Dalam Pada Untuk Dengan Tanpa Oleh "
     "Sebagai Menurut Meskipun Walaupun Semua Banyak Setiap Para Apa Siapa "
     "Mengapa Kenapa Bagaimana Kapan Tidak Bukan Ada Adalah Sudah Telah Akan "
     "Sedang Sekarang Kemudian Lalu Juga Hal Hari Maka Seorang Sebuah Beberapa",
     "bab bagian pasal gambar tabel lampiran langkah pelajaran unit jilid "
     "adegan babak latihan pertanyaan contoh buku aturan butir ayat"},
    {"kk", false, "проф акад көш обл ауд б.з.д млн млрд",
     "№ сур кест том тел б", "т.б т.с.с жж ғғ etc Inc",
     "Бұл Ол Олар Мен Біз Сен Сіз Осы Сол Және Бірақ Немесе Егер Қашан Неге "
     "Не Кім Қайда Қалай Иә Жоқ Кейін Бұрын Содан Қазір Мұнда Онда Барлық Көп "
     "Әр Әрбір",
     "тарау бөлім бап сурет кесте қосымша сабақ том мысал сұрақ ереже", "қ"},
    {"hi", false, "डॉ श्री श्रीमती प्रो पं कु मो सु इं", "सं पृ नं", "लि", "",
     "अध्याय भाग धारा चित्र"},
    {"ar", false, "د أ م ش", "ص ج ط رقم", "إلخ الخ", "",
     "الفصل الباب الجزء المادة"},
    {"he", false, "ד\"ר פרופ גב מר עו\"ד", "עמ מס", "וכו", "", "פרק סעיף חלק"},
};

}  // namespace

absl::Span<const AbbreviationList> AbbreviationLists() { return kLists; }

}  // namespace peregrine::text
