"""Documents of every format, translated by the command against the real server.

What stood around the text must be there as it was, read by the library that
people use for the format; and the text must be German.
"""

import csv
import json
import re
import zipfile

import pytest

docx = pytest.importorskip("docx")
import pptx  # noqa: E402
from lxml import etree, html  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402
from translate.storage import aresource, po, properties, tmx, xliff  # noqa: E402

from peregrine_translate.command import main  # noqa: E402

SENTENCE = "The house is small."
LETTERS = re.compile("small|house", re.IGNORECASE)


class Translated:
    """Files before and after the command ran over them."""

    def __init__(self, server, folder, capsys):
        self._server, self._folder, self._capsys = server, folder, capsys
        self.said = ""

    def __call__(self, name, content, *flags):
        source = self._folder / name
        if isinstance(content, str):
            content = content.encode("utf-8")
        if isinstance(content, bytes):
            source.write_bytes(content)
        else:
            content.save(str(source))
        target = self._folder / f"out-{name}"
        arguments = ["document", str(source), str(target), "--address", self._server.address]
        assert main([*arguments, *flags]) == 0, self._capsys.readouterr()
        self.said = self._capsys.readouterr().out
        return target


@pytest.fixture
def translated(server, tmp_path, capsys):
    return Translated(server, tmp_path, capsys)


def assert_german(text):
    assert "Haus" in text
    assert not LETTERS.search(text), text


def test_plain_text(translated):
    text = f"{SENTENCE}\r\n\r\n   42\r\n- {SENTENCE} See https://example.org/a_b.\r\n"
    out = translated("a.txt", text).read_bytes().decode()
    lines = out.split("\r\n")
    assert lines[1:3] == ["", "   42"] and lines[4:] == [""]
    assert lines[3].startswith("- ") and "https://example.org/a_b" in lines[3]
    assert_german(lines[0])


MARKDOWN = f"""---
title: stays
---
# {SENTENCE}

The house is **small** and [old](https://example.org/a_b "title").
Run `make all` *now*.

* {SENTENCE}
  1. {SENTENCE}

> {SENTENCE}

```
the house is small
```

| The house | 12 |
|---|---|
| {SENTENCE} | `x` |
"""


def test_markdown(translated):
    def shape(text):
        tokens = MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2])
        inline = [c for t in tokens for c in t.children or ()]
        keeps = ("code_inline", "fence")
        return (
            [(t.type, t.tag, t.content if t.type in keeps else "") for t in tokens],
            sorted((c.type, str(c.attrs)) for c in inline if c.nesting == 1),
            [c.content for c in inline if c.type in keeps],
        )

    out = translated("a.md", MARKDOWN).read_text("utf-8")
    assert shape(out) == shape(MARKDOWN)
    assert "**klein**" in out
    assert out.startswith("---\ntitle: stays\n---\n# Das Haus")
    assert "not translated: front matter" in translated.said
    assert "not translated: fence, line 14" in translated.said


def test_subtitles(translated):
    srt = (
        "1\n00:00:01,000 --> 00:00:02,500\nThe house is\n<i>small</i>.\n\n"
        f"2\n00:00:03,000 --> 00:00:04,000\n- {SENTENCE}\n- Good morning!\n"
    )
    out = translated("a.srt", srt).read_text("utf-8")
    timing = re.compile(r"^.*-->.*$|^\d+$", re.MULTILINE)
    assert timing.findall(out) == timing.findall(srt)
    assert "<i>klein</i>" in out
    assert out.count("\n- ") == 2
    assert_german(out)
    vtt = (
        "WEBVTT\n\nNOTE The house stays\n\nintro\n00:01.000 --> 00:02.500 align:start\n"
        f"<v Jo>{SENTENCE}</v>\n"
    )
    out = translated("a.vtt", vtt).read_text("utf-8")
    assert "NOTE The house stays" in out and "<v Jo>" in out
    assert timing.findall(out) == timing.findall(vtt)
    assert_german(out.replace("NOTE The house stays", ""))


def test_json_yaml_csv(translated):
    value = {"id": "house-1", "n": 3, "texts": [{"text": SENTENCE}, {"text": "{count} houses"}]}
    out = translated("a.json", json.dumps(value, indent=2), "--keys", "texts.*.text")
    after = json.loads(out.read_text("utf-8"))
    assert (after["id"], after["n"]) == ("house-1", 3)
    assert "{count}" in after["texts"][1]["text"]
    assert_german(after["texts"][0]["text"])
    text = f"# The house stays\nname: &a '{SENTENCE}'\nother: *a\nlist:\n- 1\n- {SENTENCE}\n"
    out = translated("a.yaml", text).read_text("utf-8")
    after = YAML(typ="safe").load(out)
    assert list(after) == ["name", "other", "list"] and after["list"][0] == 1
    assert after["name"] == after["other"]
    assert out.startswith("# The house stays\n")
    assert_german(after["list"][1])
    text = f'id,text\r\nhouse,"{SENTENCE}"\r\nsmall,"Good, ""morning""!"\r\n'
    out = translated("a.csv", text, "--column", "text")
    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["id", "house", "small"]
    assert all(len(row) == 2 for row in rows)
    assert "not translated: column 'id'" in translated.said
    assert_german(rows[1][1])


