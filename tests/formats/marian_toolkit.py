"""Tiny models of Marian in its several forms: trained, saved and judged by Marian itself.

Marian trains a model for some updates on a made-up language, and so makes its files. Its
parameters then become random ones of a size at which decisions are no coin flips and
searches branch and end. What the engine must find are the n-best lists of `marian-decoder` and the
log-probabilities of `marian-scorer`. Of models of integers they are those of the floats
that the integers stand for: Marian rounds activations, too, and we do not.
"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import re
import shutil
import tempfile
from typing import Any

import numpy as np

import corpus
import golden_file
import marian_program

EOS, UNK = 0, 1
# Marian's SentencePiece models.
PIECES = {"eos_id": EOS, "unk_id": UNK, "bos_id": -1, "pad_id": -1}
FIRST, BEST = 11, 6  # of the shortlists: odd, so that there is something to fill up
UPDATES = 3
CLOSE = 1e-4
GELU = 1.702  # until 1.12.2, GELU was x * sigmoid(1.702 x)
OLD_VERSION = "version: v1.12.0 65bf82ff 2023-02-20 09:56:29 -0800"

PRE_NORM = {"transformer-preprocess": "n", "transformer-postprocess": "da",
            "transformer-postprocess-top": "n"}
# marian-decoder's own; a student without a configuration has another program's.
DECODER = {"beam-size": 12, "normalize": 0.0, "word-penalty": 0.0, "max-length-factor": 3.0}
STUDENT_DECODER = {**DECODER, "beam-size": 1, "normalize": 1.0, "max-length-factor": 2.0}


@dataclasses.dataclass
class Form:
    settings: dict[str, Any]  # of the training
    decoder: dict[str, Any]  # of decoder.yml; empty: there is none
    scripts: tuple[tuple[str, ...], tuple[str, ...]]
    weights: str = "model.npz"
    vocabulary: str = "spm"  # spm, one for both; or yml, two with SentencePiece; or words
    gemm: str = ""  # of `convert`, of a .bin; "": float32
    alphas: bool = False  # the scales of activations that students come with
    legacy_output: bool = False  # not transposed, as models of old have it
    old_gelu: bool = False
    shortlist: str = ""
    pieces: int = 100

    @property
    def pre_norm(self) -> bool:
        return self.settings.get("transformer-preprocess") == "n"


FORMS = {
    # The depth of transformer-base; all embeddings tied.
    "marian-base": Form(
        {"dim-emb": 16, "enc-depth": 6, "dec-depth": 6, "transformer-heads": 2,
         "transformer-dim-ffn": 32, "transformer-ffn-activation": "relu",
         "tied-embeddings-all": True},
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
         "tied-embeddings-all": True, "transformer-guided-alignment-layer": "last"},
        {}, (("latin", "greek"), ("latin", "greek")),
        weights="model.xxyy.intgemm.alphas.bin", gemm="intgemm8", alphas=True,
        shortlist="lex.50.50.xxyy.s2t.bin"),
    # AAN; words for tokens; a list of pairs as shortlist; float32 in the binary format;
    # GELU as it was.
    "marian-aan": Form(
        {"dim-emb": 20, "enc-depth": 2, "dec-depth": 3, "transformer-heads": 4,
         "transformer-dim-ffn": 28, "transformer-ffn-activation": "swish",
         "transformer-decoder-autoreg": "average-attention", "transformer-aan-depth": 2,
         "transformer-dim-aan": 32, "transformer-aan-activation": "swish",
         "tied-embeddings": True},
        {"beam-size": 3, "normalize": 1.0}, (("cyrillic",), ("latin",)),
        weights="model.bin", vocabulary="words", shortlist="lex.s2t", old_gelu=True),
    # Tied layers, an output as models of old have it, one table for both sides.
    "marian-plain": Form(
        {"dim-emb": 18, "enc-depth": 2, "dec-depth": 3, "transformer-heads": 3,
         "transformer-dim-ffn": 24, "transformer-ffn-activation": "swish",
         "transformer-tied-layers": [1, 2, 1], "tied-embeddings-src": True},
        {"beam-size": 5, "normalize": 0.8}, (("latin",), ("latin",)), legacy_output=True),
    # GELU as it is since 1.12.3; int8 without alphas; a text shortlist over one vocabulary.
    "marian-gelu": Form(
        {"dim-emb": 20, "enc-depth": 2, "dec-depth": 2, "transformer-heads": 2,
         "transformer-dim-ffn": 28, "transformer-ffn-activation": "gelu",
         "tied-embeddings-all": True},
        {"beam-size": 4, "normalize": 1.0}, (("latin", "accented"), ("latin", "accented")),
        weights="model.intgemm8.bin", gemm="intgemm8", shortlist="lex.s2t"),
}
SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 4, "length_penalty": 0.0},
    {"beam_size": 3, "length_penalty": 1.5},
]


# ---- Texts and vocabularies

class Text:
    """A made-up language and its translation: words become others, in reverse order."""

    def __init__(self, form: Form, seed: int) -> None:
        source, target = (corpus.Words(scripts, seed) for scripts in form.scripts)
        self.pairs = [self.translated(sentence, target)
                      for sentence in source.sentences(1200, 7)]
        self.sources = source.sentences(6, 6) + ["ꙮ ж x"]

    @staticmethod
    def translated(sentence: str, target: corpus.Words) -> tuple[str, str]:
        lexicon = target.lexicons[target.scripts[0]]
        words = [lexicon[sum(map(ord, word.lower())) % len(lexicon)]
                 for word in sentence.rstrip(".!?,;:").split()]
        return sentence, " ".join(reversed(words)) + sentence[-1]


class Vocabulary:
    """Texts to pieces, as Marian or what is called before it does it, and pieces to ids."""

    def __init__(self, path: pathlib.Path, pieces: list[str], splitter: Any) -> None:
        self.path, self.pieces, self.splitter = path, pieces, splitter
        self.ids = {piece: id for id, piece in enumerate(pieces)}

    def cut(self, text: str) -> list[str]:
        return self.splitter.encode(text, out_type=str) if self.splitter else text.split()

    def line(self, text: str) -> str:
        """What Marian reads: it cuts texts itself where the vocabulary is SentencePiece's."""
        return text if self.path.suffix == ".spm" else " ".join(self.cut(text))

    def encode(self, text: str) -> list[int]:
        return [self.ids.get(piece, UNK) for piece in self.cut(text)]

    def decode(self, pieces: list[str]) -> str:
        return (self.splitter.decode_pieces(pieces) if self.splitter
                else " ".join(pieces)).strip()


