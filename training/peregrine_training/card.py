"""The tables of a model's card, in Markdown, from what evaluate.py measured."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

from .evaluate import Measured, Scored

Row = list[str]


def table(head: Row, rows: list[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@dataclass
class Card:
    """What release.py measured so far; a table needs only its own part."""
    tested: dict[tuple[str, int, str], Scored] = field(default_factory=dict)  # precision, beam, set
    twins: dict[str, tuple[int, int]] = field(default_factory=dict)  # lines that have one, of all
    robustness: dict[str, Measured] = field(default_factory=dict)    # by kind of source
    penalties: dict[float, float] = field(default_factory=dict)      # mean development BLEU

    def tests(self) -> list[str]:
        return list(dict.fromkeys(test for _, _, test in self.tested))

    def scores(self) -> str:
        head = ["test set", "lines", "near twin", "beam 4: BLEU", "chrF", "length", "warnings",
                "greedy: BLEU", "chrF", "int8, beam 4: BLEU"]
        rows = []
        for test in self.tests():
            beam, greedy, int8 = (self.tested.get((*way, test)) for way in (
                ("float32", 4), ("float32", 1), ("int8", 4)))
            near, lines = self.twins.get(test, (0, 0))
            rows.append([
                pathlib.Path(test).name, f"{lines:,}" if lines else "",
                f"{100 * near / lines:.1f} %" if lines else "",
                *((f"{beam.measured.bleu:.2f}", f"{beam.measured.chrf:.2f}",
                   f"{beam.measured.length:.3f}", str(beam.measured.flagged))
                  if beam else [""] * 4),
                *((f"{greedy.measured.bleu:.2f}", f"{greedy.measured.chrf:.2f}")
                  if greedy else [""] * 2),
                f"{int8.measured.bleu:.2f}" if int8 else ""])
        return table(head, rows)

    def words(self) -> str:
        head = ["test set", "invented", "in the references", "left untranslated",
                "in the references"]
        rows = []
        for (_, _, test), tested in self.tested.items():
            if tested.faults and tested.reference_faults:
                found = [f"{count.in_1000(words):.1f}"
                         for kind in ("invented", "left")
                         for count in (tested.faults, tested.reference_faults)
                         for words in (getattr(count, kind),)]
                rows.append([pathlib.Path(test).name, *found])
        return table(head, rows)

    def markdown(self) -> str:
        robustness = table(["source", "BLEU"], [[kind, f"{measured.bleu:.2f}"]
                                                for kind, measured in self.robustness.items()])
        penalties = table(["length penalty", "mean development BLEU"],
                          [[f"{penalty}", f"{bleu:.2f}"]
                           for penalty, bleu in self.penalties.items()])
        return "\n".join([
            self.scores(), "Words that are no words, and words left in the source language, in "
            "1,000 of the output:\n", self.words(), robustness, penalties])
