"""The examples of the README run as they stand there."""

import ast
import re
from pathlib import Path

import pytest

from peregrine_translate import Client, Term, Text

README = Path(__file__).resolve().parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
# Of the table: what to write, for those that a client and a text are enough.
CELLS = [
    cell.replace("\\|", "|")
    for row in re.findall(r"^\| [^|]* \| (.*) \|$", TEXT.split("## What to know")[0], re.MULTILINE)
    for cell in re.findall(r"`([^`]+)`", row)
]
EXAMPLES = [cell for cell in CELLS if re.match(r"((client|administrator)\.|for \w+ in client\.)", cell)]


def test_there_are_examples():
    assert len(BLOCKS) >= 3 and len(EXAMPLES) >= 10


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks(server, number, tmp_path, monkeypatch):
    code = BLOCKS[number].replace("localhost:50051", server.address)
    code = re.sub(r"Client\(\)", f"Client({server.address!r})", code)
    if "documents" in code:
        docx = pytest.importorskip("docx")
        document = docx.Document()
        document.add_paragraph("The house is small.")
        document.save(str(tmp_path / "report.docx"))
    if "pandas" in code:
        pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    if "documents" in code:
        assert "Haus" in docx.Document(str(tmp_path / "bericht.docx")).paragraphs[0].text


@pytest.mark.parametrize("example", EXAMPLES)
def test_cells(glossary_server, example):
    example = example.replace(': ...', ': pass').replace('target="fr"', 'target="de"')
    try:
        ast.parse(example)
    except SyntaxError:
        pytest.fail(f"no Python: {example}")
    with Client(glossary_server.admin_address) as administrator, \
            Client(glossary_server.address) as client:
        administrator.put_glossary("products", {"house": "Gebäude"}, source="en", target="de")
        scope = {"Term": Term, "Text": Text, "client": client, "administrator": administrator, "text": "The Red Kite sees the house.",
                 "lines": ["Good morning!", "The house is small."]}
        exec(example, scope)
        administrator.delete_glossary("products")
