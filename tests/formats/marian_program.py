"""Runs Marian itself: the commands of pymarian, which is Marian as a Python package."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

SETTINGS = "special:model.yml"
# Codes of types in a .bin; that of intgemm8 moved once.
FLOAT32 = 0x404
INTGEMM8 = (0x4101, 0x10001)

Arrays = dict[str, np.ndarray]


def arguments(options: dict[str, Any]) -> list[str]:
    """{"beam-size": 4, "models": [a, b], "log-level": "err"} as a command line."""
    words: list[str] = []
    for name, value in options.items():
        if value is False:
            continue
        words.append(f"--{name}")
        if value is not True:
            words += [str(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
    return words


def run(command: str, options: dict[str, Any], text: str | None = None,
        where: pathlib.Path | None = None) -> str:
    """What `pymarian COMMAND` writes to its standard output."""
    done = subprocess.run([sys.executable, "-m", "pymarian", command, *arguments(options)],
                          input=text, capture_output=True, text=True, encoding="utf-8",
                          cwd=where, check=False)
    if done.returncode != 0:
        raise SystemExit(f"pymarian {command} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def train(model: pathlib.Path, pairs: list[tuple[str, str]], vocabularies: list[pathlib.Path],
          options: dict[str, Any], updates: int, seed: int) -> None:
    """Writes `model` (.npz), and beside it what Marian writes there."""
    with tempfile.TemporaryDirectory() as folder:
        texts = [pathlib.Path(folder) / side for side in ("source", "target")]
        for path, lines in zip(texts, zip(*pairs)):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        run("train", {"model": model, "type": "transformer", "train-sets": texts,
                      "vocabs": vocabularies, "cpu-threads": 1, "workspace": 200,
                      "seed": seed, "after": f"{updates}u", "mini-batch": 32, "maxi-batch": 1,
                      "learn-rate": 0.01, "optimizer": "adam", "overwrite": True,
                      "disp-freq": f"{updates}u", "log-level": "err", **options})


def decode(lines: list[str], options: dict[str, Any],
           where: pathlib.Path) -> list[list[tuple[list[str], float]]]:
    """Of each line its n-best list: pieces and score. A line is a batch of its own, since
    Marian takes limits and shortlists from the whole batch."""
    output = run("decode", {"n-best": True, "no-spm-decode": True, "log-level": "err",
                            "cpu-threads": 1, "workspace": 200, **options,
                            "mini-batch": 1, "maxi-batch": 1},
                 "".join(f"{line}\n" for line in lines), where)
    found: list[list[tuple[list[str], float]]] = [[] for _ in lines]
    for line in output.splitlines():
        fields = [field.strip(" ") for field in line.split("|||")]
        found[int(fields[0])].append((fields[1].split(), float(fields[-1])))
    return found


def align(lines: list[str], options: dict[str, Any],
          where: pathlib.Path) -> list[list[tuple[list[str], np.ndarray]]]:
    """Of each line its n-best list: pieces, and of each and of the end how much it looked at
    each source token and at the end of the source."""
    output = run("decode", {"n-best": True, "no-spm-decode": True, "log-level": "err",
                            "cpu-threads": 1, "workspace": 200, "alignment": "soft", **options,
                            "mini-batch": 1, "maxi-batch": 1},
                 "".join(f"{line}\n" for line in lines), where)
    found: list[list[tuple[list[str], np.ndarray]]] = [[] for _ in lines]
    for line in output.splitlines():
        number, pieces, rows, *_ = (field.strip(" ") for field in line.split("|||"))
        matrix = np.array([[float(one) for one in row.split(",")] for row in rows.split()])
        found[int(number)].append((pieces.split(), matrix))
    return found


def score(pairs: list[tuple[str, str]], options: dict[str, Any],
          where: pathlib.Path) -> list[list[float]]:
    """The log-probability of each token of each target, that of its end included."""
    with tempfile.TemporaryDirectory() as folder:
        texts = [pathlib.Path(folder) / side for side in ("source", "target")]
        for path, lines in zip(texts, zip(*pairs)):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        output = run("score", {"word-scores": True, "log-level": "err", "cpu-threads": 1,
                               "workspace": 200, **options, "train-sets": texts}, where=where)
    return [[float(one) for one in line.split("WordScores=")[1].split()]
            for line in output.splitlines()]


def convert(options: dict[str, Any]) -> None:
    run("convert", options)


# ---- Files

def read_npz(path: pathlib.Path) -> tuple[Arrays, str]:
    """The tensors, and the settings."""
    arrays = dict(np.load(path))
    settings = arrays.pop(SETTINGS)
    return arrays, settings.tobytes().decode().rstrip("\0")


def write_npz(path: pathlib.Path, arrays: Arrays, settings: str) -> None:
    text = np.frombuffer(settings.encode() + b"\0", dtype=np.int8)
    rows = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    np.savez(path, **rows, **{SETTINGS: text})


def read_binary(path: pathlib.Path) -> Arrays:
    """What the tensors of a .bin stand for: intgemm8 is a matrix of integers, transposed
    but for embeddings, and then the number by which its floats were multiplied."""
    data = path.read_bytes()
    version, count = np.frombuffer(data, "<u8", 2)
    assert version == 1
    headers = np.frombuffer(data, "<u8", 4 * int(count), 16).reshape(-1, 4)
    at = 16 + 32 * int(count)
    names = []
    for length, *_ in headers:
        names.append(data[at:at + int(length) - 1].decode())
        at += int(length)
    shapes = []
    for _, _, rank, _ in headers:
        shapes.append(tuple(np.frombuffer(data, "<i4", int(rank), at)))
        at += 4 * int(rank)
    at += 8 + int(np.frombuffer(data, "<u8", 1, at)[0])
    arrays = {}
    for name, (_, kind, _, size), shape in zip(names, headers, shapes):
        if kind == FLOAT32:
            arrays[name] = np.frombuffer(data, "<f4", int(np.prod(shape)), at).reshape(shape)
        elif kind in INTGEMM8:
            elements = int(np.prod(shape))
            integers = np.frombuffer(data, "i1", elements, at).astype(np.float32)
            multiplier = np.frombuffer(data, "<f4", 1, at + elements)[0]
            matrix = (integers.reshape(shape) if "Wemb" in name
                      else integers.reshape(shape[::-1]).T)
            arrays[name] = (matrix / multiplier).astype(np.float32)
        at += int(size)
    return arrays
