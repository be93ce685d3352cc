"""Word, PowerPoint and OpenDocument of the odd kinds: see test_odd_documents.py."""

import io
import zipfile

import pytest

docx = pytest.importorskip("docx")
import pptx  # noqa: E402
from docx.oxml import parse_xml  # noqa: E402
from lxml import etree  # noqa: E402


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
