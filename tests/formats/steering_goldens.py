"""What reference libraries make of options that steer a search; see README.md.

    python steering_goldens.py ../golden

Of models that are there: steering.json beside their golden.json. Sentences are those
of golden.json, options have the names of the engine (tests/golden/steering_test.cc).
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import ctranslate2
import torch
import transformers

from reference_searches import MAX_LENGTH, SENTENCES, without_padding

# Options of the engine, and the same of transformers.
TRANSFORMERS_CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"beam_size": beam, **ours}, {"num_beams": beam, **theirs})
    for beam in (1, 4)
    for ours, theirs in [
        ({"repetition_penalty": 1.5}, {"repetition_penalty": 1.5}),
        ({"repetition_penalty": 0.8}, {"repetition_penalty": 0.8}),
        ({"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 2}),
        ({"no_repeat_ngram_size": 1, "repetition_penalty": 1.2},
         {"no_repeat_ngram_size": 1, "repetition_penalty": 1.2}),
    ]
]
CTRANSLATE2_CASES: list[dict[str, Any]] = [
    {"beam_size": beam, **options}
    for beam in (1, 4)
    for options in [
        {"repetition_penalty": 1.5},
        {"no_repeat_ngram_size": 2},
        {"no_repeat_ngram_size": 1, "repetition_penalty": 1.2},
        {"disable_unk": True},
        {"prefix": [20, 30, 40]},
        # Not with no_repeat_ngram_size, which does not look at a prefix there.
    ]
] + [
    {"beam_size": 4, "patience": 2.0},
    {"beam_size": 3, "coverage_penalty": 0.3},
    {"beam_size": 4, "alternatives": True, "prefix": [20, 30]},
    # CTranslate2 4.8.5 ends the process where min_alternative_expansion_prob leaves fewer.
]


def forbidden(hypothesis: list[int]) -> list[list[int]]:
    """Phrases whose ban changes the search: of what it found without."""
    return [hypothesis[1:3], hypothesis[:1]] if len(hypothesis) > 3 else []


def of_transformers(directory: pathlib.Path, golden: dict[str, Any]) -> list[dict[str, Any]]:
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory).double().eval()
    unpadded = without_padding(directory)
    cases = []
    for index, sentence in enumerate(golden["sentences"][:SENTENCES]):
        source = torch.tensor([sentence["encoder_input"]])
        bans = forbidden(golden["searches"][0]["hypotheses"][index][0]["tokens"])
        all_cases = list(TRANSFORMERS_CASES)
        if bans:
            known = model.generation_config.bad_words_ids or []
            all_cases += [({"beam_size": beam, "must_not_contain": bans},
                           {"num_beams": beam, "bad_words_ids": known + bans})
                          for beam in (1, 4)]
        for options, theirs in all_cases:
            arguments = dict(theirs)
            if "forced_bos_token_id" in sentence:
                arguments["forced_bos_token_id"] = sentence["forced_bos_token_id"]
            def generate(model: Any) -> Any:
                with torch.inference_mode():
                    return model.generate(
                        source, max_length=MAX_LENGTH + 1, do_sample=False,
                        num_return_sequences=options["beam_size"],
                        return_dict_in_generate=True, output_scores=True, **arguments)

            found = generate(model)
            same = generate(unpadded)
            assert torch.equal(found.sequences, same.sequences), options
            scores = same.get("sequences_scores")
            hypotheses = []
            for row, sequence in enumerate(found.sequences.tolist()):
                tokens = sequence[1:]
                eos = model.generation_config.eos_token_id
                end = tokens.index(eos) if eos in tokens else len(tokens)
                hypothesis: dict[str, Any] = {"tokens": tokens[:end]}
                if scores is not None:
                    hypothesis["score"] = float(f"{float(scores[row]):.9g}")
                hypotheses.append(hypothesis)
            cases.append({"sentence": index, "options": options, "hypotheses": hypotheses})
    return cases


def of_ctranslate2(directory: pathlib.Path, golden: dict[str, Any]) -> list[dict[str, Any]]:
    translator = ctranslate2.Translator(str(directory), compute_type="float32")
    read = lambda name: json.loads((directory / f"{name}_vocabulary.json").read_text())
    source_pieces, target_pieces = read("source"), read("target")
    ids = {piece: index for index, piece in enumerate(target_pieces)}
    cases = []
    for index, sentence in enumerate(golden["sentences"][:SENTENCES]):
        # The library adds the end symbol itself.
        pieces = [source_pieces[token] for token in sentence["encoder_input"][:-1]]
        bans = forbidden(golden["searches"][0]["hypotheses"][index][0]["tokens"])
        all_cases = list(CTRANSLATE2_CASES)
        if bans:
            all_cases += [{"beam_size": beam, "must_not_contain": bans} for beam in (1, 4)]
        for options in all_cases:
            theirs = dict(options)
            beam = theirs.pop("beam_size")
            prefix = theirs.pop("prefix", None)
            arguments: dict[str, Any] = {"beam_size": beam, "num_hypotheses": beam}
            if theirs.pop("alternatives", False):
                arguments = {"beam_size": 1, "num_hypotheses": beam,
                             "return_alternatives": True}
            if "must_not_contain" in theirs:
                arguments["suppress_sequences"] = [
                    [target_pieces[token] for token in phrase]
                    for phrase in theirs.pop("must_not_contain")]
            arguments.update(theirs)
            if prefix is not None:
                arguments["target_prefix"] = [[target_pieces[token] for token in prefix]]
            found = translator.translate_batch(
                [pieces], max_decoding_length=MAX_LENGTH, return_scores=True,
                return_attention=beam == 1, **arguments)[0]
            hypotheses = []
            for row, tokens in enumerate(found.hypotheses):
                hypothesis = {"tokens": [ids[piece] for piece in tokens],
                              "score": float(f"{found.scores[row]:.9g}")}
                if found.attention:
                    hypothesis["attention"] = [[float(f"{x:.6g}") for x in one]
                                               for one in found.attention[row]]
                hypotheses.append(hypothesis)
            cases.append({"sentence": index, "options": options, "hypotheses": hypotheses})
    return cases


def targets(golden: dict[str, Any], index: int) -> list[list[int]]:
    """What is scored as translations of a sentence: its own, and that of the next."""
    found = golden["searches"][0]["hypotheses"]
    return [found[index][0]["tokens"], found[(index + 1) % len(found)][0]["tokens"][:12]]


def scores_of_transformers(
    directory: pathlib.Path, golden: dict[str, Any]
) -> list[dict[str, Any]]:
    """By one pass of the decoder over all tokens of a translation."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory).double().eval()
    config = model.generation_config
    cases = []
    for index, sentence in enumerate(golden["sentences"][:SENTENCES]):
        source = torch.tensor([sentence["encoder_input"]])
        for tokens in targets(golden, index):
            labels = torch.tensor(tokens + [config.eos_token_id])
            inputs = torch.tensor([[config.decoder_start_token_id] + tokens])
            with torch.no_grad():
                logits = model(input_ids=source, decoder_input_ids=inputs).logits[0]
            if config.renormalize_logits:  # as a search of the model does
                for (banned,) in config.bad_words_ids:
                    logits[:, banned] = -torch.inf
            scores = torch.log_softmax(logits, -1)[torch.arange(len(labels)), labels]
            if "forced_bos_token_id" in sentence:
                scores[0] = 0.0  # forced: the first of what a search finds
            cases.append({"sentence": index, "target": tokens,
                          "scores": [float(f"{score:.9g}") for score in scores]})
    return cases


