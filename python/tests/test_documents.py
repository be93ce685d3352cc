"""Documents: what is read, what is kept, what comes out. No server.

An identity translation must give an equal document; a "translation" into
capitals must change letters of the text and nothing else.
"""

import io
import json
import zipfile

import pytest

docx = pytest.importorskip("docx")
import pptx  # noqa: E402
from changes import identity, translate, upper  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402

from peregrine_translate.documents.android import AndroidStrings  # noqa: E402
from peregrine_translate.documents.apple import AppleStrings  # noqa: E402
from peregrine_translate.documents.base import DocumentError  # noqa: E402
from peregrine_translate.documents.bilingual import Tmx, Xliff  # noqa: E402
from peregrine_translate.documents.csv_columns import Csv  # noqa: E402
from peregrine_translate.documents.gettext import GettextCatalog  # noqa: E402
from peregrine_translate.documents.inline import (  # noqa: E402
    BrokenMarkupError,
    Group,
    Mark,
    Text,
    flatten,
    from_markup,
    merge,
    peel,
    plain_text,
    split_long,
    to_markup,
)
from peregrine_translate.documents.json_values import Json  # noqa: E402
from peregrine_translate.documents.markdown import Markdown  # noqa: E402
from peregrine_translate.documents.office import OfficeDocument  # noqa: E402
from peregrine_translate.documents.subtitles import Subtitles  # noqa: E402
from peregrine_translate.documents.yaml_values import Yaml  # noqa: E402


# ---- Inline markup.

BOLD, LINK, BREAK = object(), object(), object()
SENTENCE = [
    Text("See "),
    Group(LINK, [Text("the "), Group(BOLD, [Text("red <house>")])]),
    Text(" & go"),
    Mark(BREAK),
    Text("home."),
]


def test_markup_and_back():
    markup = to_markup(SENTENCE)
    assert markup == (
        'See <g id="0">the <g id="1">red &lt;house&gt;</g></g> &amp; go<x id="2"/>home.'
    )
    assert from_markup(markup, SENTENCE) == SENTENCE
    moved = 'Home<x id="2"/><g id="1">a</g> <g id="0">b</g> <g id="1">c</g>'
    nodes = from_markup(moved, SENTENCE)
    assert [getattr(node, "key", None) for node in nodes] == [
        None, BREAK, BOLD, None, LINK, None, BOLD,
    ]


@pytest.mark.parametrize(
    "markup",
    [
        "no tags at all",
        '<g id="0">a</g><g id="1">b</g>',
        '<g id="0"/><g id="1"/><x id="2"/><x id="2"/>',
        '<g id="0"/><g id="1"/><x id="2"/><x id="3"/>',
        '<g id="0"/><g id="1"/><b id="2"/>',
        '<g id="0"><g id="1"/><x id="2"/>',
        "a & b",
        '<!DOCTYPE r [<!ENTITY e "x">]>&e;',
    ],
)
def test_broken_markup_is_refused(markup):
    with pytest.raises(BrokenMarkupError):
        from_markup(markup, SENTENCE)
    assert plain_text(flatten(SENTENCE, "text")) == "text"


def test_what_stands_around_all_text_is_set_aside():
    nodes = [Mark(BREAK), Text("  "), Group(BOLD, [Text("Hello ")]), Mark(LINK)]
    peeled = peel([Group(LINK, nodes)])
    assert peeled.wrappers == [LINK]
    assert plain_text(peeled.core) == "Hello "
    assert peeled.put_back(peeled.core) == [Group(LINK, nodes)]


def test_long_paragraphs_are_cut_behind_sentences():
    sentence = "It costs 3.5 \u20ac, e.g. & more. "
    nodes = [Text(sentence * 900), Group(BOLD, [Text("Bold. " * 9)]), Text(" goes on. " + sentence * 900)]
    parts = split_long(nodes)
    assert len(parts) > 3
    assert merge([node for part in parts for node in part]) == merge(nodes)
    for part in parts:
        assert len(to_markup(part)) < 17_000
    for part in parts[:-1]:
        assert plain_text(part).endswith((". ", "! "))
    assert split_long(SENTENCE) == [SENTENCE]
    endless = [Text("word " * 9000)]
    assert split_long(endless) == [endless]
    assert len(split_long([Text("\u5bb6\u3002" * 9000)])) == 2


def test_characters_that_xml_cannot_hold_are_left_out():
    assert to_markup([Text("a\x0bb\x00c")]) == "abc"


# ---- Markdown.

