"""Files of translators of the odd kinds: see test_odd_documents.py."""

import io
import plistlib
import re

import pytest

pytest.importorskip("translate")
from lxml import etree  # noqa: E402
from translate.storage import aresource, po, properties, tmx, xliff  # noqa: E402

from peregrine_translate.documents import DocumentError  # noqa: E402


PO = rb'''# Translators.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n==2 ? 1 : 2);\n"

#. extracted
#: a.c:1 b.c:2
#, c-format
msgctxt "menu"
msgid "Open %s\n"
msgstr ""

msgctxt "door"
msgid "Open %s\n"
msgstr "Auf %s\n"

#, fuzzy
#| msgid "Old"
msgid "New one"
msgstr "Alt"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""
msgstr[2] ""

msgid ""
"A long text "
"in \"lines\" <b>bold</b>\t"
msgstr ""

#~ msgid "Gone"
#~ msgstr "Weg"
'''


def units(store_class, data):
    return [u for u in store_class(inputfile=io.BytesIO(data)).units if not u.isheader()]


def test_po(both):
    same, capitals, skipped = both("a.po", PO, target="pl")
    before, after = units(po.pofile, PO), units(po.pofile, capitals)
    assert [(str(u.source), u.getcontext(), u.getlocations(), u.isobsolete()) for u in after] == \
        [(str(u.source), u.getcontext(), u.getlocations(), u.isobsolete()) for u in before]
    assert [str(u.target) for u in after] == [
        "OPEN %S\n", "Auf %s\n", "Alt", "%D FILE",
        "A LONG TEXT IN \"LINES\" <B>BOLD</B>\t", "Weg"]
    assert [str(s) for s in after[3].target.strings] == ["%D FILE", "%D FILES", "%D FILES"]
    assert [u.isfuzzy() for u in after] == [True, False, True, True, True, False]
    assert skipped == ["unit 3: translated already", "unit 4: fuzzy already"]
    assert b"#~ msgid \"Gone\"" in capitals and b"#. extracted" in capitals
    assert [str(u.source) for u in units(po.pofile, same)] == [str(u.source) for u in before]


XLIFF1 = """<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2"><file original="a" source-language="en" datatype="x"><body>
<group id="g"><trans-unit id="1" xml:space="preserve"><source>See <g id="1">the <x id="2"/>page</g> <bpt id="3">&lt;b&gt;</bpt>now<ept id="3">&lt;/b&gt;</ept></source><note>A note</note><alt-trans><target>Alt</target></alt-trans></trans-unit></group>
<trans-unit id="2" translate="no"><source>Stays</source></trans-unit>
<trans-unit id="3"><source>Done</source><target state="final">Fertig</target></trans-unit>
<trans-unit id="4"><source>One. Two.</source><seg-source><mrk mid="1" mtype="seg">One.</mrk> <mrk mid="2" mtype="seg">Two.</mrk></seg-source><target/></trans-unit>
<trans-unit id="5"><source>Call <mrk mtype="protected">Acme</mrk> now</source></trans-unit>
</body></file></xliff>"""


def test_xliff_1(both):
    _, capitals, skipped = both("a.xlf", XLIFF1, target="de")
    text = capitals.decode()
    assert '<target state="needs-review-translation">SEE <g id="1">THE <x id="2"/>PAGE</g> <bpt id="3">&lt;b&gt;</bpt>NOW<ept id="3">' in text
    assert '<mrk mid="1" mtype="seg">ONE.</mrk> <mrk mid="2" mtype="seg">TWO.</mrk></target>' in text
    assert "CALL <mrk mtype=\"protected\">Acme</mrk> NOW" in text
    assert 'target-language="de"' in text and "<note>A note</note><alt-trans><target>Alt" in text
    assert skipped == ["unit 2: not to be translated", "unit 3: translated already"]
    found = {u.getid().split("\x04")[-1]: u for u in units(xliff.xlifffile, capitals)}
    assert found["3"].target == "Fertig" and found["2"].target in (None, "")
    assert etree.fromstring(capitals).find(".//{*}trans-unit")[1].tag.endswith("target")


XLIFF2 = """<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en"><file id="f"><unit id="u1">
<notes><note>n</note></notes><originalData><data id="d">&lt;br&gt;</data></originalData>
<segment id="s1"><source>Hello <pc id="1" dataRefStart="d">big <ph id="2" dataRef="d"/>world</pc></source></segment>
<ignorable><source> </source></ignorable><segment state="final"><source>Done</source><target>Fertig</target></segment></unit>
<unit id="u2" translate="no"><segment><source>Stays</source></segment></unit></file></xliff>"""


def test_xliff_2(both):
    _, capitals, skipped = both("a.xliff", XLIFF2, target="de")
    text = capitals.decode()
    assert '<segment id="s1" state="translated">' in text and 'trgLang="de"' in text
    assert '<target>HELLO <pc id="1" dataRefStart="d">BIG <ph id="2" dataRef="d"/>WORLD</pc></target>' in text
    assert skipped == ["unit u1: translated already", "unit u2: not to be translated"]


