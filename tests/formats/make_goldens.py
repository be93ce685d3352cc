"""Makes the golden models that reference libraries save.

    pip install -r requirements.txt            # Marian's: requirements-marian.txt
    python make_goldens.py ../golden [--first-seed N] [NAME ...]
"""

from __future__ import annotations

import argparse
import importlib
import pathlib

# Each needs its library, and no other.
FORMATS = {"marian": "marian", "m2m100": "m2m100", "t5": "t5",
           "ctranslate2": "ctranslate2_models",
           "ctranslate2-converted": "ctranslate2_converted",
           "marian-toolkit": "marian_toolkit"}
SEEDED = ("ctranslate2-converted", "marian-toolkit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("formats", nargs="*", choices=[*FORMATS, []],
                        help="default: all of them")
    parser.add_argument("--first-seed", type=int, default=1,
                        help=f"for other models than the committed ones: {', '.join(SEEDED)}")
    arguments = parser.parse_args()
    for name in arguments.formats or FORMATS:
        module = importlib.import_module(FORMATS[name])
        seed = {"first_seed": arguments.first_seed} if name in SEEDED else {}
        module.make_all(arguments.root, **seed)


if __name__ == "__main__":
    main()
