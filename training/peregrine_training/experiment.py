"""The log of a run as CSV, and its plot.

    python -m peregrine_training.experiment runs/en-de-mdn --out curves.png
"""

from __future__ import annotations

import argparse
import csv
import datetime
import pathlib
from typing import Any

from .stream import Position

# In a run's directory, with these columns; a resumed run goes on writing.
PROGRESS = ("progress.csv", ("time", "update", "epoch", "stage", "progress", "rate", "loss",
                             "tokens", "seconds"))
EVALUATIONS = ("evaluations.csv", ("time", "update", "progress", "measure", "value"))


class Experiment:
    """Writes what a run reports."""

    def __init__(self, run: pathlib.Path) -> None:
        self.run = run

    def _append(self, log: tuple[str, tuple[str, ...]], rows: list[dict[str, Any]]) -> None:
        path = self.run / log[0]
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, log[1])
            if fresh:
                writer.writeheader()
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            writer.writerows({"time": now} | row for row in rows)

    def reported(self, where: Position, loss: float, tokens: int, seconds: float,
                 rate: float) -> None:
        """The mean loss of the updates since the last report."""
        self._append(PROGRESS, [{
            "update": where.update, "epoch": where.epoch, "stage": where.stage,
            "progress": f"{where.progress:.4f}", "rate": f"{rate:.3e}", "loss": f"{loss:.4f}",
            "tokens": tokens, "seconds": f"{seconds:.1f}"}])

    def evaluated(self, where: Position, values: dict[str, float]) -> None:
        self._append(EVALUATIONS, [
            {"update": where.update, "progress": f"{where.progress:.4f}", "measure": name,
             "value": f"{value:.4f}"} for name, value in values.items()])


def read(run: pathlib.Path, log: tuple[str, tuple[str, ...]]) -> list[dict[str, str]]:
    path = run / log[0]
    if not path.exists():
        raise SystemExit(f"{path} is missing: has the run begun?")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def plot(run: pathlib.Path, out: pathlib.Path) -> None:
    """The losses over the tokens trained on: of training, and of each development set."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    progress, evaluations = read(run, PROGRESS), read(run, EVALUATIONS)
    seen, total = {0: 0.0}, 0.0  # million tokens by update
    for row in progress:
        total += float(row["tokens"]) / 1e6
        seen[int(row["update"])] = total
    figure, axes = pyplot.subplots(figsize=(8, 5))
    axes.plot([seen[int(row["update"])] for row in progress],
              [float(row["loss"]) for row in progress], color="0.8", label="training, smoothed labels")
    for name in dict.fromkeys(row["measure"] for row in evaluations):
        if name.endswith(" BLEU"):
            continue
        points = [(max(m for u, m in seen.items() if u <= int(row["update"])),
                   float(row["value"])) for row in evaluations if row["measure"] == name]
        axes.plot(*zip(*points), marker=".", label=name)
    axes.set_xlabel("million target tokens")
    axes.set_ylabel("loss per token (nats)")
    axes.legend()
    figure.tight_layout()
    figure.savefig(out, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a .png or .svg")
    arguments = parser.parse_args()
    plot(arguments.run, arguments.out)


if __name__ == "__main__":
    main()
