"""Writers of the files of Marian: .npz, its binary format, lexical shortlists.

Written from the layouts that engine/formats/files/npz_file.h, marian_binary_file.h and
marian_shortlist.h describe.
"""

from __future__ import annotations

import pathlib
import struct

import numpy as np

FLOAT32, INT8, INTGEMM8 = 0x404, 0x101, 0x4101
SHORTLIST_MAGIC = 0xF11A48D5013417F5
SETTINGS = "special:model.yml"
MASK = (1 << 64) - 1

Arrays = dict[str, np.ndarray]


def yaml_text(settings: dict[str, object]) -> str:
    """Settings as Marian writes them: lists in lines of their own."""
    lines = []
    for name, value in settings.items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"  - {item}" for item in value)]
            lines += [] if value else ["  []"]
        elif isinstance(value, bool):
            lines.append(f"{name}: {str(value).lower()}")
        else:
            lines.append(f"{name}: {value}" if value != "" else f'{name}: ""')
    return "\n".join(lines) + "\n"


def quoted(piece: str) -> str:
    """A key of a vocabulary, in double quotes where YAML wants them."""
    if piece and piece.isalnum() and piece.isascii() and piece[0].isalpha():
        return piece
    return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_vocabulary(path: pathlib.Path, pieces: list[str]) -> None:
    path.write_text("".join(f"{quoted(piece)}: {id}\n" for id, piece in enumerate(pieces)),
                    encoding="utf-8")


def write_npz(path: pathlib.Path, arrays: Arrays, settings: str) -> None:
    text = np.frombuffer(settings.encode() + b"\0", dtype=np.int8)
    np.savez(path, **arrays, **{SETTINGS: text})


def is_quantised(name: str) -> bool:
    return "Wemb" in name or name[:-1].endswith("_W") or name.endswith("_W")


def quantise(array: np.ndarray) -> tuple[np.ndarray, np.float32]:
    multiplier = np.float32(127) / np.abs(array).max().astype(np.float32)
    return np.rint(array * multiplier).astype(np.int8), multiplier


def dequantised(arrays: Arrays) -> Arrays:
    """What the integers of a quantised file stand for."""
    result = dict(arrays)
    for name in arrays:
        if is_quantised(name):
            integers, multiplier = quantise(arrays[name])
            result[name] = (integers.astype(np.float32) / multiplier).astype(np.float32)
    return result


def write_binary(path: pathlib.Path, arrays: Arrays, settings: str, quantised: bool) -> None:
    """With `quantised`, also the scales of activations that students come with."""
    items: list[tuple[str, int, tuple[int, ...], bytes]] = []
    for name, array in sorted(arrays.items()):
        if quantised and is_quantised(name):
            integers, multiplier = quantise(array)
            stored = integers if "Wemb" in name else integers.T
            data = np.ascontiguousarray(stored).tobytes() + struct.pack("<f", multiplier)
            items.append((name, INTGEMM8, array.shape, data))
            items.append((f"{name}_QuantMultA", FLOAT32, (1, 1), struct.pack("<f", 31.5)))
        else:
            items.append((name, FLOAT32, array.shape, array.astype("<f4").tobytes()))
    text = settings.encode() + b"\0"
    items.append((SETTINGS, INT8, (len(text),), text))
    # The data of each tensor are padded to 256 bytes.
    items = [(name, kind, shape, data + bytes(-len(data) % 256))
             for name, kind, shape, data in items]
    index = struct.pack("<QQ", 1, len(items))
    for name, kind, shape, data in items:
        index += struct.pack("<QQQQ", len(name.encode()) + 1, kind, len(shape), len(data))
    index += b"".join(name.encode() + b"\0" for name, *_ in items)
    index += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _, _, shape, _ in items)
    padding = ((len(index) + 8) // 256 + 1) * 256 - len(index) - 8
    path.write_bytes(index + struct.pack("<Q", padding) + bytes(padding)
                     + b"".join(data for *_, data in items))


def checksum(words: bytes) -> int:
    total = 0
    for at in range(0, len(words) - 7, 8):
        word = int.from_bytes(words[at:at + 8], "little")
        total ^= (word + 0x9e3779b9 + (total << 6) + (total >> 2)) & MASK
        total &= MASK
    return total


def write_binary_shortlist(path: pathlib.Path, lists: list[list[int]], first: int,
                           best: int) -> None:
    offsets = np.cumsum([0, *map(len, lists)]).astype("<u8")
    targets = np.array([id for one in lists for id in sorted(one)], "<u4")
    body = (struct.pack("<QQQQ", first, best, len(offsets), len(targets))
            + offsets.tobytes() + targets.tobytes())
    path.write_bytes(struct.pack("<QQ", SHORTLIST_MAGIC, checksum(body)) + body)