MARKDOWN = """\
---
title: stays
---
# A *first* heading

Some text with **bold words**, `code`, a [link](http://example.org "A title"),
an ![image of a dog](dog.png) and a hard break\\
in a line that goes on.

> Quoted text
> over two lines.
>
> - an item in it

1. First item with <b>html</b>
2. Second item, see [the manual][manual] and <http://example.org/x>

   Its second paragraph.

| Name | What it is |
|:-----|-----------:|
| One  | the *first* number |
| `Two` | the second |

```python
print("stays")
```

<div>stays</div>

Setext heading
--------------

2 * 3 * 4 is no emphasis, nor is snake_case_name. A \\*literal\\* star.

[manual]: http://example.org/manual
"""


def render(text):
    parser = MarkdownIt("commonmark").enable("table")
    body = text.split("---\n", 2)[2] if text.startswith("---\n") else text
    return " ".join(parser.render(body).split())


def test_markdown_identity():
    out = identity(Markdown(MARKDOWN.encode(), "a.md")).decode()
    assert render(out) == render(MARKDOWN)
    assert out.startswith("---\ntitle: stays\n---\n")


def test_markdown_untouched_is_equal_byte_for_byte():
    for text in (MARKDOWN, MARKDOWN.replace("\n", "\r\n"), "", "\n\n", "No end"):
        assert Markdown(text.encode(), "a.md").to_bytes().decode() == text


def test_markdown_changes_text_alone():
    document = Markdown(MARKDOWN.encode(), "a.md")
    out = translate(document, upper).decode()
    assert "# A *FIRST* HEADING" in out
    assert '[LINK](http://example.org "A title")' in out
    assert "![IMAGE OF A DOG](dog.png)" in out
    assert "`code`" in out and 'print("stays")' in out and "<div>stays</div>" in out
    assert "[THE MANUAL][manual] AND <http://example.org/x>" in out
    assert "| THE *FIRST* NUMBER |" in out and "| `Two` |" in out
    assert "> QUOTED TEXT" in out and "> - AN ITEM IN IT" in out
    assert "   ITS SECOND PARAGRAPH." in out
    assert render(out).upper() == render(MARKDOWN).upper()
    assert document.skipped == ["front matter", "fence, line 25", "html block, line 29"]


@pytest.mark.parametrize(
    "translation",
    ["1. Januar *nicht* kursiv", "a_b_c [x](y) `z` <b>", "# no heading", "a * b * c", "x & y &amp; z"],
)
def test_markdown_text_is_never_syntax(translation):
    document = Markdown(b"Some words.\n", "a.md")
    document.segments[0].translated = [Text(translation)]
    out = document.to_bytes().decode()
    tokens = MarkdownIt("commonmark").parse("x " + out)
    children = tokens[1].children
    assert "".join(t.content for t in children) == "x " + translation


# ---- Subtitles.

SRT = """\
1
00:00:01,000 --> 00:00:04,000
<i>Where have you been all
this time, my friend?</i>

2
00:00:05,000 --> 00:00:06,500
- At home.
- I see.

3
00:00:07,000 --> 00:00:08,000
♪ ♪
"""
VTT = """\
WEBVTT - a title

NOTE stays
this too

STYLE
::cue { color: red }

intro
00:01.000 --> 00:04.000 align:start position:10%
<v Mary>Tom &amp; I <c.loud>never</c> <00:02.000>go there.</v>
"""


@pytest.mark.parametrize("text", [SRT, VTT, SRT.replace("\n", "\r\n"), "\ufeff" + SRT])
def test_subtitles_identity(text):
    assert Subtitles(text.encode(), "a").to_bytes().decode() == text
    assert identity(Subtitles(text.encode(), "a")).decode() == text


def test_subtitles_keep_timing_and_speakers():
    out = translate(Subtitles(SRT.encode(), "a.srt"), upper).decode()
    lines = out.split("\n")
    assert lines[1] == "00:00:01,000 --> 00:00:04,000"
    assert lines[2:4] == ["<i>WHERE HAVE YOU BEEN ALL", "THIS TIME, MY FRIEND?</i>"]
    assert lines[7:9] == ["- AT HOME.", "- I SEE."]
    out = translate(Subtitles(VTT.encode(), "a.vtt"), upper).decode()
    assert "<v Mary>TOM &amp; I <c.loud>NEVER</c> <00:02.000>GO THERE.</v>" in out
    assert "NOTE stays\nthis too" in out


def test_subtitles_break_longer_lines():
    document = Subtitles(SRT.encode(), "a.srt")
    words = "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn"
    document.segments[0].translated = [Text(words)]
    cue = document.to_bytes().decode().split("\n\n")[0].split("\n")[2:]
    assert " ".join(cue) == words
    assert len(cue) == 4 and max(map(len, cue)) - min(map(len, cue)) < 12


def test_a_short_line_stays_one():
    document = Subtitles(b"1\n00:00:01,000 --> 00:00:02,000\n- Yes.\n- No.\n", "a.srt")
    for segment, words in zip(document.segments, ("Aber ja doch.", "Nein, niemals.")):
        segment.translated = [Text(words)]
    assert document.to_bytes().decode().split("\n")[2:4] == ["- Aber ja doch.", "- Nein, niemals."]


