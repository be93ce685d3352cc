"""Pages and books: the tree of tags stays, the text changes. No server."""

import io
import random
import zipfile

import pytest

pytest.importorskip("lxml")
from lxml import etree, html  # noqa: E402

from peregrine_translate.documents.base import DocumentError  # noqa: E402
from peregrine_translate.documents.epub import Epub  # noqa: E402
from peregrine_translate.documents.html import HtmlPage  # noqa: E402
from changes import identity, translate, upper  # noqa: E402

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<style>p { color: red }</style><script>var a = "stays";</script></head>
<body class="x">
<h1>A <em>first</em> heading</h1>
<p>Text with <b>bold <i>and italic</i></b> words, a <a href="x.html" title="A title">link</a>,
a break<br>and &lt;tag&gt; &amp; more.
<p>An unclosed paragraph
<ul><li>One<li>Two <code>code stays</code></ul>
<div>Before <p>inside</p> after <img src="dog.png" alt="A dog"> end</div>
<p translate="no">Stays as it is</p><p class="notranslate big">Stays, too</p>
<table><tr><td>Cell</td><td>12.5</td></tr></table>
<pre>  stays  </pre><!-- stays --><input placeholder="Your name">
</body></html>
"""


def tags(page):
    return [
        (e.tag, sorted((k, v) for k, v in e.attrib.items() if k not in ("title", "alt", "placeholder")))
        for e in html.fromstring(page).iter() if isinstance(e.tag, str)
    ]


def text_of(page):
    return " ".join("".join(html.fromstring(page).itertext()).split())


def test_page_identity():
    out = identity(HtmlPage(PAGE.encode(), "a.html")).decode()
    assert tags(out) == tags(PAGE)
    assert text_of(out) == text_of(PAGE)
    assert out.startswith("<!DOCTYPE html>")


def test_page_changes_text_alone():
    out = translate(HtmlPage(PAGE.encode(), "a.html"), upper).decode()
    assert tags(out) == tags(PAGE)
    for wanted in ("<title>A PAGE</title>", "<h1>A <em>FIRST</em> HEADING</h1>",
                   "<b>BOLD <i>AND ITALIC</i></b>", 'title="A TITLE">LINK</a>',
                   "<br>AND &lt;TAG&gt; &amp; MORE.", "<code>code stays</code>",
                   'alt="A DOG"', 'placeholder="YOUR NAME"', "<p>INSIDE</p> AFTER",
                   ">Stays as it is</p>", ">Stays, too</p>", "<pre>  stays  </pre>",
                   'var a = "stays";', "p { color: red }", "<!-- stays -->"):
        assert wanted in out, wanted


def test_other_encodings():
    latin = '<html><head><meta charset="iso-8859-1"></head><body><p>Grüße</p></body></html>'
    out = identity(HtmlPage(latin.encode("latin-1"), "a.html")).decode("utf-8")
    assert "Grüße" in out and 'charset="utf-8"' in out
    with pytest.raises(DocumentError, match="a.html: found a byte that is no UTF-8 at 3"):
        HtmlPage(b"<p>\xfc</p>", "a.html")


def test_random_markup_keeps_its_tree():
    inline, blocks = ["b", "i", "a", "span", "sub"], ["p", "div", "ul", "section", "td"]
    for seed in range(150):
        draw = random.Random(seed)

        def content(depth):
            parts = []
            for _ in range(draw.randint(0, 4)):
                kind = draw.random()
                if kind < 0.4 or depth > 4:
                    parts.append(draw.choice(["some words", " ", "a &amp; b", "\n", "x &lt; y "]))
                elif kind < 0.7:
                    tag = draw.choice(inline)
                    parts.append(f"<{tag}>{content(depth + 1)}</{tag}>")
                elif kind < 0.8:
                    parts.append(draw.choice(["<br>", '<img alt="">', "<!--c-->", "<code>k</code>"]))
                else:
                    tag = draw.choice(blocks)
                    parts.append(f"<{tag}>{content(depth + 1)}</{tag}>")
            return "".join(parts)

        page = f"<html><body>{content(0)}</body></html>"
        # What the parser makes of it is what must come out again.
        before = html.tostring(html.fromstring(page))
        out = identity(HtmlPage(page.encode(), "a.html"))
        assert tags(out) == tags(before), f"seed {seed}"
        assert text_of(out) == text_of(before), f"seed {seed}"


def make_book():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", "<container/>")
        book.writestr("OEBPS/one.xhtml", (
            '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
            '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>One</title></head>'
            "<body><p>Some <b>bold</b> text.</p><hr/></body></html>"))
        book.writestr("OEBPS/toc.ncx", (
            '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
            "<text>Chapter one</text></navLabel></navPoint></navMap></ncx>"))
        book.writestr("OEBPS/cover.png", b"\x89PNG")
    return out.getvalue()


def test_epub():
    data = make_book()
    assert Epub(data, "a.epub").segments
    out = translate(Epub(data, "a.epub"), upper)
    with zipfile.ZipFile(io.BytesIO(out)) as book, zipfile.ZipFile(io.BytesIO(data)) as before:
        assert book.namelist() == before.namelist()
        assert book.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert book.read("OEBPS/cover.png") == b"\x89PNG"
        page = etree.fromstring(book.read("OEBPS/one.xhtml"))
        assert [e.tag for e in page.iter()] == [
            e.tag for e in etree.fromstring(before.read("OEBPS/one.xhtml")).iter()]
        assert "".join(page.itertext()) == "ONESOME BOLD TEXT."
        assert b"CHAPTER ONE" in book.read("OEBPS/toc.ncx")
    with pytest.raises(DocumentError, match="a.epub: found no zip archive"):
        Epub(b"x", "a.epub")
