"""How many lines of a test set have a near twin in the training data.

    python -m peregrine_training.twins configs/en-de-mdn.toml en-de/tatoeba2020_test en-de/flores_dev

A near twin has the same words in the same order but for one, which may be another word or
missing; small letters and capitals are the same. Figures on such lines flatter a model.
"""

from __future__ import annotations

import argparse
import pathlib
import re
from typing import Iterator

from .prepare import read_lines
from .recipe import Recipe

_WORD = re.compile(r"\w+")
_FEWEST_WORDS = 3  # of what is left: "I am" is no twin of "I was"


def outlines(line: str) -> Iterator[tuple[str, ...]]:
    """The words of a line, and these without each one of them in turn."""
    words = tuple(_WORD.findall(line.lower()))
    if len(words) >= _FEWEST_WORDS:
        yield words
    if len(words) > _FEWEST_WORDS:
        for at in range(len(words)):
            yield words[:at] + words[at + 1:]


def with_twins(tests: list[list[str]], training: Iterator[str]) -> list[int]:
    """For each test set, how many of its lines have a near twin."""
    lines_of: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for number, test in enumerate(tests):
        for row, line in enumerate(test):
            for outline in outlines(line):
                lines_of.setdefault(outline, []).append((number, row))
    found: set[tuple[int, int]] = set()
    for line in training:
        for outline in outlines(line):
            found.update(lines_of.get(outline, ()))
    return [sum(number == of for of, _ in found) for number in range(len(tests))]


def count_twins(recipe: Recipe, data: pathlib.Path, tests: list[str]) -> dict[str, tuple[int, int]]:
    """Of each test set, how many lines have a near twin in the recipe's corpora, of how many."""
    source = recipe.source_language
    lines = [read_lines(data / f"{test}.{source}.gz") for test in tests]
    training = (line for corpus in recipe.prepare.corpora
                for line in read_lines(data / f"{corpus}.{source}.gz"))
    return {name: (count, len(test))
            for name, test, count in zip(tests, lines, with_twins(lines, training))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    arguments = parser.parse_args()
    counts = count_twins(Recipe.load(arguments.recipe), arguments.data, arguments.tests)
    for name, (count, lines) in counts.items():
        print(f"{name}: {count} of {lines} lines have a near twin ({100 * count / lines:.1f} %)",
              flush=True)


if __name__ == "__main__":
    main()
