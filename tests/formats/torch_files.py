"""Files of torch.save for the tests of the engine's reader, in both containers.

    pip install -r requirements.txt
    python torch_files.py ../../engine/formats

Views, shared storages and types with what torch says is in them; and the weights of
golden models as pytorch_model.bin, single, as a stream and in shards.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import zipfile
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


def tensors() -> dict[str, Any]:
    base = torch.arange(24, dtype=torch.float32) / 8 - 1
    matrix = base.view(4, 6)
    half = torch.tensor([0.1, -65504.0, 6e-8, 1.5]).half()
    return collections.OrderedDict([
        ("matrix", matrix),
        ("tied", matrix),
        ("transposed", matrix.t()),
        ("every_second", matrix[:, ::2]),
        ("last_rows", matrix[2:]),
        ("permuted", base.view(2, 3, 4).permute(2, 0, 1)),
        ("scalar", torch.tensor(2.5)),
        ("empty", torch.zeros(0, 3)),
        ("parameter", torch.nn.Parameter(torch.tensor([[1.0, -2.0]]))),
        ("half", half),
        ("half_reversed_axes", half.view(2, 2).t()),
        ("bfloat16", torch.tensor([0.1, 3e38, -1.0]).bfloat16()),
        ("double", torch.tensor([0.1, -2.0], dtype=torch.float64)),
        ("int8", torch.tensor([-128, 127], dtype=torch.int8)),
        ("int16", torch.tensor([-300, 300], dtype=torch.int16)),
        ("int32", torch.tensor([-70000, 70000], dtype=torch.int32)),
    ])


def swapped(source: pathlib.Path, target: pathlib.Path) -> None:
    """The file as a big-endian machine would have written it, which torch.load reads back."""
    widths = storage_widths(torch.load(source, weights_only=True))
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for item in old.infolist():
            content = old.read(item)
            folder, _, name = item.filename.partition("/")
            if name == "byteorder":
                content = b"big"
            elif name.startswith("data/"):
                width = widths[int(name.removeprefix("data/"))]
                content = b"".join(content[i:i + width][::-1]
                                   for i in range(0, len(content), width))
            new.writestr(zipfile.ZipInfo(f"{folder}/{name}"), content)


def storage_widths(state: dict[str, torch.Tensor]) -> list[int]:
    """Bytes an element, of each storage in the order in which torch.save numbers them."""
    seen: dict[int, int] = {}
    for value in state.values():
        key = value.untyped_storage()._cdata
        seen.setdefault(key, value.element_size())
    return list(seen.values())


def make_views(directory: pathlib.Path) -> None:
    directory.mkdir(exist_ok=True)
    state = tensors()
    torch.save(state, directory / "views.zip.pt")
    torch.save(state, directory / "views.stream.pt", _use_new_zipfile_serialization=False)
    swapped(directory / "views.zip.pt", directory / "views.big-endian.pt")
    for file in directory.glob("views.*.pt"):
        again = torch.load(file, weights_only=True)
        for name, value in state.items():
            assert torch.equal(value, again[name]), (file, name)
    expected = {name: {"shape": list(value.shape),
                       "values": value.detach().double().flatten().tolist()}
                for name, value in state.items()}
    (directory / "views.json").write_text(json.dumps(expected, indent=1) + "\n")


def make_models(directory: pathlib.Path) -> None:
    directory.mkdir(exist_ok=True)

    def save(name: str, folder: str, **options: Any) -> None:
        model = AutoModelForSeq2SeqLM.from_pretrained(GOLDEN / name, dtype="auto")
        target = directory / folder
        target.mkdir(exist_ok=True)
        if "stream" in folder:
            torch.save(model.state_dict(), target / "pytorch_model.bin",
                       _use_new_zipfile_serialization=False)
        else:
            model.save_pretrained(target, safe_serialization=False, **options)
        for file in target.iterdir():
            if not file.name.startswith("pytorch_model"):
                file.unlink()

    save("hf-marian-multilingual", "marian")
    save("hf-marian-separate", "marian-stream")
    save("hf-nllb", "nllb-shards", max_shard_size="40KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", type=pathlib.Path)
    arguments = parser.parse_args()
    make_views(arguments.formats / "files" / "testdata")
    make_models(arguments.formats / "hugging_face" / "testdata")


if __name__ == "__main__":
    main()
