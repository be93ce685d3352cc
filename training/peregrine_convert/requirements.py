"""What the package needs of Python's world, checked before it is imported."""

from __future__ import annotations

import importlib
import pathlib
import sys

# Of torch, the first version that lets its safe loader be told of more classes.
NEEDED = {"torch": (2, 6), "safetensors": (0, 4), "numpy": (1, 0)}
LIST = pathlib.Path(__file__).with_name("requirements.txt")


def missing() -> str:
    """What is missing and how to get it; nothing where all is there."""
    for name, needed in NEEDED.items():
        expected = f"{name} {'.'.join(map(str, needed))} or later"
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            return _advice(f"found no {name} ({error})", expected)
        if _version(module.__version__) < needed:
            return _advice(f"found {name} {module.__version__}", expected)
    return ""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("+")[0].split(".")[:2] if part.isdigit())


def _advice(found: str, expected: str) -> str:
    return (f"{sys.executable}: {found}, expected {expected}; install what is needed by\n"
            f"  {sys.executable} -m pip install -r {LIST}\n"
            "or let PEREGRINE_PYTHON name an interpreter that has it")
