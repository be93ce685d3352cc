"""Packages of Argos Translate for the tests of the engine's reader.

    python argos_packages.py ../../engine/formats/argos/testdata

One model, packed as argostranslate's scripts pack it (Python's zipfile) and as people
do by hand (Info-ZIP's zip, which must be installed); and packages that nobody should
unpack. Needs Python alone.
"""

from __future__ import annotations

import argparse
import io
import json
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

MODEL = pathlib.Path(__file__).parent.parent / "golden" / "ct2-opus"
FOLDER = "translate-xx_yy-1_0"
# As argostranslate 1.11 reads it; what is not of the model must be passed over.
METADATA = {
    "package_version": "1.0", "argos_version": "1.9", "from_code": "en",
    "from_name": "English", "to_code": "pb", "to_name": "Brazilian Portuguese",
    "links": [], "type": "translate",
}


def lay_out(root: pathlib.Path) -> None:
    """The package's folder."""
    folder = root / FOLDER
    (folder / "model").mkdir(parents=True)
    (folder / "stanza" / "en" / "tokenize").mkdir(parents=True)
    for name in ("model.bin", "config.json", "shared_vocabulary.json"):
        shutil.copy(MODEL / name, folder / "model" / name)
    shutil.copy(MODEL / "source.spm", folder / "sentencepiece.model")
    (folder / "metadata.json").write_text(json.dumps(METADATA, indent=4))
    (folder / "README.md").write_text("# A package\n")
    (folder / "stanza" / "en" / "tokenize" / "ewt.pt").write_bytes(b"not read" * 1000)


class Pipe(io.RawIOBase):
    """What cannot seek: sizes and checksums then follow each member."""

    def __init__(self, file: io.BufferedWriter):
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return self.file.write(data)


def by_zipfile(root: pathlib.Path, target: pathlib.Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))


def by_zipfile_into_pipe(root: pathlib.Path, target: pathlib.Path) -> None:
    """With 64-bit sizes, stored and compressed members, and none of a folder itself."""
    with target.open("wb") as file, zipfile.ZipFile(Pipe(file), "w") as archive:
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                continue
            entry = zipfile.ZipInfo.from_file(path, path.relative_to(root))
            if path.suffix != ".bin":
                entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as member:
                member.write(path.read_bytes())


def by_info_zip(root: pathlib.Path, target: pathlib.Path, *options: str) -> None:
    target.unlink(missing_ok=True)
    subprocess.run(["zip", "-q", "-r", *options, str(target), FOLDER], cwd=root, check=True)


def by_info_zip_into_pipe(root: pathlib.Path, target: pathlib.Path) -> None:
    with target.open("wb") as file:
        subprocess.run(f"zip -q -r - {FOLDER} | cat", cwd=root, check=True, shell=True,
                       stdout=file)


def write(target: pathlib.Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    to = parser.parse_args().directory.resolve()
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        lay_out(root)
        by_zipfile(root, to / "zipfile.argosmodel")
        by_zipfile_into_pipe(root, to / "zipfile-pipe.argosmodel")
        by_info_zip(root, to / "info-zip.argosmodel")
        by_info_zip_into_pipe(root, to / "info-zip-pipe.argosmodel")
        (root / FOLDER / "model" / "model.bin").write_bytes(b"secret")
        by_info_zip(root, to / "encrypted.argosmodel", "-P", "word")
    metadata = json.dumps(METADATA).encode()
    write(to / "bomb.argosmodel",
          {"a/metadata.json": metadata, "a/model/model.bin": bytes(20 << 20)})
    write(to / "leads-out.argosmodel",
          {"a/metadata.json": metadata, "a/model/model.bin": b"x",
           "a/model/../../../b": b"x"})
    write(to / "two.argosmodel",
          {f"{part}/{name}": metadata for part in "ab"
           for name in ("metadata.json", "model/model.bin")})
    write(to / "other.argosmodel", {"a/metadata.json": metadata, "a/stanza/x.pt": b"x"})


if __name__ == "__main__":
    main()
