"""Zip archives, as office documents and books are."""

from __future__ import annotations

import copy
import io
import zipfile
import zlib
from typing import Mapping

from .base import DocumentError

_MAX_PART_BYTES = 1 << 28
_SAYS_UTF8 = 0x800
# Word before 2007, and files with a password.
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class ZipArchive:
    """Parts by name; `name` is that of the file, for errors."""

    def __init__(self, data: bytes, name: str, ending: str) -> None:
        self._name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            found = "no zip archive"
            if data.startswith(_COMPOUND_FILE):
                found = "an Office file of before 2007, or one with a password"
            raise DocumentError(f"{name}: found {found}, expected {ending}") from None
        self._entries = {_name_of(entry): entry for entry in self._zip.infolist()}
        self.names = list(self._entries)

    def read(self, part: str) -> bytes:
        entry = self._entries[part]
        place = f"{self._name}: {part}"
        if entry.file_size > _MAX_PART_BYTES:
            raise DocumentError(
                f"{place}: found {entry.file_size} bytes, allowed {_MAX_PART_BYTES}"
            )
        try:
            return self._zip.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            # RuntimeError: it has a password, or is compressed in an unknown way.
            raise DocumentError(f"{place}: {error}") from None

    def rewritten(self, changed: Mapping[str, bytes]) -> bytes:
        """The archive with other contents of some parts."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            for part, entry in self._entries.items():
                data = changed[part] if part in changed else self.read(part)
                entry = copy.copy(entry)
                entry.filename = part
                target.writestr(entry, data, entry.compress_type)
        return out.getvalue()


def _name_of(entry: zipfile.ZipInfo) -> str:
    """Many programs write names in UTF-8 without saying so."""
    if not entry.flag_bits & _SAYS_UTF8:
        try:
            return entry.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return entry.filename
