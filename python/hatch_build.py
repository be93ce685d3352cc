"""Generates the package's copy of the wire contract from `proto/`.

In the repository `proto/` stands beside this folder. A source distribution
holds a copy of it, so that it builds alone.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "peregrine_translate"
CONTRACTS = ("peregrine/v1/translation.proto", "peregrine/v1/glossary.proto")
SERVICE_CONFIG = "peregrine/v1/service_config.json"


class ContractBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        proto_dir = self._proto_dir()
        if self.target_name == "sdist":
            for name in (*CONTRACTS, SERVICE_CONFIG):
                build_data["force_include"][str(proto_dir / name)] = f"proto/{name}"
            return
        wire_dir = Path(self.root, "src", PACKAGE, "_wire")
        shutil.rmtree(wire_dir, ignore_errors=True)
        wire_dir.mkdir(parents=True)
        generate(proto_dir, wire_dir)

    def _proto_dir(self) -> Path:
        for folder in (Path(self.root, "proto"), Path(self.root).parent / "proto"):
            if (folder / CONTRACTS[0]).exists():
                return folder
        raise FileNotFoundError(
            f"{CONTRACTS[0]} is neither in {self.root}/proto nor beside {self.root}"
        )


def generate(proto_dir: Path, wire_dir: Path) -> None:
    """Writes the messages, their types and the gRPC stubs into `wire_dir`."""
    import grpc_tools
    from google.rpc import status_pb2
    from grpc_tools import protoc

    # The public google.rpc and google.api come with googleapis-common-protos.
    public_dir = Path(status_pb2.__file__).parents[2]
    well_known_dir = Path(grpc_tools.__file__).parent / "_proto"
    # Only the contract itself, so that no private copy of google/ hides the
    # public one.
    source_dir = wire_dir / "source"
    for name in CONTRACTS:
        contract = source_dir / name
        contract.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(proto_dir / name, contract)
    arguments = [
        "protoc",
        f"-I{source_dir}",
        f"-I{public_dir}",
        f"-I{well_known_dir}",
        f"--python_out={wire_dir}",
        f"--pyi_out={wire_dir}",
        f"--grpc_python_out={wire_dir}",
        *CONTRACTS,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"protoc failed: {' '.join(arguments)}")
    shutil.rmtree(source_dir)
    _move_into_package(wire_dir)
    shutil.copyfile(proto_dir / SERVICE_CONFIG, wire_dir / "service_config.json")
    (wire_dir / "__init__.py").write_text(
        '"""Generated from proto/ when the package is built."""\n'
    )


def _move_into_package(wire_dir: Path) -> None:
    """protoc writes peregrine/v1/…, importable only from the top level."""
    generated = wire_dir / "peregrine" / "v1"
    for path in sorted(generated.iterdir()):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^from peregrine\.v1 import", "from . import", text, flags=re.M)
        (wire_dir / path.name).write_text(text, encoding="utf-8")
    shutil.rmtree(wire_dir / "peregrine")