def quoted(piece: str) -> str:
    """A key of a vocabulary, in double quotes where YAML wants them."""
    if piece and piece.isalnum() and piece.isascii() and piece[0].isalpha():
        return piece
    return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'


def vocabularies(directory: pathlib.Path, form: Form, text: Text) -> tuple[Vocabulary, Vocabulary]:
    if form.vocabulary == "spm":
        path = directory / ("vocab.xxyy.spm" if form.alphas else "vocab.spm")
        model = corpus.train(path, [side for pair in text.pairs for side in pair],
                             form.pieces, **PIECES)
        pieces = [model.id_to_piece(id) for id in range(model.get_piece_size())]
        both = Vocabulary(path, pieces, model)
        return both, both
    sides = []
    for side, lines in zip(("source", "target"), map(list, zip(*text.pairs))):
        splitter = None
        if form.vocabulary == "words":
            tokens = sorted({word for line in lines[:100] for word in line.split()})
        else:
            splitter = corpus.train(directory / f"{side}.spm", lines, form.pieces)
            tokens = [splitter.id_to_piece(id) for id in range(splitter.get_piece_size())
                      if splitter.id_to_piece(id) not in ("<s>", "</s>", "<unk>")]
        pieces = list(dict.fromkeys(["</s>", "<unk>", *tokens[:form.pieces], '"', "\\", "<s>"]))
        path = directory / f"{side}.vocab.yml"
        path.write_text("".join(f"{quoted(piece)}: {id}\n" for id, piece in enumerate(pieces)),
                        encoding="utf-8")
        sides.append(Vocabulary(path, pieces, splitter))
    return sides[0], sides[1]


# ---- The files of a model

