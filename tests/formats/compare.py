"""Compares models of published sizes, random weights, with the reference library.

    ninja -C build/release model_probe
    python tests/formats/compare.py build/release/bin/model_probe opus-mt
    python tests/formats/compare.py build/release/bin/model_probe --ctranslate2=DIR

What is too large to be committed as a golden: the exact configurations of models that
people have, and thousands of lines for the tokenizer; and any model of CTranslate2
without a tokenizer. Prints the largest deviations; fails where they are above 1e-4 of
the largest value of a row, or a token differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import random
import tempfile
from typing import Any, Callable

import ctranslate2
import numpy as np
import torch
from transformers import MarianMTModel, MarianTokenizer, PreTrainedModel, PreTrainedTokenizerBase

import corpus
import hugging_face
import m2m100
import marian
from probe import Probe

TOLERANCE = 1e-4
LINES = 4000
SEQUENCES = 300
SCRIPTS = (("latin", "accented", "cyrillic", "arabic"), ("greek", "devanagari", "han", "thai"))

OPUS_MT = marian.Form(
    {"d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn_dim": 2048,
     "decoder_ffn_dim": 2048, "encoder_attention_heads": 8, "decoder_attention_heads": 8,
     "activation_function": "swish", "scale_embedding": True, "max_position_embeddings": 512},
    {"num_beams": 4, "max_length": 512, "forced_eos": True, "renormalize_logits": True,
     "bad_words": True},
    SCRIPTS, 2000, eos_bias=4.0)
OPUS_MT_VOCABULARY = 58101


def make_opus_mt(directory: pathlib.Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    marian.write_vocabularies(directory, OPUS_MT, seed=3, vocabulary=OPUS_MT_VOCABULARY,
                              normalization_rule_name="nmt_nfkc")
    tokenizer = marian.load_tokenizer(directory, OPUS_MT)
    model = marian.build(OPUS_MT, tokenizer, seed=3)
    hugging_face.save(model, directory, torch.float32)
    tokenizer.save_pretrained(directory)
    return (MarianMTModel.from_pretrained(directory, dtype=torch.float32).eval(),
            MarianTokenizer.from_pretrained(directory))


def make_opus_mt_torch(stream: bool) -> Callable[
        [pathlib.Path], tuple[PreTrainedModel, PreTrainedTokenizerBase]]:
    """The same with its weights as pytorch_model.bin, as most of them are published."""
    def make(directory: pathlib.Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        model, tokenizer = make_opus_mt(directory)
        (directory / "model.safetensors").unlink()
        torch.save(model.state_dict(), directory / "pytorch_model.bin",
                   _use_new_zipfile_serialization=not stream)
        return model, tokenizer
    return make


NLLB_600M = m2m100.Form(
    {"d_model": 1024, "encoder_layers": 12, "decoder_layers": 12, "encoder_ffn_dim": 4096,
     "decoder_ffn_dim": 4096, "encoder_attention_heads": 16, "decoder_attention_heads": 16,
     "max_position_embeddings": 1024},
    {"num_beams": 4, "max_length": 200}, "nllb",
    (("eng_Latn", "zho_Hans"), ("rus_Cyrl", "eng_Latn")), tuple(corpus.ALPHABETS),
    languages=("eng_Latn", "rus_Cyrl", "zho_Hans"), pieces=2000,
    options={"normalization_rule_name": "nmt_nfkc"}, vocabulary=256206)
SMALL = {"d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 128,
         "decoder_ffn_dim": 128, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
         "max_position_embeddings": 1024}
# Other tokenizers: SentencePiece's own file, and M2M100's.
NLLB_MODEL = dataclasses.replace(NLLB_600M, architecture=SMALL, tokenizer="nllb-model",
                                 legacy=True, vocabulary=0)
M2M100 = dataclasses.replace(NLLB_600M, architecture=SMALL, tokenizer="m2m100",
                             pairs=(("en", "zh"), ("ru", "en")), vocabulary=0)
# As mbart-large-50-many-to-many-mmt.
MBART50 = dataclasses.replace(
    NLLB_600M, tokenizer="mbart50", pairs=(("en_XX", "zh_CN"), ("ru_RU", "en_XX")),
    architecture={**NLLB_600M.architecture, "activation_function": "gelu"},
    generation={"num_beams": 5, "max_length": 200, "early_stopping": True,
                "forced_eos_token_id": 2},
    options={"normalization_rule_name": "nmt_nfkc", "model_type": "unigram"},
    vocabulary=250054)


def make_m2m100(form: m2m100.Form) -> Callable[
        [pathlib.Path], tuple[PreTrainedModel, PreTrainedTokenizerBase]]:
    def make(directory: pathlib.Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        tokenizer = m2m100.make_tokenizer(directory, form, seed=3)
        model = m2m100.build(form, tokenizer, seed=3)
        m2m100.save(model, directory, form)
        return model.eval(), tokenizer
    return make


@dataclasses.dataclass
class Case:
    make: Callable[[pathlib.Path], tuple[PreTrainedModel, PreTrainedTokenizerBase]]
    pairs: tuple[tuple[str, str] | None, ...] = (None,)  # of languages
    sentences: int = 8
    max_length: int = 60


CASES = {
    "opus-mt": Case(make_opus_mt),
    "opus-mt-torch": Case(make_opus_mt_torch(stream=False)),
    "opus-mt-stream": Case(make_opus_mt_torch(stream=True)),
    "mbart50": Case(make_m2m100(MBART50), MBART50.pairs, sentences=4, max_length=24),
    "nllb-600m": Case(make_m2m100(NLLB_600M), NLLB_600M.pairs, sentences=4, max_length=24),
    "nllb-model": Case(make_m2m100(NLLB_MODEL), NLLB_MODEL.pairs),
    "m2m100": Case(make_m2m100(M2M100), M2M100.pairs),
}


def deviation(found: Any, expected: Any) -> float:
    """Largest difference, as a share of the largest magnitude of its row."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    finite = np.isfinite(found)
    scale = np.abs(expected).max(axis=-1, keepdims=True)
    return float((np.where(finite, np.abs(found - expected), 0) / scale).max())


