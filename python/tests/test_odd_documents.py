"""Documents of the odd kinds that people have, of every format. No server.

Each is read twice: an identity translation gives an equal document, as the
format's own library reads it; and a "translation" into capitals changes what is
text, and nothing else.
"""

import csv
import io
import json
import re
import zipfile

import pytest

docx = pytest.importorskip("docx")
import pptx  # noqa: E402
import yaml  # noqa: E402
from docx.oxml import parse_xml  # noqa: E402
from lxml import etree, html  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402
from test_documents import identity, translate, upper  # noqa: E402
from translate.storage import aresource, po, properties, tmx, xliff  # noqa: E402

from peregrine_translate.documents import DocumentError, open_document  # noqa: E402
from peregrine_translate.documents.files import FORMATS  # noqa: E402


@pytest.fixture
def both(tmp_path):
    """The document after an identity translation, after capitals, and what was
    left of it."""

    def run(name, data, **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
        document = open_document(path, **options)
        same = identity(document)
        document = open_document(path, **options)
        return same, translate(document, upper), document.skipped

    return run


# ---- Word

_NAMES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "v": "urn:schemas-microsoft-com:vml",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    }.items()
)
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def word(*paragraphs, **parts):
    """A file with these paragraphs, and further parts by name."""
    document = docx.Document()
    for inner in paragraphs:
        element = parse_xml(f"<w:p {_NAMES}>{inner}</w:p>")
        document.element.body.insert_element_before(element, "w:sectPr")
    out = io.BytesIO()
    document.save(out)
    if parts:
        with zipfile.ZipFile(out, "a") as archive:
            for name, content in parts.items():
                archive.writestr(f"word/{name}.xml", content)
    return out.getvalue()


def run(text, properties=""):
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def field(instruction, result):
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {instruction} </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{result}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def body(data, part="word/document.xml"):
    return etree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read(part))


def texts(data, part="word/document.xml"):
    """Of each paragraph, with those in text boxes."""
    return [
        "".join(t.text or "" for t in p.iter(f"{_W}t"))
        for p in body(data, part).iter(f"{_W}p")
    ]


def shape(data, part="word/document.xml"):
    """Elements and texts, with the runs of one formatting made one."""

    def describe(element):
        out = []
        for child in element:
            name = etree.QName(child).localname
            if name == "r":
                look = [describe(p) for p in child if p.tag == f"{_W}rPr"]
                for part in child:
                    if part.tag == f"{_W}rPr":
                        continue
                    piece = ["r", look, etree.QName(part).localname, part.text or "", describe(part)]
                    if out and piece[2] == "t" and out[-1][:3] == piece[:3]:
                        out[-1][3] += piece[3]
                    else:
                        out.append(piece)
            else:
                out.append([name, sorted(child.attrib.items()), child.text or "", describe(child)])
        return out

    return describe(body(data, part))