def write_shortlist(directory: pathlib.Path, form: Form, source: Vocabulary,
                    target: Vocabulary) -> None:
    chance = random.Random(4)
    lines = []
    for word in source.pieces[2:]:
        for rank, piece in enumerate(chance.sample(target.pieces[2:], BEST + 2)):
            if " " not in piece + word:
                lines.append(f"{piece} {word} {0.9 / (rank + 1):.4f}\n")
    lines.append(f"NULL {source.pieces[5]} 0.5\n")
    text = directory / form.shortlist.replace(".bin", "")
    text.write_text("".join(lines), encoding="utf-8")
    if form.shortlist.endswith(".bin"):
        marian_program.convert({"shortlist": [text, FIRST, BEST, 0],
                                "dump-shortlist": directory / form.shortlist,
                                "vocabs": [source.path, target.path]})
        text.unlink()


def write_decoder(directory: pathlib.Path, form: Form, paths: list[pathlib.Path]) -> None:
    lines = ["relative-paths: true", "models:", f"  - {form.weights}", "vocabs:",
             *(f"  - {path.name}" for path in paths),
             *(f"{name}: {value}" for name, value in form.decoder.items()),
             "mini-batch: 16", "cpu-threads: 1"]
    if form.shortlist:
        lines += ["shortlist:", *(f"  - {one}" for one in (form.shortlist, FIRST, BEST, 0))]
    (directory / "decoder.yml").write_text("".join(f"{line}\n" for line in lines))


def enlarged(arrays: marian_program.Arrays, seed: int) -> marian_program.Arrays:
    """Random weights of a size at which decisions are no coin flips and searches end."""
    chance = np.random.default_rng(seed)
    result = {}
    for name, array in sorted(arrays.items()):
        if array.shape[0] == 1:
            middle = 1.0 if "_ln_scale" in name else 0.0
            result[name] = middle + chance.normal(size=array.shape) * 0.1
        else:
            by_rows = name.endswith(("Wemb", "Wpos", "_Wt"))
            fan_in = array.shape[1 if by_rows else 0]
            result[name] = chance.normal(size=array.shape) * 0.9 * fan_in ** -0.5
    result["decoder_ff_logit_out_b"][0, EOS] = 3.0
    return {name: array.astype(np.float32) for name, array in result.items()}


def as_old_gelu(arrays: marian_program.Arrays) -> marian_program.Arrays:
    """The same function with the GELU of old for a swish: x * sigmoid(1.702 x) is
    swish(1.702 x) / 1.702."""
    scaled = dict(arrays)
    for name, array in arrays.items():
        if re.search("_(ffn|aan)_[Wb]1$", name):
            scaled[name] = (array / np.float32(GELU)).astype(np.float32)
        elif re.search("_(ffn|aan)_W2$", name):
            scaled[name] = (array * np.float32(GELU)).astype(np.float32)
    return scaled


def write_weights(path: pathlib.Path, form: Form, arrays: marian_program.Arrays,
                  settings: str) -> None:
    """What a directory of this form has; what Marian is asked about stays aside."""
    if form.old_gelu:
        arrays = as_old_gelu(arrays)
        settings = re.sub("version: .*", OLD_VERSION, settings.replace("swish", "gelu"))
    if form.alphas:
        matrices = [name for name in arrays if re.search("_W.?$", name) or name == "Wemb"]
        arrays = {**arrays, **{f"{name}_QuantMultA": np.full((1, 1), 31.5, np.float32)
                               for name in matrices}}
    if path.suffix == ".npz":
        marian_program.write_npz(path, arrays, settings)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = pathlib.Path(folder) / "model.npz"
        marian_program.write_npz(plain, arrays, settings)
        gemm = {"gemm-type": form.gemm} if form.gemm else {}
        marian_program.convert({"from": plain, "to": path, **gemm})