def scores_of_ctranslate2(
    directory: pathlib.Path, golden: dict[str, Any]
) -> list[dict[str, Any]]:
    translator = ctranslate2.Translator(str(directory), compute_type="float32")
    read = lambda name: json.loads((directory / f"{name}_vocabulary.json").read_text())
    source_pieces, target_pieces = read("source"), read("target")
    cases = []
    for index, sentence in enumerate(golden["sentences"][:SENTENCES]):
        pieces = [source_pieces[token] for token in sentence["encoder_input"][:-1]]
        for tokens in targets(golden, index):
            (found,) = translator.score_batch([pieces], [[target_pieces[t] for t in tokens]])
            cases.append({"sentence": index, "target": tokens,
                          "scores": [float(f"{score:.9g}") for score in found.log_probs]})
    return cases


def sampling() -> list[dict[str, Any]]:
    """What transformers draws from: its own warpers, in the order of generate()."""
    generator = torch.Generator().manual_seed(3)
    cases = []
    for spread in (0.7, 3.0):
        logits = torch.randn(1, 60, generator=generator, dtype=torch.float64) * spread
        rows = {"logits": [float(f"{x:.6g}") for x in logits[0]], "cases": []}
        logits = torch.tensor([rows["logits"]], dtype=torch.float64)
        for temperature in (1.0, 0.5, 2.0):
            for top_k in (0, 1, 7, 40, 100):
                for top_p in (1.0, 0.9, 0.4):
                    warped = transformers.TemperatureLogitsWarper(temperature)(None, logits)
                    if top_k > 0:
                        warped = transformers.TopKLogitsWarper(top_k)(None, warped)
                    if top_p < 1.0:
                        warped = transformers.TopPLogitsWarper(top_p)(None, warped)
                    probabilities = warped.softmax(-1)[0]
                    rows["cases"].append({
                        "temperature": temperature, "top_k": top_k, "top_p": top_p,
                        "probabilities": [[token, float(f"{p:.5g}")] for token, p in
                                          enumerate(probabilities.tolist()) if p > 0]})
        cases.append(rows)
    return cases


def main() -> None:
    goldens = pathlib.Path(sys.argv[1])
    text = json.dumps(sampling(), separators=(",", ":"))
    (goldens / "sampling.json").write_text(text + "\n")
    for name in ("hf-marian", "hf-m2m100", "ct2-float32"):
        directory = goldens / name
        golden = json.loads((directory / "golden.json").read_text())
        is_ctranslate2 = name.startswith("ct2")
        make = of_ctranslate2 if is_ctranslate2 else of_transformers
        score = scores_of_ctranslate2 if is_ctranslate2 else scores_of_transformers
        cases = make(directory, golden)
        text = json.dumps({"max_length": MAX_LENGTH, "cases": cases,
                           "scores": score(directory, golden)}, separators=(",", ":"))
        (directory / "steering.json").write_text(text + "\n")
        print(name, len(cases), "cases", len(text), "bytes")


if __name__ == "__main__":
    main()
