"""Trains and scores the ladder: the paper's tricks, one more on each rung.

    python -m peregrine_training.ladder configs/ladder.toml [--updates 800]

Every rung has the same data, updates and batch. Goes on after its last whole rung, and
inside a rung after its last checkpoint. Leaves runs/<name>/<rung>/model, a model
directory, and runs/<name>/<rung>/result.json; ladder_report.py makes the table of them.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import pathlib
import time
import tomllib
from dataclasses import dataclass
from typing import Any

from peregrine_convert.config import from_dict

from .distil import distil
from .initialise import write_initial
from .prepare import prepare, read_pairs
from .recipe import Recipe, merge
from .release import export_best
from .score import score_served
from .serving import BINARIES, Server
from .train import Trainer, checkpoints


@dataclass
class Rung:
    name: str
    label: str
    recipe: Recipe
    initialise: str = ""  # the rung whose weights this one starts from
    distilled: str = ""   # the rung that translated a second corpus for this one
    below: str = ""       # the rung that this one changes; empty for the first


@dataclass
class Ladder:
    name: str
    tests: list[str]
    rungs: list[Rung]

    @classmethod
    def load(cls, path: pathlib.Path | str) -> Ladder:
        """Each rung changes what the rung before it, or the one `after`, had."""
        with open(path, "rb") as file:
            values = tomllib.load(file)
        tests, entries = values.pop("tests"), values.pop("rung")
        states: dict[str, dict[str, Any]] = {}
        previous: dict[str, Any] = {"recipe": values, "initialise": "", "distilled": ""}
        rungs = []
        for entry in entries:
            state = copy.deepcopy(states[entry["after"]] if "after" in entry else previous)
            merge(state["recipe"], entry.get("changes", {}))
            for key in ("initialise", "distilled"):
                state[key] = entry.get(key, state[key])
                if state[key] and state[key] not in states:
                    raise SystemExit(f"{path}: rung {entry['name']}: {key} names "
                                     f"{state[key]!r}; expected an earlier rung")
            below = entry.get("after", rungs[-1].name if rungs else "")
            states[entry["name"]] = previous = state
            recipe = from_dict(Recipe, state["recipe"] | {"name": entry["name"]})
            rungs.append(Rung(entry["name"], entry["label"], recipe, state["initialise"],
                              state["distilled"], below))
        return cls(values["name"], tests, rungs)

    def steps(self) -> list[tuple[Rung, Rung]]:
        """Every rung but the first, after the one that it changes."""
        named = {rung.name: rung for rung in self.rungs}
        return [(named[rung.below], rung) for rung in self.rungs if rung.below]


@dataclass
class Climb:
    """One climb up a ladder: where things lie and the stages of a rung."""
    ladder: Ladder
    root: pathlib.Path      # runs/<name>
    corpora: pathlib.Path   # --data
    binaries: pathlib.Path

    def run(self, rung: str) -> pathlib.Path:
        return self.root / rung

    def encoded(self, rung: Rung) -> pathlib.Path:
        """The prepared data; rungs of one vocabulary and teacher share it."""
        return self.root / "-".join(
            ["data", str(rung.recipe.prepare.vocab_size), rung.distilled]).rstrip("-")

    def prepare(self, rung: Rung) -> None:
        out = self.encoded(rung)
        if (out / "complete").exists():
            return
        options = dataclasses.replace(rung.recipe.prepare)
        if rung.distilled:
            self.distil(rung.distilled)
            options.distilled = [str(self.run(rung.distilled) / "distilled")]
            options.vocabulary = str(self.encoded(dataclasses.replace(rung, distilled=""))
                                     / "source.spm")
        prepare(dataclasses.replace(rung.recipe, prepare=options), self.corpora, out)
        (out / "complete").touch()

    def distil(self, teacher: str) -> None:
        run = self.run(teacher)
        recipe = next(rung.recipe for rung in self.ladder.rungs if rung.name == teacher)
        languages = recipe.source_language, recipe.target_language
        pairs = [pair for corpus in recipe.prepare.corpora
                     for pair in read_pairs(self.corpora / corpus, languages, recipe.prepare)]
        distil(recipe, pairs, run / "model", run / "distilled", self.binaries)

    def train(self, rung: Rung) -> float:
        """Returns the seconds that the updates since the last start took."""
        run = self.run(rung.name)
        if rung.initialise and not checkpoints(run):
            write_initial(rung.recipe, self.run(rung.initialise) / "average.pt", run)
        trainer = Trainer(rung.recipe, run, self.encoded(rung))
        trainer.resume()
        begin = time.monotonic()
        trainer.train()
        return time.monotonic() - begin

    def export(self, rung: Rung) -> int:
        """Returns the number of parameters."""
        run = self.run(rung.name)
        weights = export_best(rung.recipe, run, self.encoded(rung), run / "model")
        return sum(tensor.numel() for tensor in weights.values())

    def score(self, rung: Rung) -> dict[str, Any]:
        languages = rung.recipe.source_language, rung.recipe.target_language
        scores: dict[str, Any] = {}
        with Server(self.run(rung.name) / "model", self.binaries) as server:
            for test in self.ladder.tests:
                for beam_size in (4, 1):
                    _, scored = score_served(server, self.corpora, test, languages, beam_size)
                    scores[f"{pathlib.Path(test).name}.beam{beam_size}"] = dataclasses.asdict(
                        scored)
        return scores

    def climb(self, rung: Rung) -> None:
        run = self.run(rung.name)
        result = run / "result.json"
        if result.exists():
            print(f"{rung.name}: done before")
            return
        print(f"== {rung.name}: {rung.label}", flush=True)
        run.mkdir(parents=True, exist_ok=True)
        self.prepare(rung)
        seconds = self.train(rung)
        parameters = self.export(rung)
        values = {"name": rung.name, "label": rung.label, "parameters": parameters,
                  "updates": rung.recipe.train.max_updates,
                  "batch_tokens": rung.recipe.train.batch_tokens,
                  "training_seconds": round(seconds), "scores": self.score(rung)}
        temporary = result.with_suffix(".tmp")
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        temporary.replace(result)
        for test, value in values["scores"].items():
            print(f"{test}: BLEU {value['bleu']:.2f} chrF {value['chrf']:.2f}", flush=True)
        for checkpoint in checkpoints(run):
            checkpoint.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ladder", type=pathlib.Path)
    parser.add_argument("--updates", type=int, help="instead of the ladder's max_updates")
    parser.add_argument("--rung", action="append", help="only this one; may be repeated")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--binaries", type=pathlib.Path, default=BINARIES)
    arguments = parser.parse_args()
    ladder = Ladder.load(arguments.ladder)
    climb = Climb(ladder, pathlib.Path("runs") / ladder.name, arguments.data,
                  arguments.binaries)
    for rung in ladder.rungs:
        if arguments.updates:
            rung.recipe.train.max_updates = arguments.updates
        if not arguments.rung or rung.name in arguments.rung:
            climb.climb(rung)


if __name__ == "__main__":
    main()
