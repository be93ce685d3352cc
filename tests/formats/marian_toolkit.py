"""Tiny models of Marian in its several forms, with what its equations make of them.

Marian itself is no Python package: marian_reference.py stands for it, and
marian_files.py writes the files that it would write.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from typing import Any

import numpy as np
import sentencepiece as spm

import corpus
import golden_file
import marian_files
import marian_reference
from golden_file import numbers

FORCED_TOKENS = 9
EOS, UNK = 0, 1
# Marian's SentencePiece models.
PIECES = {"eos_id": EOS, "unk_id": UNK, "bos_id": -1, "pad_id": -1}
FIRST, BEST = 20, 8  # of the shortlists

POST_NORM = {"transformer-preprocess": "", "transformer-postprocess": "dan",
             "transformer-postprocess-top": ""}
PRE_NORM = {"transformer-preprocess": "n", "transformer-postprocess": "da",
            "transformer-postprocess-top": "n"}
# marian-decoder's own; a student without a configuration has another program's.
DECODER = {"beam-size": 12, "normalize": 0.0, "word-penalty": 0.0, "max-length-factor": 3.0}
STUDENT_DECODER = {**DECODER, "beam-size": 1, "normalize": 1.0, "max-length-factor": 2.0}


@dataclasses.dataclass
class Form:
    settings: dict[str, Any]  # of special:model.yml
    decoder: dict[str, Any]  # of decoder.yml; empty: there is none
    scripts: tuple[tuple[str, ...], tuple[str, ...]]
    weights: str = "model.npz"
    vocabulary: str = "spm"  # spm, one for both; or yml, two with SentencePiece; or words
    quantised: bool = False
    legacy_output: bool = False  # not transposed, as models of old have it
    shortlist: str = ""
    pieces: int = 100
    rows: int = 0  # of the embeddings, where they are more than pieces


FORMS = {
    # The depth of transformer-base; all embeddings tied.
    "marian-base": Form(
        {"dim-emb": 16, "enc-depth": 6, "dec-depth": 6, "transformer-heads": 2,
         "transformer-dim-ffn": 32, "transformer-ffn-activation": "relu",
         "tied-embeddings-all": True, "guided-alignment": "none", **POST_NORM},
        {"beam-size": 4, "normalize": 0.6}, (("latin", "accented"), ("latin", "accented"))),
    # As OPUS models are published; nothing tied; pre-norm.
    "marian-pre": Form(
        {"dim-emb": 24, "enc-depth": 3, "dec-depth": 2, "transformer-heads": 3,
         "transformer-dim-ffn": 32, "transformer-decoder-dim-ffn": 40,
         "transformer-ffn-activation": "swish", **PRE_NORM},
        {"beam-size": 6, "normalize": 1, "word-penalty": 0.2, "max-length-factor": 2},
        (("latin", "cyrillic"), ("greek",)), vocabulary="yml", weights="opus.model.npz"),
    # A student of Firefox Translations: SSRU, int8 with alphas, no configuration.
    "marian-student": Form(
        {"dim-emb": 16, "enc-depth": 6, "dec-depth": 2, "transformer-heads": 2,
         "transformer-dim-ffn": 24, "transformer-ffn-activation": "relu",
         "transformer-decoder-autoreg": "rnn", "dec-cell": "ssru",
         "tied-embeddings-all": True, "guided-alignment": "none",
         "transformer-guided-alignment-layer": "last", **POST_NORM},
        {}, (("latin", "greek"), ("latin", "greek")),
        weights="model.xxyy.intgemm.alphas.bin", quantised=True,
        shortlist="lex.50.50.xxyy.s2t.bin"),
    # AAN and Marian's GELU; words for tokens; a list of pairs as shortlist.
    "marian-aan": Form(
        {"dim-emb": 20, "enc-depth": 2, "dec-depth": 3, "transformer-heads": 4,
         "transformer-dim-ffn": 28, "transformer-ffn-activation": "gelu",
         "transformer-decoder-autoreg": "average-attention", "transformer-aan-depth": 2,
         "transformer-dim-aan": 32, "transformer-aan-activation": "gelu",
         "tied-embeddings": True, **POST_NORM},
        {"beam-size": 3, "normalize": 1.0}, (("cyrillic",), ("latin",)),
        weights="model.bin", vocabulary="words", shortlist="lex.s2t"),
    # Pre-norm without a norm at the end, a table of positions, tied layers, an output
    # as models of old have it.
    "marian-plain": Form(
        {"dim-emb": 18, "enc-depth": 2, "dec-depth": 3, "transformer-heads": 3,
         "transformer-dim-ffn": 24, "transformer-ffn-activation": "swish",
         "transformer-train-positions": True, "transformer-tied-layers": [1, 2, 1],
         "tied-embeddings-src": True, **PRE_NORM, "transformer-postprocess-top": ""},
        {"beam-size": 5, "normalize": 0.8}, (("latin",), ("latin",)), legacy_output=True),
}
SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 4, "length_penalty": 0.0},
    {"beam_size": 3, "length_penalty": 1.5},
]


def fill(form: Form, sizes: tuple[int, int], seed: int) -> marian_files.Arrays:
    """Random weights of a size at which decisions are no coin flips and searches end."""
    random = np.random.default_rng(seed)
    settings = form.settings
    dim, ffn = settings["dim-emb"], settings["transformer-dim-ffn"]
    arrays: marian_files.Arrays = {}

    def matrix(name: str, rows: int, columns: int, fan_in: int | None = None) -> None:
        spread = 0.9 * (fan_in or rows) ** -0.5
        arrays[name] = (random.normal(size=(rows, columns)) * spread).astype(np.float32)

    def vector(name: str, size: int, middle: float = 0.0) -> None:
        arrays[name] = (middle + random.normal(size=(1, size)) * 0.1).astype(np.float32)

    def dense(prefix: str, suffix: str, rows: int, columns: int) -> None:
        matrix(f"{prefix}_W{suffix}", rows, columns)
        vector(f"{prefix}_b{suffix}", columns)

    def norm(before: str, after: str = "") -> None:
        name, suffix = ((before, "_pre") if settings["transformer-preprocess"] == "n"
                        else (after or before, ""))
        vector(f"{name}_ln_scale{suffix}", dim, 1.0)
        vector(f"{name}_ln_bias{suffix}", dim)

    def attention(prefix: str) -> None:
        for letter in "qkvo":
            dense(prefix, letter, dim, dim)
        norm(f"{prefix}_Wo")

    def feed_forward(prefix: str, width: int) -> None:
        dense(prefix, "1", dim, width)
        dense(prefix, "2", width, dim)
        norm(f"{prefix}_ffn")

    def state(layer: str) -> None:
        kind = settings.get("transformer-decoder-autoreg", "self-attention")
        if kind == "rnn":
            matrix(f"{layer}_rnn_W", dim, dim)
            dense(f"{layer}_rnn", "f", dim, dim)
            norm(f"{layer}_rnn", f"{layer}_rnn_ffn")
        elif kind == "average-attention":
            feed_forward(f"{layer}_aan", settings["transformer-dim-aan"])
            dense(f"{layer}_aan", "i", dim, dim)
            dense(f"{layer}_aan", "f", dim, dim)
        else:
            attention(f"{layer}_self")

    for n in range(1, settings["enc-depth"] + 1):
        attention(f"encoder_l{n}_self")
        feed_forward(f"encoder_l{n}_ffn", ffn)
    for n in sorted(set(settings.get("transformer-tied-layers")
                        or range(1, settings["dec-depth"] + 1))):
        state(f"decoder_l{n}")
        attention(f"decoder_l{n}_context")
        feed_forward(f"decoder_l{n}_ffn", settings.get("transformer-decoder-dim-ffn") or ffn)
    if settings["transformer-postprocess-top"] == "n":
        for stack in ("encoder", "decoder"):
            vector(f"{stack}_top_ln_scale", dim, 1.0)
            vector(f"{stack}_top_ln_bias", dim)
    tables(form, sizes, matrix)
    vector("decoder_ff_logit_out_b", sizes[1])
    arrays["decoder_ff_logit_out_b"][0, EOS] = 1.5  # so that searches end
    return arrays


def tables(form: Form, sizes: tuple[int, int], matrix: Any) -> None:
    settings, dim = form.settings, form.settings["dim-emb"]
    if settings.get("tied-embeddings-all") or settings.get("tied-embeddings-src"):
        matrix("Wemb", sizes[0], dim, dim)
    else:
        matrix("encoder_Wemb", sizes[0], dim, dim)
        matrix("decoder_Wemb", sizes[1], dim, dim)
    if settings.get("transformer-train-positions"):
        matrix("Wpos", 64, dim, dim)
    if not (settings.get("tied-embeddings-all") or settings.get("tied-embeddings")):
        if form.legacy_output:
            matrix("decoder_ff_logit_out_W", dim, sizes[1])
        else:
            matrix("decoder_ff_logit_out_Wt", sizes[1], dim, dim)


class Vocabulary:
    """Texts to tokens, as Marian or what is called before it does it."""

    def __init__(self, pieces: list[str], splitter: spm.SentencePieceProcessor | None) -> None:
        self.pieces, self.splitter = pieces, splitter
        self.ids = {piece: id for id, piece in enumerate(pieces)}

    def encode(self, text: str) -> list[int]:
        tokens = self.splitter.encode(text, out_type=str) if self.splitter else text.split()
        return [self.ids.get(token, UNK) for token in tokens]

    def decode(self, ids: list[int]) -> str:
        tokens = [self.pieces[id] for id in ids]
        text = self.splitter.decode_pieces(tokens) if self.splitter else " ".join(tokens)
        return text.strip()


def vocabularies(directory: pathlib.Path, form: Form) -> tuple[Vocabulary, Vocabulary]:
    if form.vocabulary == "spm":
        path = directory / ("vocab.xxyy.spm" if form.quantised else "vocab.spm")
        lines = corpus.Words(form.scripts[0], seed=2).sentences(2000)
        model = corpus.train(path, lines, form.pieces, **PIECES)
        pieces = [model.id_to_piece(id) for id in range(model.get_piece_size())]
        both = Vocabulary(pieces, model)
        return both, both
    sides = []
    for side, scripts in zip(("source", "target"), form.scripts):
        words = corpus.Words(scripts, seed=2)
        if form.vocabulary == "words":
            tokens = sorted({word for line in words.sentences(100) for word in line.split()})
            side_model = None
        else:
            side_model = corpus.train(directory / f"{side}.spm", words.sentences(2000),
                                      form.pieces)
            tokens = [side_model.id_to_piece(id) for id in range(side_model.get_piece_size())
                      if side_model.id_to_piece(id) not in ("<s>", "</s>", "<unk>")]
        pieces = ["</s>", "<unk>", *tokens[:form.pieces], '"', "\\", "<s>"]
        pieces = list(dict.fromkeys(pieces))
        marian_files.write_vocabulary(directory / f"{side}.vocab.yml", pieces)
        sides.append(Vocabulary(pieces, side_model))
    return sides[0], sides[1]


def write_shortlist(directory: pathlib.Path, form: Form, source: Vocabulary,
                    target: Vocabulary) -> None:
    random = np.random.default_rng(4)
    lists = [sorted(random.choice(len(target.pieces), BEST, replace=False).tolist())
             for _ in source.pieces]
    if form.shortlist.endswith(".bin"):
        marian_files.write_binary_shortlist(directory / form.shortlist, lists, FIRST, BEST)
        return
    lines = [f"{target.pieces[id]} {source.pieces[word]} {0.9 / (rank + 1):.4f}\n"
             for word, one in enumerate(lists) for rank, id in enumerate(one)]
    (directory / form.shortlist).write_text("".join(lines) + f"NULL {source.pieces[5]} 0.5\n",
                                            encoding="utf-8")


def write_decoder(directory: pathlib.Path, form: Form) -> None:
    if not form.decoder:
        return
    names = (["vocab.spm"] * 2 if form.vocabulary == "spm"
             else ["source.vocab.yml", "target.vocab.yml"])
    settings = {"relative-paths": True, "models": [form.weights], "vocabs": names,
                **form.decoder, "mini-batch": 16, "cpu-threads": 1}
    if form.shortlist:
        settings["shortlist"] = [form.shortlist, FIRST, BEST, 0]
    (directory / "decoder.yml").write_text(marian_files.yaml_text(settings))


def make_model(directory: pathlib.Path, form: Form, seed: int
               ) -> tuple[marian_files.Arrays, Vocabulary, Vocabulary]:
    """Writes the directory; the parameters are those that its files stand for."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    source, target = vocabularies(directory, form)
    sizes = [max(form.rows, len(side.pieces)) for side in (source, target)]
    arrays = fill(form, (sizes[0], sizes[1]), seed)
    settings = marian_files.yaml_text(
        {"type": "transformer", "version": "v1.12.0 65bf82ff 2023-02-20 09:56:29 -0800",
         "dim-vocabs": sizes,
         "input-types": [], "transformer-tied-layers": [], "transformer-ffn-depth": 2,
         **form.settings})
    path = directory / form.weights
    if path.suffix == ".npz":
        marian_files.write_npz(path, arrays, settings)
    else:
        marian_files.write_binary(path, arrays, settings, form.quantised)
    write_decoder(directory, form)
    if form.shortlist:
        write_shortlist(directory, form, source, target)
    return (marian_files.dequantised(arrays) if form.quantised else arrays), source, target


