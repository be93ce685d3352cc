"""Where files of rows lie: on this machine, or in a store such as S3.

A path with "://" (s3://BUCKET/FOLDER, gs://…, hdfs://…) is opened by pyarrow's
file systems, which take keys from the environment as the tools of each do.
AWS_ENDPOINT_URL names another store that speaks S3.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, List, Optional, Tuple, cast
from urllib.parse import quote

Location = str


def is_remote(location: Location) -> bool:
    return "://" in location


def normal(location: Location) -> Location:
    """Equal for what is the same place."""
    return location.rstrip("/") if is_remote(location) else str(Path(location).resolve())


def join(folder: Location, *names: str) -> Location:
    return "/".join([folder.rstrip("/") or "/", *names])


def base_name(location: Location) -> str:
    return location.rstrip("/").rpartition("/")[2]


def list_files(location: Location) -> Optional[List[Location]]:
    """Those of a folder, in order, or the file itself; None: there is neither.
    Files whose names begin with "." or "_" are not for readers."""
    if not is_remote(location):
        path = Path(location)
        if not path.is_dir():
            return [location] if path.exists() else None
        names = [f.name for f in path.iterdir() if f.is_file()]
    else:
        from pyarrow import fs

        system, path_there = _file_system(location)
        kind = system.get_file_info(path_there).type
        if kind != fs.FileType.Directory:
            return [location] if kind == fs.FileType.File else None
        entries = system.get_file_info(fs.FileSelector(path_there))
        names = [e.base_name for e in entries if e.type == fs.FileType.File]
    return [join(location, name) for name in sorted(names) if name[0] not in "._"]


def exists(location: Location) -> bool:
    if not is_remote(location):
        return Path(location).exists()
    from pyarrow import fs

    system, path = _file_system(location)
    return bool(system.get_file_info(path).type != fs.FileType.NotFound)


def open_binary(location: Location) -> BinaryIO:
    """For reading, from any place of it."""
    if not is_remote(location):
        return open(location, "rb")
    system, path = _file_system(location)
    return cast(BinaryIO, system.open_input_file(path))


def put(local: Path, location: Location) -> None:
    """Makes a whole file of this machine the file there, in one step; it is then
    gone here."""
    if not is_remote(location):
        os.replace(local, location)
        return
    system, path = _file_system(location)
    data = local.read_bytes()
    # An object is there when its stream was closed, not before.
    stream = system.open_output_stream(path)
    stream.write(data)
    stream.close()
    local.unlink()


def remove(location: Location) -> None:
    """If it is there."""
    if not is_remote(location):
        Path(location).unlink(missing_ok=True)
    elif exists(location):
        system, path = _file_system(location)
        system.delete_file(path)


def make_folder(location: Location) -> None:
    """Of this machine; stores have none."""
    if not is_remote(location):
        Path(location).mkdir(parents=True, exist_ok=True)


def _file_system(location: Location) -> Tuple[Any, str]:
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if location.startswith("s3://") and endpoint:
        kind: Any = fs.S3FileSystem
        scheme, _, host = endpoint.partition("://")
        system = kind(endpoint_override=host.rstrip("/"), scheme=scheme)
        return system, location[len("s3://") :].rstrip("/")
    scheme, _, rest = location.rstrip("/").partition("://")
    return cast(Tuple[Any, str], fs.FileSystem.from_uri(f"{scheme}://{quote(rest)}"))
