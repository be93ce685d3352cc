"""Times the rungs of a ladder side by side, and writes its table and plot.

    python -m peregrine_training.ladder_report configs/ladder.toml --out ../docs

Reads what ladder.py left. The rungs take turns, round by round, so that a machine that
drifts favours none; a speed-up is the median of the rounds' ratios to the first rung.
Writes OUT/<name>.md, .svg and .json.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the choice of the backend)

from .ladder import Ladder  # noqa: E402
from .serving import BINARIES  # noqa: E402

BATCH_SIZE = 64
# Source lengths as in bench/: log-normal, about mean 27 and deviation 15.
MU, SIGMA = 3.153, 0.534


@dataclass
class Timed:
    """A rung with its result and, by beam size, target tokens a second by round."""
    result: dict[str, Any]
    model: pathlib.Path
    speeds: dict[int, list[float]] = field(default_factory=lambda: {4: [], 1: []})

    def bleu(self, test: str, beam_size: int = 4) -> float:
        return float(self.result["scores"][f"{test}.beam{beam_size}"]["bleu"])

    def chrf(self, test: str) -> float:
        return float(self.result["scores"][f"{test}.beam4"]["chrf"])

    def gain(self, first: Timed, beam_size: int) -> float:
        """How often faster than the first rung."""
        return statistics.median(ours / theirs for ours, theirs in
                                 zip(self.speeds[beam_size], first.speeds[beam_size]))


def source_lengths(count: int) -> list[int]:
    generator = random.Random(153)
    return [min(100, max(3, round(generator.lognormvariate(MU, SIGMA))))
            for _ in range(count)]


def measure(timed: Timed, beam_size: int, lengths: pathlib.Path, binary: pathlib.Path,
            extra: list[str]) -> float:
    """Target tokens a second of processor time, on one thread."""
    done = subprocess.run(
        [binary, "--model", timed.model, "--lengths", lengths, "--beam-size",
         str(beam_size), "--batch-size", str(BATCH_SIZE), *extra],
        input="\n", capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{binary} failed: {done.stderr}")
    run = json.loads(done.stdout)
    return float(run["target_tokens"] / run["cpu_seconds"])


def table(rungs: list[Timed], tests: list[str]) -> str:
    head = ["rung", "M parameters", "greedy x", "beam 4 x", "beam 4 tokens/s"]
    head += [f"{test}: BLEU (greedy) / chrF" for test in tests]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for rung in rungs:
        cells = [rung.result["label"], f"{rung.result['parameters'] / 1e6:.1f}",
                 f"{rung.gain(rungs[0], 1):.2f}", f"{rung.gain(rungs[0], 4):.2f}",
                 f"{statistics.median(rung.speeds[4]):.0f}"]
        cells += [f"{rung.bleu(test):.1f} ({rung.bleu(test, 1):.1f}) / {rung.chrf(test):.1f}"
                  for test in tests]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(rungs: list[Timed], test: str, path: pathlib.Path) -> None:
    """Quality against speed, a line from rung to rung."""
    figure, axes = pyplot.subplots(figsize=(8, 5))
    x = [rung.gain(rungs[0], 4) for rung in rungs]
    y = [rung.bleu(test) for rung in rungs]
    axes.plot(x, y, "o-", color="tab:blue")
    for rung, across, up in zip(rungs, x, y):
        axes.annotate(rung.result["label"], (across, up), fontsize=7,
                      xytext=(4, 4), textcoords="offset points")
    axes.set_xlabel(f"speed-up over {rungs[0].result['label']} (beam 4, batch {BATCH_SIZE})")
    axes.set_ylabel(f"BLEU, {test}, beam 4")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ladder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("../docs"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--binaries", type=pathlib.Path, default=BINARIES)
    parser.add_argument("--engine-option", action="append", default=[])
    arguments = parser.parse_args()
    ladder = Ladder.load(arguments.ladder)
    runs = [pathlib.Path("runs") / ladder.name / rung.name for rung in ladder.rungs]
    rungs = [Timed(json.loads((run / "result.json").read_text()), run / "model")
             for run in runs if (run / "result.json").exists()]
    if not rungs:
        raise SystemExit(f"no rung of {arguments.ladder} is trained yet")
    with tempfile.TemporaryDirectory() as folder:
        lengths = pathlib.Path(folder) / "lengths"
        lengths.write_text("\n".join(map(str, source_lengths(arguments.sentences))) + "\n")
        for _ in range(arguments.rounds):
            for beam_size in (4, 1):
                for rung in rungs:
                    rung.speeds[beam_size].append(
                        measure(rung, beam_size, lengths, arguments.binaries / "engine_bench",
                                arguments.engine_option))
    out = arguments.out / ladder.name
    tests = [pathlib.Path(test).name for test in ladder.tests]
    out.with_suffix(".json").write_text(json.dumps(
        [rung.result | {"speeds": rung.speeds} for rung in rungs], indent=1) + "\n")
    out.with_suffix(".md").write_text(table(rungs, tests))
    plot(rungs, tests[0], out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