TMX = """<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US" adminlang="en" segtype="sentence" datatype="x" creationtool="t" creationtoolversion="1" o-tmf="t"/><body>
<tu tuid="1"><prop type="a">b</prop><tuv xml:lang="en-us"><seg>See <bpt i="1">&lt;b&gt;</bpt>this<ept i="1">&lt;/b&gt;</ept> <hi>now</hi></seg></tuv><tuv xml:lang="fr"><seg>Voir</seg></tuv></tu>
<tu tuid="2"><tuv xml:lang="EN"><seg>Done</seg></tuv><tuv xml:lang="DE"><seg>Fertig</seg></tuv></tu>
<tu tuid="3"><tuv xml:lang="fr"><seg>Bonjour</seg></tuv></tu></body></tmx>"""


def test_tmx(both):
    _, capitals, skipped = both("a.tmx", TMX, target="de")
    assert ('<tuv xml:lang="de"><seg>SEE <bpt i="1">&lt;b&gt;</bpt>THIS<ept i="1">&lt;/b&gt;</ept> '
            "<hi>NOW</hi></seg></tuv>") in capitals.decode()
    assert skipped == ["unit 2: translated already", "unit 3: nothing in en-US"]
    assert "<!DOCTYPE tmx" in capitals.decode() and "<seg>Voir</seg>" in capitals.decode()
    assert len(units(tmx.tmxfile, capitals)) == 3


ANDROID = r"""<?xml version="1.0" encoding="utf-8"?>
<!-- a comment -->
<resources xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
    <string name="fixed" translatable="false">Stays</string>
    <string name="escapes">It\'s \"quoted\" \n next \u00e9 \@ 100%% &amp; &lt;b&gt;</string>
    <string name="html">Some <b>bold <i>both</i></b> text</string>
    <string name="cdata"><![CDATA[<p>It\'s <b>here</b></p>]]></string>
    <string name="place">Hi <xliff:g id="who" example="Jo">%1$s</xliff:g>, you have %2$d</string>
    <plurals name="files"><item quantity="one">%d file</item><item quantity="other">%d files</item></plurals>
    <string-array name="list"><item>One thing</item><item>@string/html</item></string-array>
    <string name="spaces">"  two  spaces "</string>
    <string name="wrapped">over
        lines</string>
    <string name="empty"></string>
    <color name="c">#fff</color>
</resources>
"""


def test_android(both):
    same, capitals, skipped = both("strings.xml", ANDROID)
    assert same.decode().split("\n")[1:] == ANDROID.split("\n")[1:]
    text = capitals.decode()
    for part in (r"IT\'S \"QUOTED\" \n NEXT É @ 100%% &amp; &lt;B&gt;", "SOME <b>BOLD <i>BOTH</i></b> TEXT",
                 r"<![CDATA[<P>IT\'S <B>HERE</B></P>]]>", '<xliff:g id="who" example="Jo">%1$s</xliff:g>, YOU',
                 '<item quantity="one">%D FILE</item>', "<item>ONE THING</item><item>@string/html</item>",
                 r"\u0020\u0020TWO\u0020\u0020SPACES\u0020", "OVER LINES", '<color name="c">#fff',
                 ">Stays<", "<!-- a comment -->"):
        assert part in text, part
    assert skipped == ["string fixed: not to be translated"]
    before, after = (units(aresource.AndroidResourceFile, d) for d in (ANDROID.encode(), capitals))
    assert [u.getid() for u in before] == [u.getid() for u in after]


APPLE = r'''/* A comment with "quotes" */
"greeting" = "Hello, %@!\nIt's \"you\" \U00e9";
// another
bare.key = "Value";
"two" = "%1$d of %2$d files";
"empty" = "";
'''


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_apple(both, encoding):
    data = APPLE.encode(encoding)
    same, capitals, _ = both("Localizable.strings", data)
    assert same == data
    text = capitals.decode(encoding)
    assert r'"greeting" = "HELLO, %@!\nIT' in text and r"\"YOU\" É" in text
    assert 'bare.key = "VALUE";\n"two" = "%1$D OF %2$D FILES";' in text
    store = properties.stringsfile if encoding == "utf-16" else properties.stringsutf8file
    assert [u.name for u in units(store, capitals)] == ["greeting", "bare.key", "two", "empty"]


