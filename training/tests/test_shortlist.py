"""The shortlist of a corpus whose translations are known."""

import gzip
import struct

import numpy as np
import pytest

from peregrine_training import shortlist

# Source piece n is translated by n + 10, in any order; piece 9 is everywhere.
VOCABULARY = 20


@pytest.fixture(name="pairs")
def pairs_fixture():
    generator = np.random.default_rng(3)
    pairs = []
    for _ in range(300):
        source = generator.integers(0, 9, size=generator.integers(2, 6))
        target = np.append(source + 10, 9)
        generator.shuffle(target)
        pairs.append((source, target))
    return pairs


def test_finds_the_translation_of_each_piece(pairs):
    table = shortlist.translation_table(pairs, VOCABULARY, iterations=6)
    assert set(table.sources) == set(range(9))  # others never occur
    for piece in range(9):
        of_piece = table.sources == piece
        probabilities = table.probabilities[of_piece]
        assert table.targets[of_piece][probabilities.argmax()] == piece + 10
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-4)


def test_the_frequent_are_in_every_list(pairs):
    assert list(shortlist.most_frequent(pairs, VOCABULARY, 1)) == [9]


def test_lists_hold_the_references(pairs):
    table = shortlist.translation_table(pairs, VOCABULARY, iterations=6)
    always = shortlist.most_frequent(pairs, VOCABULARY, 1)
    copies = np.full(VOCABULARY, -1)
    lists = shortlist.lists_of(table, copies, per_source=2, least=1e-4)
    assert max(len(targets) for targets in lists) == 2
    assert len(lists[15]) == 0
    copies[[3, 15]] = 5, 15
    copied = shortlist.lists_of(table, copies, per_source=2, least=1e-4)
    assert set(copied[3]) == {*lists[3], 5}
    assert list(copied[15]) == [15]
    assert "100.00%" in shortlist.report(pairs, always, lists)


def test_pairs_of_some_origin(tmp_path):
    lines = [("a", "b"), ("c", "d"), ("e", "f")]
    with gzip.open(tmp_path / "extra.src.gz", "wt") as file:
        file.write("dict:x\nweb\ndict:y\n")

    def chosen(corpus):
        return shortlist.lines_of(corpus, {"extra": lines}.get, tmp_path)

    assert chosen("extra") == lines
    assert chosen("extra:dict") == [lines[0], lines[2]]
    with pytest.raises(SystemExit, match="no origin 'book'"):
        chosen("extra:book")


def test_writes_what_the_format_says(tmp_path):
    path = tmp_path / "shortlist.bin"
    lists = [np.array([4, 7]), np.array([], dtype=int), np.array([1])]
    shortlist.write(path, np.array([2]), lists, target_vocab=8)
    content = path.read_bytes()
    assert content[:8] == b"PRGSHORT"
    assert struct.unpack("<14I", content[8:]) == (
        1, 3, 8, 1, 3, 0, 2, 0, 2, 2, 3, 4, 7, 1)
