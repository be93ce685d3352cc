"""The ladder's table, and the document that it stands in."""

from __future__ import annotations

import pathlib

import pytest

pytest.importorskip("matplotlib")

from peregrine_training.ladder import Ladder  # noqa: E402
from peregrine_training.ladder_report import (BEGIN, END, HEADLINE, SETTINGS, Timed,  # noqa: E402
                                              losses, plot, report, write_between)

CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "ladder.toml"


def timed(name: str, label: str, bleu: float, speeds: list[float]) -> Timed:
    scores = {f"test.beam{beam}": {"bleu": bleu - (beam == 1), "chrf": 2 * bleu}
              for beam in (1, 4)}
    result = {"name": name, "label": label, "parameters": 1_250_000, "updates": 600,
              "batch_tokens": 4096, "scores": scores}
    return Timed(result, pathlib.Path(name), {setting: speeds for setting in SETTINGS})


@pytest.fixture
def ladder() -> Ladder:
    return Ladder.load(CONFIG)


@pytest.fixture
def rungs() -> list[Timed]:
    return [timed("base", "baseline", 20.0, [100, 50, 200]),
            timed("fewer-merges", "fewer", 21.0, [300, 100, 400]),
            timed("shallow-decoder", "shallow", 18.5, [400, 200, 800])]


def test_a_gain_is_the_median_of_the_rounds_ratios(rungs):
    assert rungs[1].gain(rungs[0], HEADLINE) == 2.0  # of 3, 2, 2
    assert rungs[1].speed(HEADLINE) == 300


def test_a_rung_that_loses_quality_is_named(ladder, rungs):
    assert losses(ladder, rungs, "test") == "- “shallow”: -2.5\n"
    assert losses(ladder, rungs[:2], "test") == "- none\n"


def test_the_report_has_a_row_for_each_rung(ladder, rungs):
    text = report(ladder, rungs, ["test"])
    assert "600 updates of at most 4,096 tokens" in text
    assert "| fewer | 1.2 | 21.0 (20.0) / 42.0 | 2.00 (300) |" in text
    assert text.count("\n| ") == 4  # with the head; the line under it has no space
    assert text.endswith("“the same with AAN”, “the same with CAN”.\n")  # not trained


def test_only_what_is_generated_is_replaced(tmp_path):
    path = tmp_path / "ladder.md"
    write_between(path, "first\n")
    assert path.read_text() == f"{BEGIN}first\n{END}"
    path.write_text(f"# Title\n{BEGIN}first\n{END}The end.\n")
    write_between(path, "second\n")
    assert path.read_text() == f"# Title\n{BEGIN}second\n{END}The end.\n"
    path.write_text("# Someone's own\n")
    with pytest.raises(SystemExit, match="expected the lines"):
        write_between(path, "third\n")


def test_the_plot_is_an_svg(rungs, tmp_path):
    plot(rungs, "test", tmp_path / "ladder.svg")
    assert "<svg" in (tmp_path / "ladder.svg").read_text()