def test_no_subtitles():
    with pytest.raises(DocumentError, match="a.srt: found no line with '-->'"):
        Subtitles(b"Hello.", "a.srt")


# ---- Values.


def test_json():
    value = {"a": "One.", "b": [1, "Two.", {"text": "Drei & <vier>"}], "c": None}
    for text in (json.dumps(value, indent=4) + "\n", json.dumps(value, separators=(",", ":"))):
        assert json.loads(identity(Json(text.encode(), "a.json"))) == value
        out = translate(Json(text.encode(), "a.json", ["b.*.text", "a"]), upper).decode()
        assert out == json.dumps(
            {"a": "ONE.", "b": [1, "Two.", {"text": "DREI & <VIER>"}], "c": None},
            indent=4 if "\n" in text else None,
            separators=None if "\n" in text else (",", ":"),
        ) + ("\n" if text.endswith("\n") else "")
    with pytest.raises(DocumentError, match="a.json: no JSON"):
        Json(b"{", "a.json")


def test_yaml():
    text = '# A comment.\na: "One."  # another\nb:\n  - &x Two.\n  - *x\nc: |\n  Three.\n  Four.\nd: 5\n'
    assert identity(Yaml(text.encode(), "a.yaml")).decode() == text
    out = translate(Yaml(text.encode(), "a.yaml"), upper).decode()
    assert "# A comment.\na: \"ONE.\"  # another" in out
    assert "c: |\n  THREE.\n  FOUR.\nd: 5\n" in out
    with pytest.raises(DocumentError, match="a.yaml: no YAML"):
        Yaml(b"a: [", "a.yaml")


def test_csv():
    text = 'id,name,about\r\n1,One,"A, ""quoted"" text"\r\n2,Two,\r\n'
    assert identity(Csv(text.encode(), "a.csv", ["about"])).decode() == text
    document = Csv(text.encode(), "a.csv", ["about"])
    out = translate(document, upper).decode()
    assert out == 'id,name,about\r\n1,One,"A, ""QUOTED"" TEXT"\r\n2,Two,\r\n'
    assert document.skipped == ["column 'id'", "column 'name'"]
    by_number = translate(Csv(b"one;two\nthree;four\n", "a.csv", ["1"], ";"), upper)
    assert by_number == b"one;TWO\nthree;FOUR\n"
    with pytest.raises(DocumentError, match="found no column 'x', expected one of"):
        Csv(text.encode(), "a.csv", ["x"])


# ---- Office documents.


