"""Office documents as people see them: rendered to PDF by LibreOffice.

An identity translation must give the same pages, and a translation into capitals
the same pages with capitals. Skipped where LibreOffice is missing
(scripts/install-deps --optional), or with PEREGRINE_RENDER=no: it takes half a
minute.
"""

import os
import re
import shutil
import subprocess

import pytest

docx = pytest.importorskip("docx")
from changes import identity, translate, upper  # noqa: E402
from test_documents import make_docx  # noqa: E402
from test_odd_office import (  # noqa: E402
    BOLD,
    TEXT_BOX,
    WORD_PARAGRAPHS,
    make_deck,
    make_odt,
    run,
    word,
)

from peregrine_translate.documents.office import OfficeDocument  # noqa: E402

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
TOOL = shutil.which("pdftotext")

pytestmark = [
    pytest.mark.skipif(
        not (OFFICE and TOOL),
        reason="LibreOffice or pdftotext is missing: scripts/install-deps --optional",
    ),
    pytest.mark.skipif(os.environ.get("PEREGRINE_RENDER") == "no", reason="PEREGRINE_RENDER=no"),
]

DOCUMENTS = {
    "a.docx": make_docx,
    "b.docx": lambda: word(
        # LibreOffice wants the notes and comments that are referred to; and a word
        # that is cut into runs comes out as one, a hair narrower.
        *(inner for inner, _ in WORD_PARAGRAPHS.values()
          if "Reference" not in inner and "proofErr" not in inner),
        run("Bold ", BOLD) + TEXT_BOX + run(" end"),
    ),
    "c.pptx": make_deck,
    "d.odt": make_odt,
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The words of all three versions of all documents, in the order of their
    pages. One start of LibreOffice is enough."""
    folder = tmp_path_factory.mktemp("render")
    for name, make in DOCUMENTS.items():
        data = make()
        ending = name[name.rindex("."):]
        for version, content in (
            ("plain", data),
            ("same", identity(OfficeDocument(data, name, ending))),
            ("upper", translate(OfficeDocument(data, name, ending), upper)),
        ):
            (folder / f"{version}-{name}").write_bytes(content)
    sources = sorted(str(path) for path in folder.iterdir())
    subprocess.run(
        [OFFICE, "--headless", f"-env:UserInstallation=file://{folder}/profile",
         "--convert-to", "pdf", "--outdir", str(folder), *sources],
        check=True, timeout=300, capture_output=True,
    )
    found = {}
    for source in sources:
        target = source[: source.rindex(".")] + ".pdf"
        subprocess.run(["pdftoppm", "-r", "60", target, target], check=True)
        looks = sorted(folder.glob(f"{os.path.basename(target)}-*.ppm"))
        found[os.path.basename(source) + " looks"] = [look.read_bytes() for look in looks]
        text = subprocess.run([TOOL, "-layout", target, "-"], check=True, capture_output=True).stdout
        found[os.path.basename(source)] = [
            re.split(r"\s+", page.strip()) for page in text.decode().split("\f")
        ]
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_identity_is_the_same_pages(pages, name):
    assert pages[f"same-{name}"] == pages[f"plain-{name}"]
    assert pages[f"same-{name} looks"] == pages[f"plain-{name} looks"], "to the pixel"
    assert any(len(page) > 3 for page in pages[f"plain-{name}"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_capitals_are_the_same_pages_in_capitals(pages, name):
    """But for what is not translated."""

    def words(page):
        return [word.upper() for word in page]

    before, after = pages[f"plain-{name}"], pages[f"upper-{name}"]
    assert len(after) == len(before)
    # A reading aid goes with the word that it is for.
    aids = {"KANJI", "KANA"}
    for one, other in zip(before, after):
        assert sorted(set(words(other)) - aids) == sorted(set(words(one)) - aids)
