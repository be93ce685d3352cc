"""Times the rungs of a ladder side by side, and writes its table and plot.

    python -m peregrine_training.ladder_report configs/ladder.toml --out ../docs

Reads what ladder.py left. The rungs take turns, round by round, so that a machine that
drifts favours none; a speed-up is the median of the rounds' ratios to the first rung in
the same precision. Writes OUT/<name>.json and .svg, and in OUT/<name>.md what stands
between the lines `<!-- generated -->` and `<!-- /generated -->`, or the whole file.
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


PRECISIONS = ("float32", "int8")
BEGIN, END = "<!-- generated -->\n", "<!-- /generated -->\n"


@dataclass(frozen=True)
class Setting:
    """What a rung is timed with."""
    precision: str
    beam_size: int

    def __str__(self) -> str:
        return f"{self.precision}.beam{self.beam_size}"


SETTINGS = [Setting(precision, beam_size) for precision in PRECISIONS for beam_size in (4, 1)]
# The paper's: its 3.80x on a CPU is for beam 4, batch 64, float32.
HEADLINE = Setting("float32", 4)


@dataclass
class Timed:
    """A rung with its result and, by setting, target tokens a second by round."""
    result: dict[str, Any]
    model: pathlib.Path
    speeds: dict[Setting, list[float]] = field(
        default_factory=lambda: {setting: [] for setting in SETTINGS})

    @property
    def label(self) -> str:
        return str(self.result["label"])

    def bleu(self, test: str, beam_size: int = 4) -> float:
        return float(self.result["scores"][f"{test}.beam{beam_size}"]["bleu"])

    def chrf(self, test: str) -> float:
        return float(self.result["scores"][f"{test}.beam4"]["chrf"])

    def speed(self, setting: Setting) -> float:
        return statistics.median(self.speeds[setting])

    def gain(self, first: Timed, setting: Setting) -> float:
        """How often faster than the first rung."""
        return statistics.median(ours / theirs for ours, theirs in
                                 zip(self.speeds[setting], first.speeds[setting]))


def source_lengths(count: int) -> list[int]:
    generator = random.Random(153)
    return [min(100, max(3, round(generator.lognormvariate(MU, SIGMA))))
            for _ in range(count)]


def measure(rung: Timed, setting: Setting, lengths: pathlib.Path,
            binary: pathlib.Path) -> float:
    """Target tokens a second of processor time, on one thread."""
    done = subprocess.run(
        [binary, f"--model={rung.model}", f"--precision={setting.precision}",
         f"--lengths={lengths}", f"--beam-size={setting.beam_size}",
         f"--batch-size={BATCH_SIZE}"],
        input="\n", capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{binary} failed: {done.stderr}")
    run = json.loads(done.stdout)
    return float(run["target_tokens"] / run["cpu_seconds"])


def table(rungs: list[Timed], tests: list[str]) -> str:
    head = ["rung", "M parameters"]
    head += [f"{test}: BLEU (greedy) / chrF" for test in tests]
    head += [f"{setting.precision} {'greedy' if setting.beam_size == 1 else 'beam 4'}: "
             "x (tokens/s)" for setting in SETTINGS]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for rung in rungs:
        cells = [rung.label, f"{rung.result['parameters'] / 1e6:.1f}"]
        cells += [f"{rung.bleu(test):.1f} ({rung.bleu(test, 1):.1f}) / {rung.chrf(test):.1f}"
                  for test in tests]
        cells += [f"{rung.gain(rungs[0], setting):.2f} ({rung.speed(setting):,.0f})"
                  for setting in SETTINGS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def losses(ladder: Ladder, rungs: list[Timed], test: str) -> str:
    """The rungs that lose BLEU to the one they stand on."""
    found = {rung.result["name"]: rung for rung in rungs}
    lines = []
    for below, rung in ladder.steps():
        if below.name not in found or rung.name not in found:
            continue
        change = found[rung.name].bleu(test) - found[below.name].bleu(test)
        if change <= -0.1:
            lines.append(f"- “{found[rung.name].label}”: {change:+.1f}\n")
    return "".join(lines) or "- none\n"


def missing(ladder: Ladder, rungs: list[Timed]) -> str:
    """The rungs that are still to be trained, if any."""
    found = {rung.result["name"] for rung in rungs}
    labels = [f"“{rung.label}”" for rung in ladder.rungs if rung.name not in found]
    return f"\nNot trained yet: {', '.join(labels)}.\n" if labels else ""


def report(ladder: Ladder, rungs: list[Timed], tests: list[str]) -> str:
    """What stands in the document."""
    first = rungs[0].result
    return (f"Each rung: {first['updates']} updates of at most {first['batch_tokens']:,} tokens. "
            f"Speed: one thread, batch {BATCH_SIZE}, outputs as long as the sources, target "
            "tokens a second of processor time, and how often that of the first rung in the "
            "same precision. BLEU and chrF at beam 4, BLEU of greedy search in brackets."
            f"\n\n{table(rungs, tests)}\n"
            f"BLEU lost on {tests[0]} to the rung below, where it is 0.1 or more:\n"
            f"{losses(ladder, rungs, tests[0])}{missing(ladder, rungs)}")


def write_between(path: pathlib.Path, text: str) -> None:
    """Replaces what is generated in a document, or all of a new one."""
    before, after = "", ""
    if path.exists():
        old = path.read_text(encoding="utf-8")
        if BEGIN not in old or END not in old:
            raise SystemExit(f"{path}: expected the lines {BEGIN.strip()} and {END.strip()}")
        before, after = old.split(BEGIN)[0], old.split(END)[1]
    path.write_text(f"{before}{BEGIN}{text}{END}{after}", encoding="utf-8")


def plot(rungs: list[Timed], test: str, path: pathlib.Path) -> None:
    """Quality against speed, a line from rung to rung."""
    figure, axes = pyplot.subplots(figsize=(8, 5))
    x = [rung.gain(rungs[0], HEADLINE) for rung in rungs]
    y = [rung.bleu(test) for rung in rungs]
    axes.plot(x, y, "o-", color="tab:blue")
    for rung, across, up in zip(rungs, x, y):
        right = across > (min(x) + max(x)) / 2  # where a label on that side had no room
        axes.annotate(rung.label, (across, up), fontsize=7, ha="right" if right else "left",
                      xytext=(-6 if right else 6, 2), textcoords="offset points")
    axes.set_xlabel(f"times as fast as {rungs[0].label} (float32, beam 4, batch {BATCH_SIZE})")
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
            for setting in SETTINGS:
                for rung in rungs:
                    rung.speeds[setting].append(
                        measure(rung, setting, lengths, arguments.binaries / "engine_bench"))
    out = arguments.out / ladder.name
    tests = [pathlib.Path(test).name for test in ladder.tests]
    out.with_suffix(".json").write_text(json.dumps(
        [rung.result | {"speeds": {str(setting): values for setting, values
                                   in rung.speeds.items()}} for rung in rungs],
        indent=1) + "\n")
    write_between(out.with_suffix(".md"), report(ladder, rungs, tests))
    plot(rungs, tests[0], out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
