"""Compares models of Marian of published sizes with Marian itself.

    ninja -C build/release model_probe
    python tests/formats/compare_marian.py build/release/bin/model_probe [base] [student]
        [alignments]

What is too large to be committed as a golden, and soft alignments of a small model of each
form. Fails where a token differs, a score by more than 1e-4 of it, or a weight of an
alignment by more than 1e-5. Needs requirements-marian.txt.

Ask no Marian about tests/golden/marian-aan itself: its GELU is that of Marian 1.12.0, and
newer ones compute another. The judge of that form is the same function with a swish.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import tempfile

import numpy as np

import marian_toolkit
from probe import Probe

TOLERANCE = 1e-4
ALIGNMENT_TOLERANCE = 1e-5
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
                found = probe.ask(source=source[:-1], beam_size=beam,
                                  max_length=judge.limit(source))["hypotheses"]
                total += 1
                same += [h["tokens"] for h in found] == [h["tokens"] for h in ranked]
                worst = max([worst, *(abs(a["score"] - b["score"]) / max(1, abs(b["score"]))
                                      for a, b in zip(found, ranked)
                                      if a["tokens"] == b["tokens"])])
        probe.close()
    print(f"{name}: n-best lists of beams 1 and 4: {same} of {total} identical; largest "
          f"deviation of a score {worst:.2g}")
    return worst <= TOLERANCE and same == total


def compare_alignments(program: pathlib.Path, name: str) -> bool:
    form = marian_toolkit.FORMS[name]
    worst, tokens = 0.0, 0
    same = True
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder) / name
        judge = marian_toolkit.Judge(directory, form, 1, pathlib.Path(folder) / "judge.npz")
        probe = Probe(program, directory)
        for beam in (1, 4):
            options = {"beam_size": beam, "use_shortlist": bool(form.shortlist)}
            for source, ranked in zip(judge.sources, judge.align(options)):
                found = probe.ask(source=source[:-1], beam_size=beam, align=True,
                                  max_length=judge.limit(source))["hypotheses"]
                by_tokens = {tuple(one["tokens"]): one["alignment"] for one in found}
                for target, matrix in ranked:
                    same &= tuple(target) in by_tokens
                    if not target or tuple(target) not in by_tokens:
                        continue
                    ours = np.array(by_tokens[tuple(target)]).reshape(len(target), -1)
                    theirs = matrix[:len(target), :-1]  # without the ends
                    worst = max(worst, float(np.abs(ours - theirs).max()))
                    tokens += len(target)
        probe.close()
    print(f"{name}: alignments of {tokens} tokens: largest deviation {worst:.2g}"
          f"{'' if same else ', and hypotheses differ'}")
    return same and worst <= ALIGNMENT_TOLERANCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", type=pathlib.Path, help="the program model_probe")
    parser.add_argument("parts", nargs="*", choices=[*SIZES, "alignments", []])
    arguments = parser.parse_args()
    parts = arguments.parts or [*SIZES, "alignments"]
    good = [compare(arguments.probe, name) for name in parts if name in SIZES]
    if "alignments" in parts:
        # marian-decoder gives keys and values of pre-norm models no norm: see golden().
        good += [compare_alignments(arguments.probe, name)
                 for name, form in marian_toolkit.FORMS.items() if not form.pre_norm]
    raise SystemExit(not all(good))


if __name__ == "__main__":
    main()