def make_model(directory: pathlib.Path, form: Form, seed: int, judge: pathlib.Path,
               updates: int = UPDATES) -> tuple[Text, Vocabulary, Vocabulary]:
    """Writes the directory, and as `judge` (.npz) the model whose translations count."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    text = Text(form, seed)
    source, target = vocabularies(directory, form, text)
    marian_program.train(judge, [(source.line(one), target.line(other))
                                 for one, other in text.pairs],
                         [source.path, target.path], form.settings, updates, seed)
    arrays, settings = marian_program.read_npz(judge)
    arrays = enlarged(arrays, seed)
    if form.legacy_output:
        arrays["decoder_ff_logit_out_W"] = arrays.pop("decoder_ff_logit_out_Wt").T
    marian_program.write_npz(judge, arrays, settings)
    write_weights(directory / form.weights, form, arrays, settings)
    if form.gemm:
        integers = marian_program.read_binary(directory / form.weights)
        marian_program.write_npz(judge, {name: integers[name] for name in arrays}, settings)
    if form.decoder:
        write_decoder(directory, form, [source.path, target.path])
    if form.shortlist:
        write_shortlist(directory, form, source, target)
    return text, source, target


# ---- What Marian makes of them

class Judge:
    def __init__(self, directory: pathlib.Path, form: Form, seed: int,
                 model: pathlib.Path) -> None:
        self.directory, self.form, self.model = directory, form, model
        self.text, self.source, self.target = make_model(directory, form, seed, model)
        self.sources = [[*self.source.encode(text), EOS] for text in self.text.sources]

    def options(self, **others: Any) -> dict[str, Any]:
        return {"vocabs": [self.source.path, self.target.path], **others}

    def settings(self, options: dict[str, Any]) -> dict[str, Any]:
        """`options` in the words of golden.json; what they leave out is the model's own."""
        settings = {**(DECODER if self.form.decoder else STUDENT_DECODER), **self.form.decoder}
        settings["beam-size"] = options.get("beam_size", settings["beam-size"])
        settings["normalize"] = options.get("length_penalty", settings["normalize"])
        if options.get("use_shortlist"):
            settings["shortlist"] = [self.directory / self.form.shortlist, FIRST, BEST, 0]
        return settings

    def limit(self, source: list[int]) -> int:
        """Of the tokens of a translation."""
        return int(self.settings({})["max-length-factor"] * len(source))

    def align(self, options: dict[str, Any]) -> list[list[tuple[list[int], np.ndarray]]]:
        """Of each source the tokens and the alignment of each hypothesis."""
        found = marian_program.align(
            [self.source.line(text) for text in self.text.sources],
            self.options(models=self.model, **self.settings(options)), self.directory)
        return [[([self.target.ids[piece] for piece in pieces], matrix)
                 for pieces, matrix in ranked] for ranked in found]

    def search(self, options: dict[str, Any], may_be_close: bool = False) -> dict[str, Any]:
        """As golden.json has it."""
        settings = self.settings(options)
        found = marian_program.decode(
            [self.source.line(text) for text in self.text.sources],
            self.options(models=self.model, **settings), self.directory)
        hypotheses = []
        for source, ranked in zip(self.sources, found):
            limit = self.limit(source)
            scores = [score for _, score in ranked]
            if not may_be_close and any(a - b < CLOSE for a, b in zip(scores, scores[1:])):
                raise golden_file.TooClose
            hypotheses.append([{"tokens": [self.target.ids[piece] for piece in pieces],
                                "truncated": len(pieces) >= limit,
                                "text": self.target.decode(pieces),
                                "score": score} for pieces, score in ranked])
        return {"options": options, "hypotheses": hypotheses}

    def scored(self) -> list[dict[str, Any]]:
        """The first sentences with translations of the made-up language."""
        pairs = [(text, self.text.pairs[i][1]) for i, text in enumerate(self.text.sources)]
        found = marian_program.score(
            [(self.source.line(one), self.target.line(other)) for one, other in pairs],
            self.options(model=self.model), self.directory)
        return [{"sentence": i, "target": [*self.target.encode(other), EOS],
                 "log_probs": scores}
                for i, ((_, other), scores) in enumerate(zip(pairs, found))]

    def golden(self) -> dict[str, Any]:
        # marian-decoder gives keys and values no norm from the second token on; its own
        # scorer and its training do, and so do we.
        searches = [] if self.form.pre_norm else [self.search(one) for one in SEARCHES]
        if self.form.shortlist and searches:
            searches += [self.search({**one, "use_shortlist": True}) for one in SEARCHES[:3]]
        return {"sentences": [{"text": text, "encoder_input": ids}
                              for text, ids in zip(self.text.sources, self.sources)],
                "forced": [], "scored": self.scored(), "searches": searches}


def make(directory: pathlib.Path, form: Form, first_seed: int = 1) -> None:
    def golden(seed: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return Judge(directory, form, seed, pathlib.Path(folder) / "judge.npz").golden()

    golden_file.write_first(directory, range(first_seed, first_seed + 50), golden)


def make_all(root: pathlib.Path, first_seed: int = 1) -> None:
    for name, form in FORMS.items():
        make(root / name, form, first_seed)