TEXT_BOX = (
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wp:inline>"
    "<wp:docPr id='1' name='Box 1' descr='A red box'/><a:graphic><a:graphicData uri='x'><wps:wsp>"
    f"<wps:txbx><w:txbxContent><w:p>{run('In the box')}</w:p></w:txbxContent></wps:txbx></wps:wsp>"
    "</a:graphicData></a:graphic></wp:inline></w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape>"
    f"<v:textbox><w:txbxContent><w:p>{run('In the box')}</w:p></w:txbxContent></v:textbox></v:shape>"
    "</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)
BOLD = "<w:rPr><w:b/></w:rPr>"

WORD_PARAGRAPHS = {
    "text box in a paragraph with text": (
        run("Before the box ") + TEXT_BOX + run(" after it"),
        ["BEFORE THE BOX IN THE BOXIN THE BOX AFTER IT", "IN THE BOX", "IN THE BOX"],
    ),
    "link by a field": (
        run("See ") + field('HYPERLINK "http://x.org"', run("the page", BOLD)) + run(" now"),
        ["SEE THE PAGE NOW"],
    ),
    "page number": (run("This is page ") + field("PAGE", run("seven")), ["THIS IS PAGE seven"]),
    "entry of a table of contents": (
        "<w:hyperlink w:anchor='_Toc1'>" + run("Introduction") + "<w:r><w:tab/></w:r>"
        + field("PAGEREF _Toc1", run("iv")) + "</w:hyperlink>",
        ["INTRODUCTIONiv"],
    ),
    "first entry of a table of contents": (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> TOC \\o </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("First chapter"),
        ["FIRST CHAPTER"],
    ),
    "end of a field that began before": (
        run("Last line") + '<w:r><w:fldChar w:fldCharType="end"/></w:r>',
        ["LAST LINE"],
    ),
    "content control": (
        run("Dear ") + "<w:sdt><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>"
        + run("customer of ours") + "</w:sdtContent></w:sdt>" + run(", hello"),
        ["DEAR CUSTOMER OF OURS, HELLO"],
    ),
    "choice": (
        run("Colour: ") + "<w:sdt><w:sdtPr><w:dropDownList/></w:sdtPr><w:sdtContent>"
        + run("red") + "</w:sdtContent></w:sdt>",
        ["COLOUR: red"],
    ),
    "tracked changes": (
        run("It is ") + "<w:ins w:id='1' w:author='A'>" + run("very ") + "</w:ins>"
        + "<w:del w:id='2' w:author='A'><w:r><w:delText>not </w:delText></w:r></w:del>" + run("good"),
        ["IT IS VERY GOOD"],
    ),
    "hyphens": (
        "<w:r><w:t>A co</w:t><w:noBreakHyphen/><w:t>operative pro</w:t><w:softHyphen/><w:t>ject</w:t></w:r>",
        ["A COOPERATIVE PROJECT"],
    ),
    "reading aid": (
        run("The word ") + "<w:r><w:ruby><w:rubyPr/><w:rt>" + run("kanji") + "</w:rt><w:rubyBase>"
        + run("base") + "</w:rubyBase></w:ruby></w:r>" + run(" is old"),
        ["THE WORD BASE IS OLD"],
    ),
    "footnote, bookmark, comment": (
        "<w:bookmarkStart w:id='0' w:name='a'/>" + run("One") + "<w:commentRangeStart w:id='0'/>"
        + run(" two", BOLD) + "<w:r><w:footnoteReference w:id='2'/></w:r>"
        + "<w:commentRangeEnd w:id='0'/><w:r><w:commentReference w:id='0'/></w:r>" + run(" three")
        + "<w:bookmarkEnd w:id='0'/>",
        ["ONE TWO THREE"],
    ),
    "formula": (
        run("Where ") + "<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>" + run(" is small"),
        ["WHERE  IS SMALL"],
    ),
    "runs cut in a word": (
        "<w:proofErr w:type='spellStart'/>" + run("He") + "<w:proofErr w:type='spellEnd'/>"
        + run("llo", "<w:rPr><w:lang w:val='en-GB'/></w:rPr>") + run(" you"),
        ["HELLO YOU"],
    ),
    "nested links and formatting": (
        "<w:hyperlink w:anchor='a'>" + run("all ") + "<w:ins w:id='3' w:author='B'>"
        + run("of", BOLD) + "</w:ins>" + run(" it") + "</w:hyperlink>" + run(" stays"),
        ["ALL OF IT STAYS"],
    ),
}


@pytest.mark.parametrize("name", WORD_PARAGRAPHS)
def test_word_paragraphs(both, name):
    inner, expected = WORD_PARAGRAPHS[name]
    data = word(inner)
    same, capitals, _ = both("a.docx", data)
    if name != "runs cut in a word":  # whose marks of spelling are dropped
        assert shape(same) == shape(data)
    assert texts(same) == texts(data)
    assert texts(capitals) == expected
    # The same elements but for texts, of which there may be fewer.
    kinds = [sorted({etree.QName(e).localname for e in body(d).iter()} - {"proofErr", "lang", "rPr"})
             for d in (data, capitals)]
    if name != "reading aid":
        assert kinds[0] == kinds[1]


def test_word_parts(both):
    note = (f"<w:footnotes {_NAMES}><w:footnote w:id='2'><w:p><w:r><w:footnoteRef/></w:r>"
            f"{run('A note')}</w:p></w:footnote></w:footnotes>")
    comment = (f"<w:comments {_NAMES}><w:comment w:id='0' w:author='Ann'><w:p>{run('Why?')}</w:p>"
               "</w:comment></w:comments>")
    data = word(run("Text"), footnotes=note, comments=comment, header7=f"<w:hdr {_NAMES}><w:p>"
                f"{run('On top')}</w:p></w:hdr>")
    same, capitals, _ = both("a.docx", data)
    for part, text in (("footnotes", "A NOTE"), ("comments", "WHY?"), ("header7", "ON TOP")):
        assert texts(capitals, f"word/{part}.xml") == [text]
        assert shape(same, f"word/{part}.xml") == shape(data, f"word/{part}.xml")
    assert body(capitals, "word/comments.xml")[0].get(f"{_W}author") == "Ann"


def test_word_strict_and_renamed(both):
    """Word online calls the part document2.xml; "strict" has other names."""
    data = word(run("Text"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            content = old.read(entry).replace(b"/word/document.xml", b"/word/document2.xml")
            content = content.replace(b'"word/document.xml', b'"word/document2.xml')
            content = content.replace(b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
                                      b"http://purl.oclc.org/ooxml/wordprocessingml/main")
            new.writestr(entry.filename.replace("document.xml", "document2.xml"), content)
    _, capitals, _ = both("a.docx", out.getvalue())
    assert b"TEXT" in etree.tostring(body(capitals, "word/document2.xml"))


def test_word_charts_and_pictures(both):
    a = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    chart = f"<c:chartSpace xmlns:c='urn:c' {a}><a:p><a:r><a:t>Sales of cars</a:t></a:r></a:p><c:v>2020</c:v></c:chartSpace>"
    data = word(run("Text") + TEXT_BOX, **{"charts/chart1": chart, "diagrams/data1": chart,
                                           "diagrams/drawing1": chart})
    _, capitals, skipped = both("a.docx", data)
    for part in ("charts/chart1", "diagrams/data1", "diagrams/drawing1"):
        assert b"SALES OF CARS" in etree.tostring(body(capitals, f"word/{part}.xml"))
    assert "A RED BOX" in etree.tostring(body(capitals)).decode()
    assert skipped == ["word/charts/chart1.xml: names and values of a chart, which its table has"]


# ---- PowerPoint


def make_deck():
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "The title"
    table = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "A cell", "12"
    group = slide.shapes.add_group_shape()
    box = group.shapes.add_textbox(Inches(1), Inches(4), Inches(3), Inches(1))
    paragraph = box.text_frame.paragraphs[0]
    for text, link in (("See ", None), ("the page", "http://x.org"), (" now", None)):
        piece = paragraph.add_run()
        piece.text = text
        if link:
            piece.hyperlink.address = link
    paragraph.add_line_break()
    paragraph.add_run().text = "and then"
    data = CategoryChartData()
    data.categories = ["East"]
    data.add_series("Cars", (1,))
    chart = slide.shapes.add_chart(
        XL_CHART_TYPE.PIE, Inches(5), Inches(4), Inches(3), Inches(3), data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Of the chart"
    slide.notes_slide.notes_text_frame.text = "Say hello"
    logo = deck.slide_layouts[5].shapes._spTree  # noqa: SLF001
    from copy import deepcopy
    extra = deepcopy(box._element)  # noqa: SLF001
    extra.spPr.xfrm.off.y = Inches(6)
    extra.txBody.p_lst[0].r_lst[0].t.text = "Our firm"
    logo.append(extra)
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def test_powerpoint(both):
    def read(data):
        slide = pptx.Presentation(io.BytesIO(data)).slides[0]
        table = next(s for s in slide.shapes if s.has_table).table
        group = next(s for s in slide.shapes if s.shape_type == 6)
        chart = next(s for s in slide.shapes if s.has_chart).chart
        runs = [(r.text, r.hyperlink.address)
                for r in group.shapes[0].text_frame.paragraphs[0].runs]
        return [slide.shapes.title.text, [c.text for c in table.rows[0].cells], runs,
                group.shapes[0].text_frame.text, chart.chart_title.text_frame.text,
                list(chart.plots[0].categories), slide.notes_slide.notes_text_frame.text,
                slide.slide_layout.shapes[-1].text_frame.text,
                slide.slide_layout.placeholders[0].text_frame.text]

    deck = make_deck()
    before = read(deck)
    same, capitals, skipped = both("a.pptx", deck)
    assert read(same) == before
    after = read(capitals)
    assert after[:2] == ["THE TITLE", ["A CELL", "12"]]
    assert after[2] == [(t.upper(), a) for t, a in before[2]]
    assert after[3] == "SEE THE PAGE NOW\vAND THEN"
    assert after[4:7] == ["OF THE CHART", ["East"], "SAY HELLO"]
    assert after[7].startswith("OUR FIRM") and after[8] == before[8]
    assert any("values of a chart" in line for line in skipped)
    assert any("embedded file" in line for line in skipped)


# ---- OpenDocument

_ODF = " ".join(
    f'xmlns:{p}="urn:oasis:names:tc:opendocument:xmlns:{u}:1.0"'
    for p, u in {"office": "office", "text": "text", "draw": "drawing", "table": "table",
                 "svg": "svg-compatible"}.items()
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'

ODT = f"""<office:document-content {_ODF}><office:body><office:text>
<text:p>One<text:note text:id="1"><text:note-citation>1</text:note-citation><text:note-body><text:p>A
note</text:p></text:note-body></text:note> <text:span text:style-name="T1">two <text:a
xlink:href="http://x">three</text:a></text:span><office:annotation><dc:creator>Ann</dc:creator><text:p>A
comment</text:p></office:annotation><text:s text:c="2"/>end<text:tab/>tab<text:line-break/>break</text:p>
<text:p>Page <text:page-number>3</text:page-number></text:p>
<text:p>Text<draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box><svg:desc>A dog</svg:desc></draw:frame> after</text:p>
<text:p>The <text:ruby><text:ruby-base>word</text:ruby-base><text:ruby-text>kana</text:ruby-text></text:ruby> is old</text:p>
<table:table><table:table-row><table:table-cell><text:p>Cell</text:p></table:table-cell></table:table-row></table:table>
<text:h text:outline-level="1"><text:bookmark-start text:name="b"/>Head<text:bookmark-end text:name="b"/></text:h>
<text:list><text:list-item><text:p>Item</text:p></text:list-item></text:list>
</office:text></office:body></office:document-content>"""


def make_odt():
    manifest = ('<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
                '<manifest:file-entry manifest:full-path="/" '
                'manifest:media-type="application/vnd.oasis.opendocument.text"/>'
                '<manifest:file-entry manifest:full-path="content.xml" '
                'manifest:media-type="text/xml"/></manifest:manifest>')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", ODT)
        archive.writestr("META-INF/manifest.xml", manifest)
    return out.getvalue()


def test_opendocument(both):
    def read(data):
        root = etree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read("content.xml"))
        return [(e.tag, dict(e.attrib), " ".join((e.text or "").split()),
                 " ".join((e.tail or "").split())) for e in root.iter(etree.Element)
                if not e.tag.endswith("}s")]

    same, capitals, _ = both("a.odt", make_odt())
    assert read(same) == read(make_odt())
    text = " ".join(zipfile.ZipFile(io.BytesIO(capitals)).read("content.xml").decode().split())
    for part in ("ONE<text:note", "A NOTE<", "TWO <text:a", ">THREE</text:a>", "A COMMENT<",
                 " <text:s/>END<text:tab/>TAB",
                 "PAGE <text:page-number>3<", "TEXT<draw:frame", "IN A BOX", "A DOG", "> AFTER<",
                 "THE WORD IS OLD", "CELL", "/>HEAD<", "ITEM", "<dc:creator>Ann<"):
        assert part in text, part


# ---- EPUB and HTML

XHTML = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head>
<title>A book</title><link rel="stylesheet" href="s.css"/></head><body>
<p epub:type="x">Caf&eacute;&nbsp;au lait &amp; <ruby>word<rt>kana</rt></ruby><br/>next <a href="#n1" epub:type="noteref">1</a></p>
<svg xmlns="http://www.w3.org/2000/svg"><text>drawn</text></svg>
<aside epub:type="footnote" id="n1"><p>A note</p></aside></body></html>"""


def elements(data):
    return [(e.tag, sorted(e.attrib.items())) for e in etree.fromstring(data).iter(etree.Element)]


def test_epub(both):
    nav = ('<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
           '<body><nav epub:type="toc"><ol><li><a href="a.xhtml">Chapter one</a></li></ol></nav></body></html>')
    ncx = ('<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><docTitle><text>A book</text></docTitle>'
           '<navMap><navPoint><navLabel><text>Chapter one</text></navLabel></navPoint></navMap></ncx>')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("OPS/book.opf", "<package/>")
        archive.writestr("OPS/a.xhtml", XHTML)
        archive.writestr("OPS/nav.xhtml", nav)
        archive.writestr("OPS/toc.ncx", ncx)
        archive.writestr("OPS/a.png", b"\x89PNG")
    same, capitals, skipped = both("a.epub", out.getvalue())
    before, kept, after = (zipfile.ZipFile(io.BytesIO(d)) for d in (out.getvalue(), same, capitals))
    assert after.namelist() == before.namelist()
    assert after.infolist()[0].compress_type == zipfile.ZIP_STORED
    plain = XHTML.replace("&eacute;", "é").replace("&nbsp;", "\u00a0").encode()
    for page in (kept.read("OPS/a.xhtml"), after.read("OPS/a.xhtml")):
        assert elements(page) == elements(plain)
    assert " ".join(etree.fromstring(kept.read("OPS/a.xhtml")).itertext()).split() == \
        " ".join(etree.fromstring(plain).itertext()).split()
    text = after.read("OPS/a.xhtml").decode()
    assert "CAFÉ\u00a0AU LAIT &amp; <ruby>WORD<rt>kana</rt></ruby><br/>NEXT" in text
    assert "drawn" in text and "A NOTE" in text and "<!DOCTYPE html PUBLIC" in text
    assert b"CHAPTER ONE" in after.read("OPS/nav.xhtml") and b"A BOOK" in after.read("OPS/toc.ncx")
    assert skipped == ["OPS/book.opf: title and other data of the book"]


def test_xhtml_stays_xml(both):
    same, capitals, _ = both("a.xhtml", XHTML)
    etree.fromstring(capitals)
    assert b"<br/>" in same and b"CAF\xc3\x89" in capitals


HTML_PAGES = {
    "no doctype": "<html><body><p>Text</p></body></html>",
    "a part": "Some <b>bold</b> text &amp; more<p>Next",
    "old charset": '<html><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
                   "<title>Caf\xe9</title></head><body>\xfcber</body></html>",
    "all of it": """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="description" content="About us"><meta name="viewport" content="width">
<title>Title</title><style>p { color: red }</style><script>let a = "text";</script></head><body>
<!-- a comment --><p>One <em>two <strong>three</strong></em><br>four <code>five()</code> <kbd>Ctrl</kbd></p>
<table><caption>Cap</caption><tr><th>Head<td>Cell</table><ul><li>Item <ul><li>Inner</ul></ul>
<pre>kept  as
it is</pre><p translate="no">Stays</p><p class="notranslate">Stays</p><input type="submit" value="Send"><input value="typed">
<select><option>Choice</option></select><textarea>typed</textarea><img src="a.png" alt="A dog" title="Dog">
<a href="x?a=1&amp;b=2"><div>Block in a link</div></a><ruby>word<rp>(</rp><rt>kana</rt><rp>)</rp></ruby>
<details><summary>More</summary>Hidden</details><p>&nbsp;&copy; &lt;tag&gt; &#x1F600;</p><custom-tag>Own</custom-tag>
<p dir="rtl">\u05e9\u05dc\u05d5\u05dd</p></body></html>""",
}


@pytest.mark.parametrize("name", HTML_PAGES)
def test_html(both, name):
    page = HTML_PAGES[name]
    data = page.encode("latin-1" if name == "old charset" else "utf-8")

    def tree(data):
        root = html.document_fromstring(data.decode("utf-8"))
        return [(e.tag, sorted(e.attrib.items()) if e.tag != "meta" else [],
                 " ".join((e.text or "").split()), " ".join((e.tail or "").split()))
                for e in root.iter(etree.Element)]

    same, capitals, _ = both("a.html", data)
    plain = page.replace("iso-8859-1", "utf-8").encode("utf-8")
    assert tree(same) == tree(plain)
    assert (b"<html" in same) == ("<html" in page)
    text = capitals.decode("utf-8")
    assert ("doctype" in page.lower()) == (b"doctype" in same.lower())
    if name == "old charset":
        assert "charset=utf-8" in text and "ÜBER" in text and "CAFÉ" in text
    if name == "all of it":
        for part in ('content="ABOUT US"', 'content="width"', "<title>TITLE</title>", "p { color: red }",
                     'let a = "text";', "<!-- a comment -->", "<strong>THREE</strong>", "five()", "Ctrl",
                     "kept  as\nit is", '<p translate="no">Stays', '<p class="notranslate">Stays',
                     'value="SEND"', 'value="typed"', "CHOICE", ">typed<", 'alt="A DOG"', 'title="DOG"',
                     "x?a=1&amp;b=2", "BLOCK IN A LINK", "<ruby>WORD<rp>(</rp><rt>kana</rt>", "MORE", "HIDDEN",
                     "&lt;TAG&gt;", "OWN", "INNER"):
            assert part in text, part


# ---- Markdown

MARKDOWN = {
    "headings": "Title\n=====\n\n## Sub ##\n\n#no heading\n\n####### seven\n",
    "lists": "1) One\n   - two *three*\n\n     more\n10) Ten\n\n* [ ] to do\n* [x] done\n",
    "code": "Text `a`` b` and ``c ` d``.\n\n    indented code\n\n~~~ python\nfence\n~~~\n",
    "tables": "| A head | B |\n|:--|--:|\n| a \\| b | `x \\| y` |\n| only one |\n",
    "links": "[text](<a b> 'ti\"tle') [ref][R 1] [R 1][] [R 1] ![alt *em*](i.png) <http://x.y> <a@b.c>\n\n"
             "[![in](i.png)](http://z)\n\n[R 1]: http://r 'T'\n",
    "html": "A <b>bold</b> <!-- c --> word<br>\n\n<div>\n*not text*\n</div>\n\n<details>\n<summary>x</summary>\n\nInner *text*\n\n</details>\n",
    "front matter": "---\ntitle: Some title\ntags: [a, b]\n---\n\nText\n",
    "quotes": "> a\n> b\nlazy\n>\n> > deep\n>\n> - item\n",
    "breaks": "one  \ntwo\\\nthree\n***\n___\n",
    "emphasis": "**bold *both*** __under__ ~~gone~~ snake_case 2*3*4 \\*no\\* a*b*c\n",
    "entities": "AT&T &copy; &amp; &#35; 5 < 6 > 4\n",
    "footnotes": "Text[^1] and[^note].\n\n[^1]: The first.\n[^note]: The other.\n",
    "crlf and tabs": "# A\r\n\r\n-\tone\r\n-\ttwo\r\n",
    "unicode": "\ufeff# Überschrift 😀\n\nText — “quoted” …\n",
    "numbers in text": "In\n2020. was a year, and\n- no list\n+ none\n",
}


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown(both, name):
    text = MARKDOWN[name]
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])

    def render(data):
        text = data.decode("utf-8-sig")
        if text.startswith("---\n"):
            text = text.split("---\n", 2)[2]
        return " ".join(parser.render(text).replace("<br />", " <br /> ").split())

    data = text.encode("utf-8")
    same, capitals, _ = both("a.md", data)
    assert render(same) == render(data)
    assert render(capitals).upper() == render(data).upper()
    code = re.compile(r"<(code|pre)[^>]*>.*?</\1>|href=\"[^\"]*\"|src=\"[^\"]*\"", re.DOTALL)
    assert [m.group(0) for m in code.finditer(render(capitals))] == \
        [m.group(0) for m in code.finditer(render(data))]
    assert data.startswith(b"\xef\xbb\xbf") == same.startswith(b"\xef\xbb\xbf")
    assert (b"\r\n" in data) == (b"\r\n" in capitals)


# ---- Subtitles

SUBTITLES = {
    "a.srt": (
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,000 X1:100 X2:200\r\n{\\an8}<i>Hello</i> <font color=\"#fff\">you</font>\r\n"
        "\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nFirst line\r\n\r\nafter a gap\r\n\r\n"
        "3\r\n00:00:05,000 --> 00:00:06,000\r\n\r\n4\r\n00:00:07,000 --> 00:00:08,000\r\n2001 & 5 < 6 <3\r\n",
        ["{\\an8}<i>HELLO</i> <font color=\"#fff\">YOU</font>", "FIRST LINE", "AFTER A GAP"],
    ),
    "b.vtt": (
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000\n\nREGION\nid:fred\n\nNOTE a note\n\n"
        "1 - name\n00:01.000 --> 00:02.000 line:0 align:end\n<v.loud Esme O&apos;Hara>Oh &lt;no&gt; &amp; yes&nbsp;&lrm;ok</v>\n"
        "<00:01.500><c>karaoke</c> <lang fr>oui</lang>\n\n00:03.000 --> 00:04.000\n- One\n- Two\n",
        ["<v.loud Esme O&apos;Hara>OH &lt;NO", "&amp; YES", "<00:01.500><c>KARAOKE</c>", "- ONE\n- TWO",
         "1 - name", "NOTE a note", "id:fred"],
    ),
}


@pytest.mark.parametrize("name", SUBTITLES)
def test_subtitles(both, name):
    text, expected = SUBTITLES[name]
    data = text.encode("utf-8")
    same, capitals, _ = both(name, data)
    timing = re.compile(r"^.*-->.*$", re.MULTILINE)
    plain = [" ".join(d.decode("utf-8").replace("&nbsp;", "\u00a0").replace("&lrm;", "\u200e")
                      .replace("&gt;", ">").split()) for d in (data, same)]
    assert plain[0] == plain[1]
    assert timing.findall(capitals.decode("utf-8")) == timing.findall(text)
    assert same.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
    after = capitals.decode("utf-8").replace("\r\n", "\n").replace("&GT;", "&gt;")
    for part in expected:
        assert part in after, part


# ---- Localization

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


# ---- Values


def test_json(both):
    text = ('{"a" : "x\\u00e9y", "n": 1.10e5, "big": 12345678901234567890, "e":[], "o":{}, "b":true,\r\n'
            ' "s":["one", {"t":"two \\"q\\" {{name}} \\n %s"}], "emo":"\\ud83d\\ude00 hi", "": "no name"}')
    same, capitals, _ = both("a.json", text)
    assert same == text.encode()
    value, after = json.loads(text), json.loads(capitals)
    assert after["s"] == ["ONE", {"t": 'TWO "Q" {{NAME}} \n %S'}] and after["emo"] == "😀 HI"
    assert after["big"] == value["big"] and b"1.10e5" in capitals and capitals.isascii()
    _, capitals, _ = both("b.json", text, keys=["s.0"])
    assert json.loads(capitals)["s"] == ["ONE", value["s"][1]]
    for bad in ("", "{", '{"a": }', "[" * 100000):
        with pytest.raises(DocumentError, match="c.json: no JSON"):
            both("c.json", bad)


YAML_TEXT = """%YAML 1.1
---
base: &base
  title: Hello "there"   # comment
  on: yes
  when: 2024-01-02
  plain: a plain
    scalar over lines
child:
  <<: *base
  again: *base
  text: >-
    Folded text
    goes on

    second para
  lit: |2+
      indented first
    second

  quoted: 'it''s here'
  dq: "line\\n\\u00e9 two"
  flow: {a: one thing, b: [two, "three, four"], c: }
? complex key
: Its value
colon: "a: b"
emoji: "smile 😀 here"
...
---
second: document
"""


def test_yaml(both):
    same, capitals, _ = both("a.yaml", YAML_TEXT)
    assert same.decode() == YAML_TEXT

    def capital(value):
        if isinstance(value, dict):
            return {key: capital(item) for key, item in value.items()}
        if isinstance(value, list):
            return [capital(item) for item in value]
        return value.upper() if isinstance(value, str) else value

    before, after = (list(yaml.safe_load_all(d)) for d in (YAML_TEXT, capitals))
    assert after == capital(before)
    text = capitals.decode()
    for part in ("# comment", "&base", "<<: *base", "again: *base", "on: yes", "quoted: 'IT''S HERE'"):
        assert part in text, part


@pytest.mark.parametrize("result", ["yes", "12", "a: b", "# x", "- a", "x #y", "", "[a]", "null", "a, b",
                                    "'q'", "1:30", "2024-01-01", "multi\nline", " lead", "end:"])
@pytest.mark.parametrize("template", ["a: word here\n", "a: 'word here'\n", "a: [word here]\n",
                                      "a: \"word here\"\n", "a: |\n  word here\n"])
def test_yaml_holds_any_result(tmp_path, template, result):
    from peregrine_translate.documents.inline import Text

    path = tmp_path / "a.yaml"
    path.write_text(template)
    document = open_document(path)
    document.segments[0].translated = [Text(result)]
    (value,) = yaml.safe_load(document.to_bytes()).values()
    if isinstance(value, list):
        (value,) = value
    assert value.rstrip("\n") == result.strip(" ") if "|" in template else value == result


def test_csv(both):
    text = ('"id","text","n"\r\n"1","He said ""hi"", ok","3"\r\n2,plain,4\r\n3,"multi\nline",\r\n4\r\n'
            '\r\n5, spaced ,6')
    same, capitals, skipped = both("a.csv", text, columns=["text"])
    assert same.decode() == text
    assert capitals.decode() == text.replace("He said", "HE SAID").replace('hi"", ok', 'HI"", OK') \
        .replace("plain", "PLAIN").replace("multi\nline", "MULTI\nLINE").replace(" spaced ", " SPACED ")
    assert skipped == ["column 'id'", "column 'n'"]
    rows = list(csv.reader(io.StringIO(capitals.decode(), newline="")))
    assert rows[1] == ["1", 'HE SAID "HI", OK', "3"] and rows[-1][1] == " SPACED "
    semicolons = "name;about\nA, B;some, words\nC;more, of, them\n"
    _, capitals, _ = both("b.csv", semicolons, columns=["about"])
    assert capitals.decode() == "name;about\nA, B;SOME, WORDS\nC;MORE, OF, THEM\n"
    _, capitals, _ = both("c.tsv", "\ufeffa\tb\n1\ttwo, \"x\"\n", columns=["b"])
    assert next(csv.reader([capitals.decode().split("\n")[1]], delimiter="\t")) == ["1", 'TWO, "X"']
    assert capitals.startswith(b"\xef\xbb\xbf")
    with pytest.raises(DocumentError, match="found no end of the quotes in line 2"):
        both("d.csv", 'a,b\n1,"x\n', columns=["b"])


# ---- All of them


@pytest.mark.parametrize("ending", sorted(FORMATS))
@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe\x01", b"PK\x03\x04 cut", b"\xff\xfea"])
def test_no_ending_takes_rubbish_badly(tmp_path, ending, data):
    """It is read, or refused by an error that names the file."""
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    try:
        open_document(path, columns=["0"], target="de").to_bytes()
    except DocumentError as error:
        assert f"a{ending}" in str(error)
