"""Makes the golden models that reference libraries save.

    pip install -r requirements.txt
    python make_goldens.py ../golden [NAME ...]
"""

from __future__ import annotations

import argparse
import pathlib

import ctranslate2_models
import m2m100
import marian
import marian_toolkit

FORMATS = {"marian": marian, "m2m100": m2m100, "ctranslate2": ctranslate2_models,
           "marian-toolkit": marian_toolkit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("formats", nargs="*", choices=[*FORMATS, []],
                        help="default: all of them")
    arguments = parser.parse_args()
    for name in arguments.formats or FORMATS:
        FORMATS[name].make_all(arguments.root)


if __name__ == "__main__":
    main()