def search(model: marian_reference.Model, form: Form, sources: list[list[int]],
           options: dict[str, Any], target: Vocabulary) -> dict[str, Any]:
    """`options` in the words of golden.json; what they leave out is the model's own."""
    settings = {**(DECODER if form.decoder else STUDENT_DECODER), **form.decoder}
    settings["beam-size"] = options.get("beam_size", settings["beam-size"])
    settings["normalize"] = options.get("length_penalty", settings["normalize"])
    hypotheses = []
    for source in sources:
        found = marian_reference.search(model, source, EOS, [UNK], settings)
        for one in found:
            one["score"] = numbers(one["score"])
            one["text"] = target.decode(one["tokens"])
        hypotheses.append(found)
    return {"options": options, "hypotheses": hypotheses}


def tokens_of(searches: list[dict[str, Any]]) -> list[list[list[list[int]]]]:
    return [[[one["tokens"] for one in ranked] for ranked in found["hypotheses"]]
            for found in searches]


def close(searches: list[dict[str, Any]]) -> bool:
    """Whether the order of an n-best list hangs by a hair."""
    return any(first["score"] - second["score"] < 1e-4
               for one in searches for ranked in one["hypotheses"]
               for first, second in zip(ranked, ranked[1:]))


def golden(form: Form, arrays: marian_files.Arrays, source: Vocabulary,
           target: Vocabulary) -> dict[str, Any] | None:
    texts = [*corpus.Words(form.scripts[0], seed=2).sentences(6, 7), "ꙮ ж x"]
    sources = [[*source.encode(text), EOS] for text in texts]
    single = marian_reference.Model(arrays, form.settings, np.float32)
    double = marian_reference.Model(arrays, form.settings, np.float64)
    searches = [search(double, form, sources, options, target) for options in SEARCHES]
    again = [search(single, form, sources, options, target) for options in SEARCHES]
    if close(searches) or tokens_of(searches) != tokens_of(again):
        return None
    result: dict[str, Any] = {"sentences": [], "forced": [], "searches": searches}
    for text, ids in zip(texts, sources):
        rows = sorted({0, len(ids) // 2, len(ids) - 1})
        result["sentences"].append({
            "text": text, "encoder_input": ids,
            "encoder_output": {"rows": rows, "values": numbers(double.encode(ids)[rows])}})
    random = np.random.default_rng(5)
    size = len(target.pieces)
    for index in (1, len(sources) - 1):
        prefix = random.integers(size, size=FORCED_TOKENS).tolist()
        logits = double.decode(double.encode(sources[index]), [prefix])[0]
        # The decoder starts from zeros: with us, the token after the last.
        result["forced"].append({"sentence": index, "decoder_input": [size, *prefix],
                                 "columns": list(range(size)), "logits": numbers(logits)})
    return result


def make_all(root: pathlib.Path) -> None:
    for name, form in FORMS.items():
        for seed in range(1, 50):
            arrays, source, target = make_model(root / name, form, seed)
            made = golden(form, arrays, source, target)
            if made is not None:
                golden_file.write(root / name, made)
                print(f"{name}: seed {seed}")
                break
        else:
            raise SystemExit(f"{name}: every seed has a decision that is too close")
