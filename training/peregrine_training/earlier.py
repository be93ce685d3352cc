"""Takes a model directory out of an earlier commit of this repository.

    python -m peregrine_training.earlier 8e392c3 models/en-de-mdn --out runs/earlier
"""

from __future__ import annotations

import argparse
import io
import pathlib
import subprocess
import tarfile

FILES = ("config.json", "model.safetensors", "source.spm")


def take(commit: str, path: str, out: pathlib.Path) -> None:
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True,
                         encoding="utf-8", check=True).stdout.strip()
    found = subprocess.run(["git", "archive", commit, path], cwd=top, capture_output=True)
    if found.returncode:
        raise SystemExit(f"{path} of {commit}: {found.stderr.decode().strip()}; expected a "
                         "commit of this repository with all its history")
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        for name in FILES:
            member = archive.extractfile(f"{path}/{name}")
            assert member
            (out / name).write_bytes(member.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("path", help="of the directory in the repository")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    take(arguments.commit, arguments.path, arguments.out)


if __name__ == "__main__":
    main()
