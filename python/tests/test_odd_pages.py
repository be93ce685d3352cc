"""Pages, books, Markdown and subtitles of the odd kinds: see test_odd_documents.py."""

import io
import re
import zipfile
from urllib.parse import quote

import pytest

pytest.importorskip("docx")
from lxml import etree, html  # noqa: E402
from markdown_it import MarkdownIt  # noqa: E402


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


def test_epub_with_odd_names(both):
    """Pages that only the book's list tells, names with spaces and umlauts, and in
    UTF-8 without saying so, as many programs write them."""
    names = ["OPS/Kapitel 1 ä.xhtml", "OPS/text/two", "OPS/three.XML", "OPS/four.html"]
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        + "".join(f'<item id="i{number}" href="{quote(name[4:])}" media-type="application/xhtml+xml"/>'
                  for number, name in enumerate(names))
        + '<item id="s" href="s.svg" media-type="image/svg+xml"/>'
        '<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/></manifest></package>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("OPS/book.opf", package)
        for name in [*names, "OPS/s.svg"]:
            archive.writestr(name, XHTML)
    marked = out.getvalue()
    # The flag that says UTF-8 is cleared; the bytes of the names stay.
    unmarked = bytearray(marked)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(signature)
        while at >= 0:
            unmarked[at + offset + 1] &= ~0x08
            at = marked.find(signature, at + 1)
    for data in (marked, bytes(unmarked)):
        same, capitals, _ = both("a.epub", data)
        for made in (same, capitals):
            after = zipfile.ZipFile(io.BytesIO(made))
            assert after.testzip() is None
            assert after.namelist() == ["mimetype", "OPS/book.opf", *names, "OPS/s.svg"]
            assert after.read("OPS/s.svg") == XHTML.encode("utf-8")
        for name in names:
            assert "CAFÉ" in after.read(name).decode("utf-8"), name


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
    "kinds of quotations": "> [!NOTE]\n> Some text\n> and more.\n\n> [!tip]- Title\n> *Text*\n",
    "kinds of blocks": "::: warning Be careful\nSome text\nand more.\n:::\n\n[TOC]\n\n[[_TOC_]]\n",
    "formulas": "Where $a + b$ is\n$$\nc = d\n$$\nand it costs $5 or $6, not 7$.\n",
    "templates": "Text {{< ref x >}} and {% link a %} here {: .big } end {#id}\n",
    "numbers in text": "In\n2020. was a year, and\n- no list\n+ none\n",
}


MARKDOWN_AS_IT_IS = re.compile(r"\$a \+ b\$|\{\{.*?\}\}|\{%.*?%\}|\{[:#].*?\}")


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
    for part in MARKDOWN_AS_IT_IS.findall(text):
        assert part in capitals.decode("utf-8"), part
    for line in ("> [!NOTE]", "> [!tip]- Title", "::: warning Be careful", ":::"):
        assert (line in text.splitlines()) == (line in capitals.decode("utf-8").splitlines())
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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_line_ends(both, end, encoding):
    text = "1\n00:00:01,000 --> 00:00:02,000\nThe café\n\n2\n00:00:03,000 --> 00:00:04,000\nIs open\n"
    data = text.replace("\n", end).encode(encoding)
    options = {"encoding": encoding} if encoding == "cp1252" else {}
    same, capitals, _ = both("a.srt", data, **options)
    kept = "utf-8" if encoding == "cp1252" else encoding
    assert same == text.replace("\n", end).encode(kept)
    assert capitals.decode(kept) == same.decode(kept).replace("The café", "THE CAFÉ") \
        .replace("Is open", "IS OPEN")


def test_a_page_in_an_encoding_that_it_does_not_tell(both):
    page = "<!DOCTYPE html><html><head><title>Привет</title></head><body><p>Мир</p></body></html>"
    _, capitals, _ = both("a.html", page.encode("cp1251"), encoding="cp1251")
    assert "ПРИВЕТ" in capitals.decode("utf-8") and "МИР" in capitals.decode("utf-8")
    wrong = page.replace("<title>", '<meta charset="latin-1"><title>')
    _, capitals, _ = both("a.html", wrong.encode("cp1251"), encoding="cp1251")
    assert "МИР" in capitals.decode("utf-8") and 'charset="utf-8"' in capitals.decode("utf-8")
