"""Tiny CTranslate2 models of several forms and precisions, made by its own library."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

import corpus
import golden_file
from golden_file import numbers

BOS, EOS, UNK = "<s>", "</s>", "<unk>"
MAX_LENGTH = 24


@dataclasses.dataclass
class Form:
    layers: tuple[int, int]
    heads: int
    width: int
    ffn: int
    precision: str
    pre_norm: bool = True
    activation: common_spec.Activation = common_spec.Activation.RELU
    shared: bool = False  # one vocabulary and one table for both sides and the output
    positions: int = 0  # rows of a table, 0 for computed ones
    scale_embeddings: bool = True
    add_source_bos: bool = False
    add_source_eos: bool = True
    sentencepiece: bool = False
    vocab_size: int = 120


FORMS = {
    "ct2-float32": Form((2, 2), 4, 32, 48, "float32", sentencepiece=True),
    "ct2-int8-shared": Form((3, 1), 2, 32, 64, "int8", pre_norm=False, shared=True,
                            activation=common_spec.Activation.SWISH, sentencepiece=True,
                            positions=64, add_source_bos=True),
    "ct2-int16": Form((1, 2), 3, 24, 40, "int16", activation=common_spec.Activation.GELU,
                      scale_embeddings=False, add_source_eos=False),
    "ct2-float16": Form((2, 1), 1, 16, 24, "float16", positions=48),
}
SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 4, "length_penalty": 0.4},
    {"beam_size": 3, "length_penalty": 2.0},
]


def fill(spec: transformer_spec.TransformerSpec, form: Form, sizes: tuple[int, int],
         random: np.random.Generator) -> None:
    """Random weights of a size at which decisions are no coin flips."""
    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.normal(size=(rows, columns)) * 0.9 * columns ** -0.5).astype(np.float32)

    def linear(one: common_spec.LinearSpec, rows: int, columns: int) -> None:
        one.weight = matrix(rows, columns)
        one.bias = (random.normal(size=rows) * 0.1).astype(np.float32)

    def norm(one: common_spec.LayerNormSpec) -> None:
        one.gamma = random.uniform(0.7, 1.3, form.width).astype(np.float32)
        one.beta = (random.normal(size=form.width) * 0.1).astype(np.float32)

    def attention(one: Any, projections: list[int]) -> None:
        norm(one.layer_norm)
        for index, parts in enumerate(projections):
            linear(one.linear[index], parts * form.width, form.width)

    for stack, size in ((spec.encoder, sizes[0]), (spec.decoder, sizes[1])):
        embeddings = stack.embeddings[0] if stack is spec.encoder else stack.embeddings
        embeddings.weight = matrix(size, form.width)
        stack.scale_embeddings = form.scale_embeddings
        if form.positions:
            stack.position_encodings.encodings = matrix(form.positions, form.width)
        if form.pre_norm:
            norm(stack.layer_norm)
        for layer in stack.layer:
            attention(layer.self_attention, [3, 1])
            if stack is spec.decoder:
                attention(layer.attention, [1, 2, 1])
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, form.ffn, form.width)
            linear(layer.ffn.linear_1, form.width, form.ffn)
    linear(spec.decoder.projection, sizes[1], form.width)
    if form.shared:
        spec.decoder.embeddings.weight = spec.encoder.embeddings[0].weight
        spec.decoder.projection.weight = spec.encoder.embeddings[0].weight
    # So that searches end.
    spec.decoder.projection.bias[2] = 1.2


def vocabularies(directory: pathlib.Path, form: Form) -> tuple[list[str], list[str]]:
    sides = []
    for side, scripts in (("source", ("latin", "cyrillic")), ("target", ("greek",))):
        path = directory / f"{side}.spm"
        model = corpus.train(path, corpus.Words(scripts, seed=2).sentences(2000),
                             form.vocab_size)
        sides.append([model.id_to_piece(id) for id in range(model.get_piece_size())])
        if not form.sentencepiece:
            path.unlink()
    if form.shared:
        sides = [list(dict.fromkeys(sides[0] + sides[1]))] * 2
    return sides[0], sides[1]


def make_model(directory: pathlib.Path, form: Form, seed: int) -> tuple[list[str], list[str]]:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    source, target = vocabularies(directory, form)
    # Ordered as the trainer has them: <unk>, <s>, </s>.
    assert target[:3] == [UNK, BOS, EOS]
    spec = transformer_spec.TransformerSpec.from_config(
        form.layers, form.heads, pre_norm=form.pre_norm, activation=form.activation)
    fill(spec, form, (len(source), len(target)), np.random.default_rng(seed))
    spec.register_source_vocabulary(source)
    spec.register_target_vocabulary(target)
    spec.config.add_source_bos = form.add_source_bos
    spec.config.add_source_eos = form.add_source_eos
    spec.config.decoder_start_token = BOS
    spec.validate()
    spec.optimize(quantization=form.precision)
    spec.save(str(directory))
    return source, target


def search(translator: ctranslate2.Translator, sources: list[list[str]],
           target: dict[str, int], options: dict[str, Any]) -> dict[str, Any]:
    settings = {"max_decoding_length": MAX_LENGTH}
    if "length_penalty" in options:
        settings["length_penalty"] = options["length_penalty"]
    if "beam_size" in options:
        settings["beam_size"] = options["beam_size"]
    beam = options.get("beam_size", 2)
    hypotheses = []
    for source in sources:
        result = translator.translate_batch([source], num_hypotheses=beam, return_scores=True,
                                            return_end_token=True, **settings)[0]
        found = []
        for tokens, score in zip(result.hypotheses, result.scores):
            ended = tokens[-1] == EOS
            tokens = tokens[:-1] if ended else tokens
            found.append({"tokens": [target[token] for token in tokens],
                          "truncated": not ended, "score": numbers(score)})
        hypotheses.append(found)
    return {"options": {**options, "max_length": [MAX_LENGTH] * len(sources)},
            "hypotheses": hypotheses}


def close(searches: list[dict[str, Any]]) -> bool:
    """Whether the order of an n-best list hangs by a hair."""
    return any(first["score"] - second["score"] < 1e-4
               for one in searches for ranked in one["hypotheses"]
               for first, second in zip(ranked, ranked[1:]))


def golden(directory: pathlib.Path, form: Form, source: list[str],
           target: list[str]) -> dict[str, Any]:
    translator = ctranslate2.Translator(str(directory), compute_type="float32", intra_threads=1)
    source_ids = {piece: id for id, piece in enumerate(source)}
    target_ids = {piece: id for id, piece in enumerate(target)}
    random = np.random.default_rng(3)
    texts, sentences = [], []
    if form.sentencepiece:
        import sentencepiece as spm
        pieces = spm.SentencePieceProcessor(model_file=str(directory / "source.spm"))
        texts = [*corpus.Words(("latin", "cyrillic"), seed=2).sentences(8), "ꙮ ж x"]
        sentences = [pieces.encode(text, out_type=str) for text in texts]
    else:
        sentences = [[source[id] for id in random.integers(3, len(source), length)]
                     for length in (1, 2, 3, 5, 8, 13, 21)] + [["no-such-token", source[5]]]
        texts = [" ".join(sentence) for sentence in sentences]
    searches = [search(translator, sentences, target_ids, options) for options in SEARCHES]
    if close(searches):
        raise golden_file.TooClose
    result: dict[str, Any] = {"sentences": [], "forced": [], "searches": searches}
    for text, sentence in zip(texts, sentences):
        ids = [source_ids.get(piece, source_ids[UNK]) for piece in sentence]
        result["sentences"].append({
            "text": text,
            "encoder_input": [source_ids[BOS]] * form.add_source_bos + ids
                             + [source_ids[EOS]] * form.add_source_eos})
    for index in (1, len(sentences) - 1):
        found = translator.translate_batch([sentences[index]], beam_size=1,
                                           max_decoding_length=10, min_decoding_length=0,
                                           return_logits_vocab=True)[0]
        tokens = [target_ids[token] for token in found.hypotheses[0]]
        logits = np.stack([np.asarray(step) for step in found.logits[0]])[:len(tokens) + 1]
        result["forced"].append({"sentence": index,
                                 "decoder_input": [target_ids[BOS], *tokens][:len(logits)],
                                 "columns": list(range(len(target))),
                                 "logits": numbers(logits)})
    return result


def make_all(root: pathlib.Path) -> None:
    for name, form in FORMS.items():
        def make(seed: int, directory: pathlib.Path = root / name,
                 form: Form = form) -> dict[str, Any]:
            return golden(directory, form, *make_model(directory, form, seed))

        golden_file.write_first(root / name, range(1, 50), make)
