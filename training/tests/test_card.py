"""The tables of a card."""

from __future__ import annotations

from peregrine_training.card import Card
from peregrine_training.evaluate import Measured, Scored
from peregrine_training.words import Faults


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in table.strip().split("\n")]


def test_tables_hold_what_was_measured():
    card = Card(twins={"en-de/lake": (5, 2000)},
                robustness={"ALL CAPS": Measured(7.126, 30.0, 1.0, 0)},
                penalties={0.6: 20.0, 1.2: 20.456})
    card.tested["float32", 4, "en-de/lake"] = Scored(
        [], Measured(31.416, 55.55, 0.9876, 3), Faults(500, ["x", "y"], []),
        Faults(2000, ["z"], ["a", "b"]))
    card.tested["int8", 4, "en-de/lake"] = Scored([], Measured(31.2, 55.0, 0.98, 2))
    head, _, row = cells(card.scores())
    assert dict(zip(head, row)) == {
        "test set": "lake", "lines": "2,000", "near twin": "0.2 %", "beam 4: BLEU": "31.42",
        "chrF": "", "length": "0.988", "warnings": "3", "greedy: BLEU": "",
        "int8, beam 4: BLEU": "31.20"}
    assert row[4] == "55.55"
    assert cells(card.words())[2:] == [["lake", "4.0", "0.5", "0.0", "1.0"]]
    assert "| ALL CAPS | 7.13 |" in card.markdown() and "| 1.2 | 20.46 |" in card.markdown()


def test_a_card_of_nothing_has_no_rows():
    assert [len(cells(table)) for table in (Card().scores(), Card().words())] == [2, 2]
