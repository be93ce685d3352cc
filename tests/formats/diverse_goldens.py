"""What transformers makes of diverse beams; see README.md.

    python diverse_goldens.py ../golden

Beside golden.json of models that are there: diverse.json. Needs a version of the library
that still has group beam search: requirements-diverse.txt.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import torch
import transformers

from reference_searches import MAX_LENGTH, SENTENCES, without_padding

# beam_size, beam_groups, diversity_penalty
CASES = [(4, 2, 0.5), (4, 4, 0.3), (6, 3, 1.5)]


def of_model(directory: pathlib.Path, golden: dict[str, Any]) -> list[dict[str, Any]]:
    model = without_padding(directory).float()  # as this search works
    eos = model.generation_config.eos_token_id
    cases = []
    for index, sentence in enumerate(golden["sentences"][:SENTENCES]):
        source = torch.tensor([sentence["encoder_input"]])
        languages = {name: sentence[name] for name in ("forced_bos_token_id",)
                     if name in sentence}
        for beam, groups, penalty in CASES:
            with torch.inference_mode():
                # Which would normalise scores behind the penalty, and so weaken it.
                found = model.generate(
                    source, max_length=MAX_LENGTH + 1, do_sample=False, num_beams=beam,
                    num_beam_groups=groups, diversity_penalty=penalty,
                    num_return_sequences=beam, return_dict_in_generate=True,
                    output_scores=True, renormalize_logits=False, **languages)
            hypotheses = []
            for sequence, score in zip(found.sequences.tolist(), found.sequences_scores):
                tokens = sequence[1:]
                end = tokens.index(eos) if eos in tokens else len(tokens)
                hypotheses.append({"tokens": tokens[:end], "score": float(f"{score:.9g}")})
            cases.append({"sentence": index, "hypotheses": hypotheses, "options": {
                "beam_size": beam, "beam_groups": groups, "diversity_penalty": penalty}})
    return cases


def main() -> None:
    print("transformers", transformers.__version__)
    goldens = pathlib.Path(sys.argv[1])
    for name in ("hf-marian", "hf-m2m100"):
        directory = goldens / name
        golden = json.loads((directory / "golden.json").read_text())
        cases = of_model(directory, golden)
        text = json.dumps({"max_length": MAX_LENGTH, "cases": cases}, separators=(",", ":"))
        (directory / "diverse.json").write_text(text + "\n")
        print(name, len(cases), "cases", len(text), "bytes")


if __name__ == "__main__":
    main()
