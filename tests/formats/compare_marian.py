"""Compares models of Marian of published sizes with Marian itself.

    ninja -C build/release model_probe
    python tests/formats/compare_marian.py build/release/bin/model_probe [base] [student]

What is too large to be committed as a golden. Fails where a token differs, or a score by
more than 1e-4 of it. Needs requirements-marian.txt.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import tempfile

import marian_toolkit
from probe import Probe

TOLERANCE = 1e-4
# transformer-base, and the student "tiny" of Firefox Translations.
SIZES = {
    "base": ("marian-base", {"dim-emb": 512, "transformer-dim-ffn": 2048,
                             "transformer-heads": 8}),
    "student": ("marian-student", {"dim-emb": 256, "transformer-dim-ffn": 1536,
                                   "transformer-heads": 8}),
}


def compare(program: pathlib.Path, name: str) -> bool:
    form_name, sizes = SIZES[name]
    form = marian_toolkit.FORMS[form_name]
    form = dataclasses.replace(form, settings={**form.settings, **sizes})
    same = total = 0
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder) / name
        judge = marian_toolkit.Judge(directory, form, 1, pathlib.Path(folder) / "judge.npz")
        probe = Probe(program, directory)
        for beam in (1, 4):
            # As the engine does by itself, where the directory has a shortlist.
            options = {"beam_size": beam, "use_shortlist": bool(form.shortlist)}
            expected = judge.search(options, may_be_close=True)["hypotheses"]
            for source, ranked in zip(judge.sources, expected):
                defaults = (marian_toolkit.DECODER if form.decoder
                            else marian_toolkit.STUDENT_DECODER)
                limit = int({**defaults, **form.decoder}["max-length-factor"] * len(source))
                found = probe.ask(source=source[:-1], beam_size=beam,
                                  max_length=limit)["hypotheses"]
                total += 1
                same += [h["tokens"] for h in found] == [h["tokens"] for h in ranked]
                worst = max([worst, *(abs(a["score"] - b["score"]) / max(1, abs(b["score"]))
                                      for a, b in zip(found, ranked)
                                      if a["tokens"] == b["tokens"])])
        probe.close()
    print(f"{name}: n-best lists of beams 1 and 4: {same} of {total} identical; largest "
          f"deviation of a score {worst:.2g}")
    return worst <= TOLERANCE and same == total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", type=pathlib.Path, help="the program model_probe")
    parser.add_argument("sizes", nargs="*", choices=[*SIZES, []])
    arguments = parser.parse_args()
    good = [compare(arguments.probe, name) for name in arguments.sizes or SIZES]
    raise SystemExit(not all(good))


if __name__ == "__main__":
    main()
