"""Documents of the odd kinds that people have, of every format. No server.

test_odd_office.py, test_odd_pages.py, test_odd_localization.py and
test_odd_values.py read each twice: an identity translation gives an equal
document, as the format's own library reads it; and a "translation" into capitals
changes what is text, and nothing else. Here is what all formats have in common.
"""

import subprocess
import sys
import zipfile

import pytest

pytest.importorskip("lxml")

from peregrine_translate.documents import DocumentError, check_output, open_document  # noqa: E402
from peregrine_translate.documents.files import FORMATS  # noqa: E402
from peregrine_translate.documents.inline import plain_text  # noqa: E402


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


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.json", "a.md", "a.srt", "a.strings", "a.yaml", "a.html"])
def test_text_in_other_encodings(tmp_path, name):
    """Told, where nothing in the file tells it; else refused."""
    contents = {
        ".csv": "text\nCaf\u00e9\n",
        ".json": '{"a": "Caf\u00e9"}',
        ".srt": "1\n00:00:01,000 --> 00:00:02,000\nCaf\u00e9\n",
        ".strings": '"a" = "Caf\u00e9";\n',
        ".yaml": "a: Caf\u00e9\n",
        ".html": "<p>Caf\u00e9</p>",
    }
    path = tmp_path / name
    text = contents.get(path.suffix, "Caf\u00e9\n")
    for encoding in ("cp1252", "utf-16-le", "cp437"):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(DocumentError, match=f"{name}: (found a|no )"):
            open_document(path, columns=["0"])
        document = open_document(path, columns=["0"], encoding=encoding)
        assert "Caf\u00e9" in document.to_bytes().decode("utf-8")
        assert any("Caf\u00e9" in text_of(segment) for segment in document.segments)
    with pytest.raises(DocumentError, match="found 'klingon', expected one that Python knows"):
        open_document(path, columns=["0"], encoding="klingon")


def text_of(segment):
    return plain_text(segment.nodes)


@pytest.mark.parametrize("ending", [".docx", ".odt", ".epub", ".po", ".xlf", ".tmx", ".xml", ".xhtml", ".stringsdict"])
def test_files_that_tell_their_encoding(tmp_path, ending):
    (tmp_path / f"a{ending}").write_bytes(b"x")
    with pytest.raises(DocumentError, match="expected none"):
        open_document(tmp_path / f"a{ending}", encoding="cp1252")


def test_another_format_does_not_come_out(tmp_path):
    for source, target in (("a.docx", "b.pdf"), ("a.docx", "b.odt"), ("a.md", "b.html"), ("a.txt", "b")):
        with pytest.raises(DocumentError, match=f"{target}: found the ending .*, expected '.{source[2:]}'"):
            check_output(source, target)
    for source, target in (("a.DOCX", "b.docx"), ("a.htm", "b.html"), ("a.xlf", "b.xliff"), ("a.yml", "b.yaml")):
        check_output(source, target)


def test_what_is_no_document_at_all(tmp_path):
    path = tmp_path / "a.doc"
    path.write_bytes(b"")
    with pytest.raises(DocumentError, match=r"found the ending '.doc', expected one of .csv"):
        open_document(path)
    old = tmp_path / "a.docx"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(DocumentError, match="before 2007, or one with a password"):
        open_document(old)


@pytest.mark.parametrize("name", ["a.docx", "a.epub"])
@pytest.mark.parametrize("fault", ["password", "damaged", "compression"])
def test_an_archive_that_cannot_be_read(tmp_path, name, fault):
    """Whichever part it is: also a picture, which is only copied."""
    page = {"a.docx": "word/document.xml", "a.epub": "a.xhtml"}[name]
    contents = {page: b"<w><p/></w>", "picture.png": b"\x89PNG data"}
    path = tmp_path / name
    for number, part in enumerate(contents):
        with zipfile.ZipFile(path, "w") as archive:
            for other, content in contents.items():
                archive.writestr(other, content)
        data = bytearray(path.read_bytes())
        if fault == "damaged":
            data[data.index(contents[part]) + 4] ^= 1
        # Of the local and of the central header, which are in the same order.
        for signature, flags, method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
            at = (data.index, data.rindex)[number](signature)
            if fault == "password":
                data[at + flags] |= 1
            elif fault == "compression":
                data[at + method] = 99
        path.write_bytes(data)
        with pytest.raises(DocumentError, match=f"{name}: {part}: "):
            open_document(path).to_bytes()


@pytest.mark.parametrize(
    "command, missing, extra",
    [("document", "lxml", "documents"), ("bulk", "tqdm", "bulk"), ("bulk", "ray", "ray")],
)
def test_a_package_that_is_not_installed_is_named(tmp_path, command, missing, extra):
    (tmp_path / "a.html").write_text("<p>Text</p>")
    (tmp_path / "a.jsonl").write_text('{"text": "Text"}\n')
    arguments = {"document": ["a.html", "b.html"], "bulk": ["--input=a.jsonl", "--out=out"]}[command]
    if missing == "ray":
        arguments.append("--ray=auto")
    code = (f"import sys; sys.modules[{missing!r}] = None; from peregrine_translate.command "
            f"import main; sys.exit(main({[command, *arguments]!r}))")
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == (f"peregrine-py: found no package {missing}: "
                          f"pip install 'peregrine-translate[{extra}]'\n")