STRINGSDICT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
\t<!-- a comment -->
\t<key>files found</key>
\t<dict>
\t\t<key>NSStringLocalizedFormatKey</key>
\t\t<string>Found %#@files@ in %2$#@folders@</string>
\t\t<key>files</key>
\t\t<dict>
\t\t\t<key>NSStringFormatSpecTypeKey</key>
\t\t\t<string>NSStringPluralRuleType</string>
\t\t\t<key>NSStringFormatValueTypeKey</key>
\t\t\t<string>d</string>
\t\t\t<key>zero</key>
\t\t\t<string>no file &amp; none</string>
\t\t\t<key>one</key>
\t\t\t<string>one file</string>
\t\t\t<key>other</key>
\t\t\t<string><![CDATA[%d <files>]]></string>
\t\t</dict>
\t</dict>
\t<key>tap</key>
\t<dict>
\t\t<key>NSStringDeviceSpecificRuleType</key>
\t\t<dict>
\t\t\t<key>iphone</key>
\t\t\t<string>Tap here</string>
\t\t\t<key>mac</key>
\t\t\t<string>Click here</string>
\t\t</dict>
\t</dict>
</dict>
</plist>
"""


def test_apple_plurals(both):
    """Read by Python's own reader of property lists."""

    def capital(value, key=""):
        if isinstance(value, dict):
            return {name: capital(item, name) for name, item in value.items()}
        if key.startswith("NSStringFormat"):
            return value
        parts = re.split(r"(%(?:\d\$)?#@\w+@)", value)
        return "".join(part if part.startswith("%") and "#@" in part else part.upper() for part in parts)

    same, capitals, _ = both("Localizable.stringsdict", STRINGSDICT)
    assert same == STRINGSDICT.encode()
    assert plistlib.loads(capitals) == capital(plistlib.loads(STRINGSDICT.encode()))
    assert b"<!-- a comment -->" in capitals and b"<!DOCTYPE plist PUBLIC" in capitals
    with pytest.raises(DocumentError, match="found a binary property list"):
        both("a.stringsdict", plistlib.dumps({"a": "b"}, fmt=plistlib.FMT_BINARY))
    with pytest.raises(DocumentError, match="found the element 'resources', expected plist"):
        both("a.stringsdict", "<resources/>")


@pytest.mark.parametrize(
    "target, states",
    [("pl", 3), ("de", 2), ("ja", 1)],
)
def test_a_po_template_gets_the_forms_of_its_language(both, target, states):
    template = (b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=CHARSET\\n"\n'
                b'"Plural-Forms: nplurals=INTEGER; plural=EXPRESSION;\\n"\n\n'
                b'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n')
    same, capitals, _ = both("a.pot", template, target=target)
    store = po.pofile(inputfile=io.BytesIO(capitals))
    assert store.getheaderplural()[0] == str(states)
    (unit,) = units(po.pofile, capitals)
    assert len(unit.target.strings) == states
    assert b"INTEGER" not in capitals and b"charset=UTF-8" in capitals


def test_po_in_another_encoding(both):
    catalog = ('msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=ISO-8859-1\\n"\n\n'
               '#. für alle\nmsgid "Open"\nmsgstr ""\n').encode("latin-1")
    _, capitals, _ = both("a.po", catalog)
    assert "für alle" in capitals.decode("latin-1") and b'msgstr "OPEN"' in capitals
    untouched = open_untouched("a.po", catalog)
    assert untouched == catalog


def open_untouched(name, data):
    from peregrine_translate.documents.gettext import GettextCatalog

    return GettextCatalog(data, name).to_bytes()


def test_xliff_whose_targets_are_copies(both):
    """As many programs begin; they say so."""
    text = """<xliff version="1.2"><file source-language="en" original="a" datatype="x"><body>
<trans-unit id="1"><source>One</source><target state="new">One</target></trans-unit>
<trans-unit id="2"><source>Two</source><target state="needs-translation">Two</target></trans-unit>
<trans-unit id="3"><source>Three</source><target state="translated">Drei</target></trans-unit>
<trans-unit id="4"><source>Four</source><target>Vier</target></trans-unit>
</body></file></xliff>"""
    _, capitals, skipped = both("a.xlf", text, target="de")
    targets = [t.text for t in etree.fromstring(capitals).iter("target")]
    assert targets == ["ONE", "TWO", "Drei", "Vier"]
    assert skipped == ["unit 3: translated already", "unit 4: translated already"]
    text = XLIFF2.replace('<segment id="s1">', '<segment id="s1" state="initial">').replace(
        "</pc></source></segment>", "</pc></source><target>Hello</target></segment>")
    _, capitals, _ = both("a.xliff", text, target="de")
    assert capitals.count(b"<target>") == 2 and b"<target>HELLO" in capitals


def test_tmx_with_several_languages(both):
    text = TMX.replace('<tuv xml:lang="fr"><seg>Voir</seg></tuv>',
                       '<tuv xml:lang="fr"><seg>Voir</seg></tuv><tuv xml:lang="de-AT"><seg>Schau</seg></tuv>'
                       '<tuv xml:lang="pt_BR"><seg>Veja</seg></tuv>')
    _, capitals, _ = both("a.tmx", text, target="de")
    unit = etree.fromstring(capitals).find(".//tu")
    languages = [v.get("{http://www.w3.org/XML/1998/namespace}lang") for v in unit.findall("tuv")]
    assert languages == ["en-us", "fr", "de-AT", "pt_BR", "de"]
    _, _, skipped = both("a.tmx", text, target="pt-BR")
    assert "unit 1: translated already" in skipped
    with pytest.raises(DocumentError, match="name the target language"):
        both("a.tmx", text)
