"""Words that should not be in a translation."""

from __future__ import annotations

import pytest

from peregrine_training.evaluate import measure
from peregrine_training.twins import with_twins
from peregrine_training.words import Lexicon, faults


@pytest.fixture
def lexicon() -> Lexicon:
    return Lexicon.count(
        ["the garden gate is open"] * 30 + ["a rusty old garden"] * 20,
        ["Das Gartentor ist offen"] * 30 + ["ein alter Garten", "das Haus", "die Zeitung",
                                             "der Verlag", "Arbeit", "Platz"])


@pytest.mark.parametrize("word, known", [
    ("gartentor", True), ("garten", True), ("zeitungsverlag", True), ("arbeitsplatz", True),
    ("gartenzeitung", True), ("gartenzeitungsverlag", True), ("gartl", False),
    ("hausverl", False), ("zeitungssverlag", False)])
def test_compounds_of_known_words_are_known(lexicon, word, known):
    assert lexicon.known(word) == known


def test_invented_words_and_words_left_over(lexicon):
    found = faults(["the gate near Paris is rusty"],
                   ["Das Gartentor nahlich Paris ist rusty offen"], lexicon)
    assert (found.words, found.invented, found.left) == (7, ["nahlich"], ["rusty"])
    assert str(found) == ("7 words, invented 1 (142.86 in 1,000), left in the source language "
                          "1 (142.86 in 1,000)")


def test_names_and_loan_words_are_not_left_over(lexicon):
    lexicon.target["open"] = 10
    assert faults(["open Garden"], ["open Garden"], lexicon).left == []


def test_length_is_relative_to_the_references():
    assert measure(["eins zwei drei"], ["eins zwei drei vier"]).length == pytest.approx(0.75)
    assert measure(["EINS ZWEI DREI VIER"], ["eins zwei drei vier"], lowercase=True
                   ).bleu == pytest.approx(100)


def test_near_twins_differ_in_one_word():
    training = ["Tom has a red car.", "She sings in the choir.", "I am."]
    tests = [["tom has a blue car", "Tom has a car!", "Tom has a very red car",
              "Tom has two red bikes"], ["I was.", "She sings in the choir?"]]
    assert with_twins(tests, iter(training)) == [3, 1]
