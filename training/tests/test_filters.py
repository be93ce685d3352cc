"""What prepare repairs and leaves out."""

from __future__ import annotations

import pathlib

import pytest

from peregrine_training.filters import fault, repaired
from peregrine_training.prepare import clean_pairs
from peregrine_training.recipe import Recipe

RECIPE = pathlib.Path(__file__).parents[1] / "configs" / "en-de-mdn.toml"


@pytest.mark.parametrize("source, target, why", [
    ("A short line.", "Eine kurze Zeile.", None),
    ("", "Nichts.", "a side is empty"),
    ("So it goes. " * 40, "So geht es. " * 40, "too long"),
    ("Left as it was.", "Left as it was.", "not translated"),
    ("Yes", "Yes", None),
    ("123 / 456", "123 / 456.", "no letters"),
    ("Yes.", "Ja, aber nur wenn alle anderen auch einverstanden sind.",
     "lengths differ too much"),
    ("It costs 1,250 dollars.", "Es kostet 1.250 Dollar.", None),
    ("It costs 125 dollars.", "Es kostet 124 Dollar.", "digits differ"),
    ("See https://example.org/a.", "Siehe https://example.org/a.", None),
    ("See https://example.org/a.", "Siehe https://example.org/b.",
     "addresses or placeholders differ"),
    ("Hello {name}!", "Hallo {Name}!", "addresses or placeholders differ"),
    ("The house of the king", "That is the house of kings", "wrong language"),
    ("Das ist ein Haus am See", "Ein Haus am See", "wrong language")])
def test_faults_are_named(source, target, why):
    assert fault(source, target, ("en", "de"), Recipe.load(RECIPE).prepare) == why


@pytest.mark.parametrize("text, expected", [
    ("Die „Regel “gilt hier.", "Die „Regel“ gilt hier."),
    ("Sie rief „Halt “, dann „Los “.", "Sie rief „Halt“, dann „Los“."),
    ("„ Ja “, sagte er.", "„Ja“, sagte er."),
    ("„Ja“, sagte  sie.", "„Ja“, sagte sie."),
    ("Das „eine “(alte) Haus", "Das „eine“ (alte) Haus")])
def test_late_closing_quotes_are_moved(text, expected):
    assert repaired(text) == expected


def test_the_report_counts_by_origin_and_fault():
    options = Recipe.load(RECIPE).prepare
    options.weights = {"home": 1.0, "old": 0.0}
    rows = [("A line.", "Eine „Zeile “hier.", "home"), ("A line.", "Eine „Zeile“ hier.", "home"),
            ("Page 1 of it", "Seite 2 davon", "home"), ("A word.", "Ein Wort.", "old")]
    pairs, report = clean_pairs(rows, ("en", "de"), options)
    assert [(pair.source, pair.target) for pair in pairs] == [("A line.", "Eine „Zeile“ hier.")]
    home = report["home"]
    assert (home.read, home.kept, home.repaired) == (3, 1, 1)
    assert home.dropped == {"seen before": 1, "digits differ": 1}
    assert report["old"].dropped == {"weight 0": 1}
