"""JSON, YAML and tables of the odd kinds: see test_odd_documents.py."""

import csv
import io
import json

import pytest

yaml = pytest.importorskip("yaml")

from peregrine_translate.documents import DocumentError, open_document  # noqa: E402


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


def test_csv_as_excel_writes_it(both):
    text = "sep=;\r\nid;text;text\r\n1;one, two;three\r\n"
    for data in (text.encode("utf-8-sig"), text.encode("utf-16")):
        same, capitals, _ = both("a.csv", data, columns=["text"])
        assert same == data
        encoding = "utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig"
        assert capitals.decode(encoding) == "sep=;\r\nid;text;text\r\n1;ONE, TWO;THREE\r\n"


def test_json_with_a_key_twice(both):
    text = '{"a": "one", "a": "two", "b": {"a": "three"}}'
    same, capitals, _ = both("a.json", text)
    assert same == text.encode()
    assert capitals == b'{"a": "ONE", "a": "TWO", "b": {"a": "THREE"}}'