def test_word(translated):
    document = docx.Document()
    document.add_heading(SENTENCE, 1)
    paragraph = document.add_paragraph("The house is ")
    paragraph.add_run("small").bold = True
    paragraph.add_run(" and old.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text = SENTENCE
    table.cell(0, 1).text = "12.50"
    after = docx.Document(str(translated("a.docx", document)))
    assert [p.style.name for p in after.paragraphs] == ["Heading 1", "Normal"]
    bold = [run.text for run in after.paragraphs[1].runs if run.bold]
    assert [text.strip() for text in bold] == ["klein"]
    assert after.tables[0].cell(0, 1).text == "12.50"
    for text in (after.paragraphs[0].text, after.paragraphs[1].text,
                 after.tables[0].cell(0, 0).text):
        assert_german(text)


def test_powerpoint(translated):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = SENTENCE
    frame = slide.placeholders[1].text_frame
    frame.text = "Good morning!"
    run = frame.add_paragraph().add_run()
    run.text = SENTENCE
    run.font.italic = True
    slide.notes_slide.notes_text_frame.text = SENTENCE
    after = pptx.Presentation(str(translated("a.pptx", deck))).slides[0]
    assert len(after.shapes) == len(slide.shapes)
    paragraphs = after.placeholders[1].text_frame.paragraphs
    assert len(paragraphs) == 2 and paragraphs[1].runs[0].font.italic
    for text in (after.shapes.title.text, paragraphs[1].text,
                 after.notes_slide.notes_text_frame.text):
        assert_german(text)


def test_opendocument(translated):
    odfdo = pytest.importorskip("odfdo")
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, SENTENCE))
    paragraph = odfdo.Paragraph(SENTENCE)
    paragraph.set_span("T1", regex="small")
    document.body.append(paragraph)
    out = translated("a.odt", document)
    after = odfdo.Document(str(out)).body
    assert len(after.headers) == 1 and len(after.paragraphs) == 1
    (span,) = after.paragraphs[0].get_elements("descendant::text:span")
    assert span.style == "T1" and span.inner_text.strip(" .") == "klein"
    assert_german(after.headers[0].inner_text)
    assert_german(after.paragraphs[0].inner_text)


PO = f"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: a.c:1
msgid "{SENTENCE}"
msgstr ""

#, c-format
msgid "%d house of %s"
msgid_plural "%d houses of %s"
msgstr[0] ""
msgstr[1] ""

msgid "Done"
msgstr "Fertig"
"""

XLIFF = f"""<?xml version="1.0" encoding="utf-8"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2">
<file original="a" source-language="en" datatype="plaintext"><body>
<trans-unit id="7"><source>{SENTENCE}</source></trans-unit>
</body></file></xliff>
"""

TMX = f"""<?xml version="1.0" encoding="utf-8"?>
<tmx version="1.4"><header srclang="en" segtype="sentence" datatype="PlainText" adminlang="en"
 creationtool="t" creationtoolversion="1" o-tmf="t"/><body>
<tu tuid="9"><tuv xml:lang="en"><seg>{SENTENCE}</seg></tuv></tu>
</body></tmx>
"""

ANDROID = f"""<?xml version="1.0" encoding="utf-8"?>
<resources>
    <string name="a">{SENTENCE}</string>
    <string name="b">%1$d houses</string>