def make_docx():
    document = docx.Document()
    document.add_heading("A heading", 1)
    paragraph = document.add_paragraph("Some ")
    paragraph.add_run("bold").bold = True
    paragraph.add_run(" and ")
    paragraph.add_run("italic").italic = True
    paragraph.add_run(" words.\tAfter a tab.").add_break()
    paragraph.add_run("After a break.")
    document.add_paragraph("An item", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text = "Left cell"
    table.cell(0, 1).text = "12.5"
    document.sections[0].header.paragraphs[0].text = "In the header"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read_docx(data):
    document = docx.Document(io.BytesIO(data))
    paragraphs = [*document.paragraphs, *document.sections[0].header.paragraphs]
    paragraphs += [p for row in document.tables[0].rows for c in row.cells for p in c.paragraphs]
    return [
        (p.style.name, [(r.text, r.bold, r.italic) for r in p.runs if r.text])
        for p in paragraphs
    ]


def joined(paragraphs):
    """Runs of one formatting that touch, made one."""
    out = []
    for style, runs in paragraphs:
        merged = []
        for text, *look in runs:
            if merged and merged[-1][1:] == look:
                merged[-1][0] += text
            else:
                merged.append([text, *look])
        out.append((style, merged))
    return out


def test_docx():
    data = make_docx()
    document = OfficeDocument(data, "a.docx", ".docx")
    assert document.to_bytes() == document.to_bytes()
    assert joined(read_docx(identity(document))) == joined(read_docx(data))
    out = read_docx(translate(OfficeDocument(data, "a.docx", ".docx"), upper))
    expected = [
        (style, [[text.upper(), *look] for text, *look in runs])
        for style, runs in joined(read_docx(data))
    ]
    assert joined(out) == expected


def test_docx_moves_formatting_with_its_words():
    document = OfficeDocument(make_docx(), "a.docx", ".docx")
    segment = next(s for s in document.segments if "bold" in plain_text(s.nodes))
    core = segment.peeled.core
    moved = to_markup(core)
    assert moved.startswith('Some <g id="0">bold</g> and <g id="1">italic</g> words.<x id="2"/>')
    swapped = moved.replace('<g id="0">bold</g> and <g id="1">italic</g>',
                            '<g id="1">kursive</g> und <g id="0">fette</g>')
    segment.translated = segment.peeled.put_back(from_markup(swapped, core))
    runs = read_docx(document.to_bytes())[1][1]
    assert ("kursive", None, True) in runs and ("fette", True, None) in runs


def test_pptx():
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "A title"
    frame = slide.placeholders[1].text_frame
    frame.text = "First point"
    run = frame.add_paragraph().add_run()
    run.text = "Second point"
    run.font.bold = True
    slide.notes_slide.notes_text_frame.text = "A note"
    out = io.BytesIO()
    presentation.save(out)

    def read(data):
        slide = pptx.Presentation(io.BytesIO(data)).slides[0]
        shapes = [*slide.shapes, *slide.notes_slide.shapes]
        return [
            (r.text, r.font.bold)
            for s in shapes if s.has_text_frame for p in s.text_frame.paragraphs for r in p.runs
        ]

    before = read(out.getvalue())
    assert ("Second point", True) in before
    document = OfficeDocument(out.getvalue(), "a.pptx", ".pptx")
    assert read(identity(document)) == before
    document = OfficeDocument(out.getvalue(), "a.pptx", ".pptx")
    assert read(translate(document, upper)) == [(text.upper(), bold) for text, bold in before]


def test_odt():
    odfdo = pytest.importorskip("odfdo", minversion="3.20")
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, "A heading"))
    paragraph = odfdo.Paragraph("Some bold words,   and spaces.")
    paragraph.set_span("Strong_20_Emphasis", regex="bold")
    document.body.append(paragraph)
    out = io.BytesIO()
    document.save(out)

    def read(data):
        body = odfdo.Document(io.BytesIO(data)).body
        return [(p.tag, p.inner_text, [s.inner_text for s in p.get_spans()])
                for p in [*body.get_elements("//text:h"), *body.get_elements("//text:p")]]

    before = read(out.getvalue())
    assert before[1] == ("text:p", "Some bold words,   and spaces.", ["bold"])
    assert read(identity(OfficeDocument(out.getvalue(), "a.odt", ".odt"))) == before
    capitals = read(translate(OfficeDocument(out.getvalue(), "a.odt", ".odt"), upper))
    assert capitals[1] == ("text:p", "SOME BOLD WORDS,   AND SPACES.", ["BOLD"])
    first = zipfile.ZipFile(io.BytesIO(identity(
        OfficeDocument(out.getvalue(), "a.odt", ".odt")))).infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    "data, message",
    [(b"no zip", "found no zip archive"), (None, "found no part with text")],
)
def test_no_office_document(data, message):
    if data is None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.txt", "text")
        data = out.getvalue()
    with pytest.raises(DocumentError, match=f"a.docx: {message}"):
        OfficeDocument(data, "a.docx", ".docx")


# ---- Localization.

PO = b"""\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#. A comment
#: main.c:1
msgid "Open file"
msgstr ""

msgid "Done already"
msgstr "Schon fertig"
"""


def test_po():
    document = GettextCatalog(PO, "a.po")
    assert document.skipped == ["unit 3: translated already"]
    out = translate(document, upper).decode()
    assert 'msgid "Open file"\nmsgstr "OPEN FILE"' in out
    assert 'msgstr "Schon fertig"' in out and "#. A comment" in out


def test_xliff():
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
        '<file original="a" source-language="en" datatype="plaintext"><body>'
        '<trans-unit id="1"><source>Open file</source></trans-unit></body></file></xliff>'
    )
    out = translate(Xliff(text.encode(), "a.xlf", "de"), upper).decode()
    assert "<source>Open file</source>" in out and ">OPEN FILE</target>" in out
    assert 'target-language="de"' in out


def test_android_and_apple():
    android = b'<?xml version="1.0" encoding="utf-8"?>\n<resources><string name="a">Open it</string></resources>'
    assert b'<string name="a">OPEN IT</string>' in translate(
        AndroidStrings(android, "strings.xml"), upper)
    apple = '/* c */\n"a" = "Open it";\n'.encode()
    out = translate(AppleStrings(apple, "a.strings"), upper)
    assert b'"a" = "OPEN IT";' in out and b"/* c */" in out


def test_no_localization_file():
    with pytest.raises(DocumentError, match="a.xlf: no XML"):
        Xliff(b"text", "a.xlf")
    with pytest.raises(DocumentError, match="a.xml: found the element 'page', expected Android's"):
        AndroidStrings(b"<page/>", "a.xml")
    with pytest.raises(DocumentError, match="a.strings: line 2: found 'what', expected"):
        AppleStrings(b'"a" = "b";\nwhat', "a.strings")
    with pytest.raises(DocumentError, match="a.tmx: name the target language"):
        Tmx(b"<tmx/>", "a.tmx")
