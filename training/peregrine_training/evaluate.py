"""Measures a model through the server: what its card reports.

    python -m peregrine_training.evaluate configs/en-de-mdn.toml --model ../models/en-de-mdn \\
        --tests en-de/flores_dev en-de/newstest2014 [--beam 4 1] [--precision float32 int8]
    ... --robustness en-de/flores_dev
    ... --penalties 0.6 0.8 1.0 1.2

Without more, each test set's BLEU and chrF, how long the output is relative to the
references, how many translations carry a warning, and which words are invented or left in
the source language (words.py). `--robustness` translates a set as users write: in capitals,
in small letters, with typos, without final stops. `--penalties` tries length penalties on
the recipe's development sets; no test set chooses anything.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import re
import statistics
from dataclasses import dataclass

import sacrebleu

from .augment import with_typos
from .prepare import read_aligned
from .recipe import Recipe
from .score import read_test
from .serving import BINARIES, Server
from .words import Faults, Lexicon, faults

_FINAL = re.compile(r"[.!?]+$")
_SEED = 1


@dataclass
class Measured:
    bleu: float
    chrf: float
    length: float  # words of the output for each of the references'
    flagged: int   # translations with a warning

    def __str__(self) -> str:
        return (f"BLEU {self.bleu:.2f} chrF {self.chrf:.2f} length {self.length:.3f} "
                f"warnings {self.flagged}")


def measure(hypotheses: list[str], references: list[str], flagged: int = 0,
            lowercase: bool = False) -> Measured:
    metric = sacrebleu.BLEU(lowercase=lowercase)
    bleu = metric.corpus_score(hypotheses, [references])
    chrf = sacrebleu.CHRF(lowercase=lowercase).corpus_score(hypotheses, [references])
    return Measured(bleu.score, chrf.score, bleu.sys_len / bleu.ref_len, flagged)


@dataclass
class Scored:
    """A test set's translations and what was measured of them."""
    hypotheses: list[str]
    measured: Measured
    faults: Faults | None = None             # counted where there is a lexicon
    reference_faults: Faults | None = None   # of the references, by the same count


@dataclass
class Evaluation:
    """What is measured of one model."""
    recipe: Recipe
    data: pathlib.Path

    @property
    def languages(self) -> tuple[str, str]:
        return self.recipe.source_language, self.recipe.target_language

    def lexicon(self) -> Lexicon:
        rows = [row for corpus in self.recipe.prepare.corpora
                for row in read_aligned([self.data / f"{corpus}.{language}.gz"
                                         for language in self.languages])]
        sources, targets = zip(*rows)
        return Lexicon.count(list(sources), list(targets))

    def test(self, server: Server, name: str, beam_size: int,
             lexicon: Lexicon | None = None) -> Scored:
        sources, references = read_test(self.data, name, self.languages)
        answers = server.translate(sources, beam_size)
        hypotheses = [answer.text for answer in answers]
        tested = Scored(hypotheses, measure(hypotheses, references,
                                            sum(bool(a.flags) for a in answers)))
        print(f"{name} beam {beam_size}: {tested.measured}", flush=True)
        if lexicon:
            tested.faults = faults(sources, hypotheses, lexicon)
            tested.reference_faults = faults(sources, references, lexicon)
            print(f"  {tested.faults}; the references: {tested.reference_faults}", flush=True)
        return tested

    def robustness(self, server: Server, name: str, beam_size: int) -> dict[str, Measured]:
        """The same lines as users write them. In capitals or small letters BLEU ignores case
        on all sides, and without final stops the references have none."""
        sources, references = read_test(self.data, name, self.languages)
        rng = random.Random(_SEED)
        bare = [_FINAL.sub("", line) for line in references]
        variants = {
            "as it is": (sources, references, False),
            "as it is, case ignored": (sources, references, True),
            "ALL CAPS, case ignored": ([line.upper() for line in sources], references, True),
            "lower case, case ignored": ([line.lower() for line in sources], references, True),
            "lower case": ([line.lower() for line in sources], references, False),
            "a typo in every eight words": ([with_typos(line, rng) for line in sources],
                                            references, False),
            "no final stop": ([_FINAL.sub("", line) for line in sources], bare, False),
        }
        results = {}
        for kind, (lines, wanted, lowercase) in variants.items():
            hypotheses = [answer.text for answer in server.translate(lines, beam_size)]
            if kind == "no final stop":
                hypotheses = [_FINAL.sub("", line) for line in hypotheses]
            results[kind] = measure(hypotheses, wanted, lowercase=lowercase)
            print(f"{name}, {kind}: {results[kind]}", flush=True)
        return results

    def best_penalty(self, server: Server, penalties: list[float], lines: int,
                     beam_size: int = 4) -> tuple[float, dict[float, float]]:
        """The penalty with the highest mean BLEU over the first lines of the development
        sets, and that mean of each."""
        scores: dict[float, float] = {}
        for penalty in penalties:
            measured = []
            for name in self.recipe.prepare.development:
                sources, references = (column[:lines] for column in
                                       read_test(self.data, name, self.languages))
                answers = server.translate(sources, beam_size, length_penalty=penalty)
                measured.append(measure([answer.text for answer in answers], references))
            scores[penalty] = statistics.fmean(each.bleu for each in measured)
            print(f"length penalty {penalty}: mean BLEU {scores[penalty]:.3f}; " + ", ".join(
                f"{pathlib.Path(name).name} {each.bleu:.2f} (length {each.length:.3f})"
                for name, each in zip(self.recipe.prepare.development, measured)), flush=True)
        return max(scores, key=scores.__getitem__), scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--binaries", type=pathlib.Path, default=BINARIES)
    parser.add_argument("--tests", nargs="*", default=[])
    parser.add_argument("--beam", type=int, nargs="+", default=[4])
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--words", action="store_true", help="count invented words")
    parser.add_argument("--robustness", metavar="TEST")
    parser.add_argument("--penalties", type=float, nargs="+")
    parser.add_argument("--lines", type=int, default=500,
                        help="of each development set, for --penalties")
    parser.add_argument("--write", type=pathlib.Path, help="a folder for the translations")
    arguments = parser.parse_args()
    evaluation = Evaluation(Recipe.load(arguments.recipe), arguments.data)
    lexicon = evaluation.lexicon() if arguments.words else None
    for precision in arguments.precision:
        with Server(arguments.model, arguments.binaries, precision) as server:
            print(f"{arguments.model}, {precision}")
            for beam_size in arguments.beam:
                for test in arguments.tests:
                    tested = evaluation.test(server, test, beam_size, lexicon)
                    if arguments.write:
                        arguments.write.mkdir(parents=True, exist_ok=True)
                        path = arguments.write / (f"{pathlib.Path(test).name}.{precision}."
                                                  f"beam{beam_size}.txt")
                        path.write_text("".join(f"{line}\n" for line in tested.hypotheses),
                                        encoding="utf-8")
            if arguments.robustness:
                evaluation.robustness(server, arguments.robustness, max(arguments.beam))
            if arguments.penalties:
                best, _ = evaluation.best_penalty(server, arguments.penalties, arguments.lines)
                print(f"best: {best}")


if __name__ == "__main__":
    main()