</resources>
"""


def read(store_class, path):
    with open(path, "rb") as file:
        return [u for u in store_class(inputfile=file).units if not u.isheader()]


def test_localization(translated):
    units = read(po.pofile, translated("a.po", PO, "--target", "de"))
    assert [str(u.source) for u in units] == [SENTENCE, "%d house of %s", "Done"]
    assert_german(str(units[0].target))
    for form in units[1].target.strings:
        assert sorted(re.findall("%[ds]", form)) == ["%d", "%s"], form
    assert str(units[2].target) == "Fertig"
    assert "translated already" in translated.said
    (unit,) = read(xliff.xlifffile, translated("a.xlf", XLIFF, "--target", "de"))
    assert unit.source == SENTENCE and unit.getid().endswith("7")
    assert_german(unit.target)
    (unit,) = read(tmx.tmxfile, translated("a.tmx", TMX, "--target", "de"))
    assert unit.source == SENTENCE
    assert_german(unit.target)
    units = read(aresource.AndroidResourceFile, translated("strings.xml", ANDROID))
    assert [u.getid() for u in units] == ["a", "b"]
    assert_german(str(units[0].target))
    assert "%1$d" in str(units[1].target)
    text = f'/* The house stays */\n"a" = "{SENTENCE}";\n"b" = "%@ is old";\n'
    out = translated("a.strings", text)
    first, second = read(properties.stringsutf8file, out)
    assert (first.name, second.name) == ("a", "b")
    assert_german(first.source)
    assert "%@" in second.source
    assert "/* The house stays */" in out.read_text("utf-8")


PAGE = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{SENTENCE}</title></head><body>
<h1>{SENTENCE}</h1><p>The house is <b>small</b> and <a href="x?a=1&amp;b">old</a>.</p>
<p translate="no">The house stays</p><ul><li>{SENTENCE}<li><img src="a.png" alt="{SENTENCE}"></ul>
<script>let house = "small";</script></body></html>
"""


def tags(page):
    return [(e.tag, {k: v for k, v in e.attrib.items() if k != "alt"})
            for e in html.fromstring(page).iter() if isinstance(e.tag, str)]


def test_page(translated):
    out = translated("a.html", PAGE).read_text("utf-8")
    assert tags(out) == tags(PAGE)
    assert "<b>klein</b>" in out
    for same in ('<p translate="no">The house stays</p>', 'let house = "small";'):
        assert same in out
        out = out.replace(same, "")
    assert_german(out)


def test_book(translated, tmp_path):
    page = ("<?xml version='1.0' encoding='utf-8'?>\n"
            f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{SENTENCE}</p>'
            "<p>The house is <i>small</i>.</p></body></html>")
    book = tmp_path / "book.epub"
    with zipfile.ZipFile(book, "w") as target:
        target.writestr("mimetype", "application/epub+zip")
        target.writestr("text/one.xhtml", page)
        target.writestr("style.css", "p { color: red }")
    out = translated("a.epub", book.read_bytes())
    with zipfile.ZipFile(out) as after:
        assert after.namelist() == ["mimetype", "text/one.xhtml", "style.css"]
        assert after.infolist()[0].compress_type == zipfile.ZIP_STORED
        text = after.read("text/one.xhtml").decode("utf-8")
        assert after.read("style.css") == b"p { color: red }"
    assert [e.tag for e in etree.fromstring(text.encode()).iter()] == [
        e.tag for e in etree.fromstring(page.encode()).iter()]
    assert "<i>klein</i>" in text
    assert_german(text)


def test_glossary_and_faults(translated, tmp_path, capsys):
    terms = tmp_path / "terms.tsv"
    terms.write_text("# a comment\nhouse\tGebäude\nsmall\n", encoding="utf-8")
    out = translated("a.txt", SENTENCE, "--glossary", str(terms)).read_text("utf-8")
    assert "Gebäude" in out and "small" in out
    for name, message in (("a.doc", "found the ending '.doc'"), ("absent.md", "absent.md")):
        path = tmp_path / name
        if name == "a.doc":
            path.write_text("x")
        assert main(["document", str(path), str(tmp_path / "out")]) == 1
        assert message in capsys.readouterr().err


def test_a_text_that_the_server_refuses_stays(start_server, tmp_path, capsys):
    server = start_server("--workers=1", "--max-text-bytes=100")
    source, target = tmp_path / "a.txt", tmp_path / "b.txt"
    long = SENTENCE + " " + SENTENCE * 9
    source.write_text(f"{SENTENCE}\n{long}\n", encoding="utf-8")
    assert main(["document", str(source), str(target), "--address", server.address]) == 0
    lines = target.read_text("utf-8").splitlines()
    assert_german(lines[0])
    assert lines[1] == long
    assert "not translated: line 2: INVALID_ARGUMENT: text.text: found" in capsys.readouterr().out


def test_a_paragraph_longer_than_a_text_may_be(server, tmp_path, capsys):
    source, target = tmp_path / "a.txt", tmp_path / "b.txt"
    source.write_text(f"{SENTENCE} " * 3600 + f"\n{SENTENCE}\n", encoding="utf-8")
    assert source.stat().st_size > 65536
    assert main(["document", str(source), str(target), "--address", server.address]) == 0
    lines = target.read_text("utf-8").split("\n")
    assert lines[0] == f"{lines[1]} " * 3600
    assert_german(lines[1])
    assert "2 segments" in capsys.readouterr().out