def tokens_of(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Without what is added to the text."""
    ids = tokenizer(text, add_special_tokens=False).input_ids
    space = tokenizer.convert_tokens_to_ids("\u2581")
    # SentencePiece drops white space at the end; transformers 5 keeps it for some.
    keeps = any(name in type(tokenizer).__name__ for name in ("Nllb", "MBart50"))
    return ids[:-1] if keeps and ids and ids[-1] == space else ids


def compare_text(probe: Probe, tokenizer: PreTrainedTokenizerBase) -> int:
    """Lines whose tokens, or whose text made of the tokens again, differ."""
    words = corpus.Words(tuple(corpus.ALPHABETS), seed=7)
    generator = random.Random(7)
    lines = [line for line in corpus.ODD_LINES if "</s>" not in line]
    lines += words.sentences(LINES)
    lines += ["".join(generator.choices("".join(corpus.ALPHABETS.values()) + "  .,\u00e9\u4e00ß",
                                        k=generator.randint(1, 60))) for _ in range(LINES // 4)]
    differing = 0
    for line in lines:
        expected = tokens_of(tokenizer, line)
        found = probe.ask(text=line)["ids"]
        text = hugging_face.decode(tokenizer, expected)
        if found != expected or probe.ask(ids=expected)["text"] != text:
            differing += 1
            if differing <= 5:
                print(f"  {line!r}: found {found}, expected {expected}; {text!r}")
    print(f"  {len(lines)} lines, {differing} differ")
    return differing


def compare_model(probe: Probe, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase,
                  case: Case) -> bool:
    texts = corpus.Words(SCRIPTS[0], seed=3).sentences(case.sentences, max_words=20)
    worst = {"encoder output": 0.0, "logits": 0.0}
    config = model.generation_config
    added = 1 + (config.forced_eos_token_id is not None)
    same = total = 0
    for index, text in enumerate(texts):
        source = hugging_face.encode(tokenizer, text, case.pairs[index % len(case.pairs)])
        tensor = torch.tensor([source.ids])
        with torch.no_grad():
            states = model.get_encoder()(tensor).last_hidden_state[0].numpy()
            prefix = [config.decoder_start_token_id] + source.ids[::-1][:12]
            logits = model(input_ids=tensor,
                           decoder_input_ids=torch.tensor([prefix])).logits[0].numpy()
        answer = probe.ask(encoder_input=source.ids)
        worst["encoder output"] = max(worst["encoder output"],
                                      deviation(answer["encoder_output"], states))
        answer = probe.ask(encoder_input=source.ids, decoder_input=prefix)
        worst["logits"] = max(worst["logits"], deviation(
            [[np.nan if value is None else value for value in row] for row in answer["logits"]],
            logits))
        for beam in (1, 4):
            expected = hugging_face.hypotheses(
                model, tokenizer, source.ids,
                {"num_beams": beam, "max_length": case.max_length, **source.settings()})
            request = {"languages": source.languages} if source.languages else {}
            found = probe.ask(source=tokens_of(tokenizer, text), beam_size=beam,
                              max_length=case.max_length - added, **request)["hypotheses"]
            total += 1
            same += [h["tokens"] for h in found] == [h["tokens"] for h in expected]
    for what, value in worst.items():
        print(f"  {what}: largest deviation {value:.2g} of the row's largest value")
    print(f"  n-best lists of beams 1 and 4: {same} of {total} identical", flush=True)
    return max(worst.values()) <= TOLERANCE and same == total


def compare_ctranslate2(program: pathlib.Path, directory: pathlib.Path) -> bool:
    """Random token sequences, greedy and with beams, as CTranslate2 translates them."""
    translator = ctranslate2.Translator(str(directory), compute_type="float32", intra_threads=1)
    probe = Probe(program, directory)
    vocabulary = next(directory.glob("source_vocabulary.*")).read_text(encoding="utf-8")
    pieces = (json.loads(vocabulary) if vocabulary.startswith("[") else vocabulary.split("\n"))
    pieces = [piece for piece in pieces if piece.strip() == piece and piece][3:]
    generator = random.Random(1)
    same = total = 0
    worst = 0.0
    for _ in range(SEQUENCES):
        source = generator.choices(pieces, k=generator.randint(1, 12))
        ids = probe.ask(text=" ".join(source))["ids"]
        for beam in (1, 2, 5):
            expected = translator.translate_batch([source], beam_size=beam, num_hypotheses=beam,
                                                  return_scores=True, max_decoding_length=40)[0]
            found = probe.ask(source=ids, beam_size=beam, max_length=40)["hypotheses"]
            total += 1
            texts = [probe.ask(ids=hypothesis["tokens"])["text"] for hypothesis in found]
            if texts == [" ".join(tokens) for tokens in expected.hypotheses]:
                same += 1
                worst = max([worst, *(abs(score - hypothesis["score"]) for score, hypothesis
                                      in zip(expected.scores, found))])
    probe.close()
    print(f"{directory.name}: n-best lists of beams 1, 2 and 5: {same} of {total} identical, "
          f"largest difference of a score {worst:.2g}")
    return same == total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", type=pathlib.Path, help="the program model_probe")
    parser.add_argument("models", nargs="*", choices=[*CASES, []])
    parser.add_argument("--ctranslate2", type=pathlib.Path, help="a model directory")
    arguments = parser.parse_args()
    good = True
    if arguments.ctranslate2:
        good &= compare_ctranslate2(arguments.probe, arguments.ctranslate2)
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as directory:
            model, tokenizer = CASES[name].make(pathlib.Path(directory))
            print(f"{name}: {model.num_parameters():,} parameters")
            probe = Probe(arguments.probe, pathlib.Path(directory))
            good &= compare_text(probe, tokenizer) == 0
            good &= compare_model(probe, model, tokenizer, CASES[name])
            probe.close()
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
