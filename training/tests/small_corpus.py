"""A corpus of sentences of our own, small enough to run the whole pipeline in a test."""

from __future__ import annotations

import gzip
import itertools
import pathlib

# Who, with the verb's ending that it takes in German.
_SUBJECTS = [("The baker", "Der Bäcker"), ("My neighbour", "Meine Nachbarin"),
             ("A child", "Ein Kind"), ("Lena", "Lena"), ("The old captain", "Der alte Kapitän"),
             ("Our teacher", "Unsere Lehrerin"), ("The gardener", "Der Gärtner")]
_VERBS = [("sees", "sieht"), ("paints", "malt"), ("buys", "kauft"), ("carries", "trägt"),
          ("forgets", "vergisst"), ("repairs", "repariert")]
_OBJECTS = [("the blue lamp", "die blaue Lampe"), ("an umbrella", "einen Regenschirm"),
            ("the wooden ladder", "die Holzleiter"), ("two boxes", "zwei Kisten"),
            ("the quiet cat", "die stille Katze"), ("a bicycle", "ein Fahrrad")]
_TIMES = [("on Monday", "am Montag"), ("every morning", "jeden Morgen"),
          ("in the garden", "im Garten"), ("without a word", "ohne ein Wort")]


def pairs() -> list[tuple[str, str]]:
    """Each with another subject, verb, object and time: 1,008 of them."""
    return [(f"{subject[0]} {verb[0]} {thing[0]} {time[0]}.",
             f"{subject[1]} {verb[1]} {time[1]} {thing[1]}.")
            for subject, verb, thing, time in itertools.product(
                _SUBJECTS, _VERBS, _OBJECTS, _TIMES)]


def write_lines(path: pathlib.Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def write(data: pathlib.Path) -> None:
    """`data` as --data wants it: a corpus of two origins, two development sets."""
    every = pairs()
    held_back = every[::20]
    kept = [pair for pair in every if pair not in held_back]
    for name, part in (("train", kept), ("plain_dev", held_back[::2]), ("other_dev", held_back[1::2])):
        for side, language in enumerate(("en", "de")):
            write_lines(data / "en-de" / f"{name}.{language}.gz", [pair[side] for pair in part])
    write_lines(data / "en-de" / "train.src.gz",
                ["home" if i % 3 else "work:MIT" for i in range(len(kept))])
