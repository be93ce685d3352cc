"""Compares models of Marian of published sizes, random weights, with its equations.

    ninja -C build/release model_probe
    python tests/formats/compare_marian.py build/release/bin/model_probe [base] [student]

What is too large to be committed as a golden. Prints the largest deviations; fails where
they are above 1e-4 of the largest value of a row, or a token differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import tempfile

import numpy as np

import corpus
import marian_reference
import marian_toolkit
from probe import Probe

TOLERANCE = 1e-4
SENTENCES = 3
ROWS = 32000
# transformer-base, and the student "tiny" of Firefox Translations.
SIZES = {
    "base": ("marian-base", {"dim-emb": 512, "transformer-dim-ffn": 2048,
                             "transformer-heads": 8}),
    "student": ("marian-student", {"dim-emb": 256, "transformer-dim-ffn": 1536,
                                   "transformer-heads": 8}),
}


def deviation(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, as a share of the largest magnitude of its row."""
    assert found.shape == expected.shape, (found.shape, expected.shape)
    scale = np.abs(expected).max(axis=-1, keepdims=True)
    return float((np.abs(found - expected) / scale).max())


def compare(program: pathlib.Path, name: str) -> bool:
    form_name, sizes = SIZES[name]
    form = marian_toolkit.FORMS[form_name]
    form = dataclasses.replace(form, settings={**form.settings, **sizes}, rows=ROWS)
    worst = {"encoder output": 0.0, "logits": 0.0}
    same = total = 0
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder) / name
        arrays, source, _ = marian_toolkit.make_model(directory, form, seed=1)
        model = marian_reference.Model(arrays, form.settings, np.float32)
        count = sum(array.size for array in arrays.values())
        print(f"{name}: {count:,} parameters")
        probe = Probe(program, directory)
        for text in corpus.Words(form.scripts[0], seed=3).sentences(SENTENCES, max_words=4):
            ids = [*source.encode(text), marian_toolkit.EOS]
            states = model.encode(ids)
            answer = probe.ask(encoder_input=ids)
            worst["encoder output"] = max(worst["encoder output"], deviation(
                np.array(answer["encoder_output"]), states))
            prefix = ids[::-1][:10]
            answer = probe.ask(encoder_input=ids, decoder_input=[ROWS, *prefix])
            # The last column is the token that the decoder starts from.
            logits = np.array([row[:-1] for row in answer["logits"]])
            worst["logits"] = max(worst["logits"], deviation(
                logits, model.decode(states, [prefix])[0]))
            for beam in (1, 4):
                options = {**marian_toolkit.DECODER, "normalize": 1.0, **form.decoder,
                           "beam-size": beam, "max-length-factor": 2.0}
                expected = marian_reference.search(model, ids, marian_toolkit.EOS,
                                                   [marian_toolkit.UNK], options)
                found = probe.ask(source=ids[:-1], beam_size=beam,
                                  max_length=2 * len(ids))["hypotheses"]
                total += 1
                same += [h["tokens"] for h in found] == [h["tokens"] for h in expected]
        probe.close()
    for what, value in worst.items():
        print(f"  {what}: largest deviation {value:.2g} of the row's largest value")
    print(f"  n-best lists of beams 1 and 4: {same} of {total} identical")
    return max(worst.values()) <= TOLERANCE and same == total


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
