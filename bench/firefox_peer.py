"""Students of Firefox Translations: makes one with random weights, and runs it by another engine.

    python firefox_peer.py make DIRECTORY tiny|base
    python firefox_peer.py marian|slimt|fxtranslate DIRECTORY TEXTS THREADS

The second form translates the lines of TEXTS once for each line of standard input, and answers
with {"seconds", "target_words"}. Needs the packages of `bench/peer-env firefox`.

A student has six encoder layers, two decoder layers with SSRU, one table for both sides, int8
with the scales of activations known beforehand, and a list of target words that each source word
may become. Pieces are whole words, so that words are tokens. It never ends before the limit of
lengths, which is each engine's own.
"""

from __future__ import annotations

import bisect
import importlib.util
import itertools
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

SHAPES = {"tiny": (256, 1536), "base": (512, 2048)}
PIECES = 32000
MARIAN_MODEL = "marian.bin.copy"
FIRST, BEST = 50, 50  # of the shortlist, as Firefox's lex.50.50 has them
MODEL, VOCABULARY, SHORTLIST = (
    "model.xxyy.intgemm.alphas.bin", "vocab.xxyy.spm", "lex.50.50.xxyy.s2t.bin")
# Codes of types in a .bin; that of intgemm8 moved, and these engines know the old one.
FLOAT32, INTGEMM8, OLD_INTGEMM8 = 0x404, 0x10001, 0x4101


# ---- Words

def word(number: int) -> str:
    """A word of letters alone, another one for each number."""
    letters = ""
    for _ in range(4):
        number, letter = divmod(number, 26)
        letters = chr(ord("a") + letter) + letters
    return "q" + letters


class Words:
    """Numbers of words, as frequent as those of a language: by Zipf's law."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sums = list(itertools.accumulate(1 / (rank + 10) for rank in range(PIECES - 2)))

    def draw(self) -> int:
        return 2 + bisect.bisect(self.sums, self.random.random() * self.sums[-1])

    def sentence(self, length: int) -> str:
        return " ".join(word(self.draw()) for _ in range(length))


# ---- The model

def run_marian(command: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pymarian", command, *arguments],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"pymarian {command}: {done.stderr[-2000:]}")


def write_vocabulary(path: pathlib.Path) -> None:
    from sentencepiece import sentencepiece_model_pb2  # pylint: disable=import-outside-toplevel
    model = sentencepiece_model_pb2.ModelProto()
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    for piece, score, kind in [("</s>", 0.0, kinds.CONTROL), ("<unk>", 0.0, kinds.UNKNOWN),
                               *((f"\u2581{word(number)}", -1.0, kinds.NORMAL)
                                 for number in range(2, PIECES))]:
        model.pieces.add(piece=piece, score=score, type=kind)
    trainer = model.trainer_spec
    trainer.vocab_size = PIECES
    trainer.eos_id, trainer.unk_id, trainer.bos_id, trainer.pad_id = 0, 1, -1, -1
    model.normalizer_spec.name = "identity"
    path.write_bytes(model.SerializeToString())


def write_shortlist(directory: pathlib.Path, folder: pathlib.Path) -> None:
    words = Words(seed=1)
    pairs = folder / "pairs"
    with open(pairs, "w", encoding="utf-8") as file:
        for source in range(2, PIECES):
            targets: set[int] = set()
            while len(targets) < BEST:
                targets.add(words.draw())
            for rank, target in enumerate(sorted(targets)):
                file.write(f"\u2581{word(target)} \u2581{word(source)} {0.9 / (rank + 1):.4f}\n")
    vocabulary = str(directory / VOCABULARY)
    run_marian("convert", "--shortlist", str(pairs), str(FIRST), str(BEST), "0",
               "--dump-shortlist", str(directory / SHORTLIST), "--vocabs", vocabulary, vocabulary)


def as_firefox(data: bytes) -> bytes:
    """Marian's own .bin as Firefox's fork of it writes one: the embeddings in int8, too, and
    the old code of its type."""
    version, count = (int(value) for value in np.frombuffer(data, "<u8", 2))
    headers = np.frombuffer(data, "<u8", 4 * count, 16).reshape(-1, 4)
    at = 16 + 32 * count

    def take(sizes: list[int]) -> list[bytes]:
        nonlocal at
        taken = []
        for size in sizes:
            taken.append(data[at:at + size])
            at += size
        return taken

    names = take([int(header[0]) for header in headers])
    shapes = take([4 * int(header[2]) for header in headers])
    at += 8 + int(np.frombuffer(data, "<u8", 1, at)[0])
    bodies = take([int(header[3]) for header in headers])
    kinds = [OLD_INTGEMM8 if header[1] == INTGEMM8 else int(header[1]) for header in headers]
    table = names.index(b"Wemb\0")
    floats = np.frombuffer(bodies[table], "<f4",
                           int(np.prod(np.frombuffer(shapes[table], "<i4"))))
    multiplier = np.float32(127 / np.abs(floats).max())
    integers = np.round(floats * multiplier).astype("i1").tobytes() + multiplier.tobytes()
    bodies[table] = integers + bytes(-len(integers) % 256)
    kinds[table] = OLD_INTGEMM8
    head = np.array([version, count], "<u8").tobytes() + np.array(
        [[len(name), kind, len(shape) // 4, len(body)]
         for name, kind, shape, body in zip(names, kinds, shapes, bodies)], "<u8").tobytes()
    head += b"".join(names) + b"".join(shapes)
    padding = -(len(head) + 8) % 256
    return head + np.array([padding], "<u8").tobytes() + bytes(padding) + b"".join(bodies)


def write_model(directory: pathlib.Path, folder: pathlib.Path, dim: int, ffn: int) -> None:
    """As training makes it before its first step."""
    trained, text = folder / "model.npz", folder / "text"
    text.write_text(f"{word(2)} {word(3)}\n", encoding="utf-8")
    vocabulary = str(directory / VOCABULARY)
    run_marian("train", "--model", str(trained), "--type", "transformer", "--train-sets",
               str(text), str(text), "--vocabs", vocabulary, vocabulary, "--tied-embeddings-all",
               "--dim-emb", str(dim), "--enc-depth", "6", "--dec-depth", "2",
               "--transformer-heads", "8", "--transformer-dim-ffn", str(ffn),
               "--transformer-ffn-activation", "relu", "--transformer-decoder-autoreg", "rnn",
               "--dec-cell", "ssru", "--transformer-guided-alignment-layer", "last",
               "--optimizer", "sgd", "--learn-rate", "1e-9", "--after", "1u", "--cpu-threads",
               "1", "--workspace", "500", "--seed", "1", "--log-level", "err")
    arrays = dict(np.load(trained))
    arrays["decoder_ff_logit_out_b"][0, 0] = -1e4  # the end
    scaled = [name for name in arrays if re.search("_W.?$", name)]
    for name in (*scaled, "Wemb", "none"):  # slimt and fxtranslate each know the output's name
        arrays[f"{name}_QuantMultA"] = np.full((1, 1), 31.5, np.float32)
    with_scales, converted = folder / "scales.npz", folder / "model.bin"
    np.savez(with_scales, **arrays)
    run_marian("convert", "--from", str(with_scales), "--to", str(converted), "--gemm-type",
               "intgemm8")
    (directory / MODEL).write_bytes(as_firefox(converted.read_bytes()))
    # For Marian itself, which wants the embeddings in float32. A .bin of this name is none
    # of those that a server looks for.
    shutil.copyfile(converted, directory / MARIAN_MODEL)


def make(directory: pathlib.Path, shape: str) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        write_vocabulary(directory / VOCABULARY)
        write_model(directory, pathlib.Path(folder), *SHAPES[shape])
        write_shortlist(directory, pathlib.Path(folder))
    # As slimt has it, whatever a model says.
    (directory / "decoder.yml").write_text(
        f"relative-paths: true\nmodels: [{MODEL}]\nvocabs: [{VOCABULARY}, {VOCABULARY}]\n"
        f"shortlist: [{SHORTLIST}, {FIRST}, {BEST}, 0]\nbeam-size: 1\nmax-length-factor: 1\n",
        encoding="utf-8")


# ---- The engines

class Marian:
    def __init__(self, directory: pathlib.Path, threads: int) -> None:
        import pymarian  # pylint: disable=import-outside-toplevel
        vocabulary = str(directory / VOCABULARY)
        self.folder = tempfile.TemporaryDirectory()
        model = pathlib.Path(self.folder.name) / "model.bin"
        shutil.copyfile(directory / MARIAN_MODEL, model)
        self.translator = pymarian.Translator(
            models=[str(model)], vocabs=[vocabulary] * 2, beam_size=1, max_length_factor=1.0,
            mini_batch=64, maxi_batch=1, cpu_threads=threads, workspace=500, quiet=True,
            shortlist=[str(directory / SHORTLIST)], log_level="err")

    def translate(self, texts: list[str]) -> list[str]:
        return self.translator.translate(texts)


class Slimt:
    def __init__(self, directory: pathlib.Path, threads: int) -> None:
        # The package itself asks the network for lists of models when it is imported.
        folder = importlib.util.find_spec("slimt").submodule_search_locations[0]
        library = next(pathlib.Path(folder).glob("_slimt*.so"))
        spec = importlib.util.spec_from_file_location("_slimt", library)
        slimt = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(slimt)
        package = slimt.Package(model=str(directory / MODEL),
                                vocabulary=str(directory / VOCABULARY),
                                shortlist=str(directory / SHORTLIST))
        self.model = slimt.Model(slimt.preset.tiny(), package)  # layers and heads alone
        self.service = slimt.Service(workers=threads, cache_size=0)

    def translate(self, texts: list[str]) -> list[str]:
        return [answer.target.text for answer in
                self.service.translate(self.model, texts, html=False)]


class FxTranslate:
    """Takes a sentence at a time and has one thread."""

    def __init__(self, directory: pathlib.Path, _threads: int) -> None:
        import fxtranslate  # pylint: disable=import-outside-toplevel
        vocabulary = (directory / VOCABULARY).read_bytes()
        self.translator = fxtranslate.Translator(
            model=(directory / MODEL).read_bytes(), src_vocab=vocabulary, trg_vocab=vocabulary,
            shortlist=(directory / SHORTLIST).read_bytes())

    def translate(self, texts: list[str]) -> list[str]:
        return [self.translator.translate(text) for text in texts]


ENGINES = {"marian": Marian, "slimt": Slimt, "fxtranslate": FxTranslate}


def main() -> None:
    if sys.argv[1] == "make":
        return make(pathlib.Path(sys.argv[2]), sys.argv[3])
    name, directory, texts_file, threads = sys.argv[1:]
    texts = pathlib.Path(texts_file).read_text(encoding="utf-8").splitlines()
    engine = ENGINES[name](pathlib.Path(directory), int(threads))
    for _ in sys.stdin:
        start = time.perf_counter()
        answers = engine.translate(texts)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds,
                          "target_words": sum(len(answer.split()) for answer in answers)}),
              flush=True)


if __name__ == "__main__":
    main()
