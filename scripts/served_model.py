"""A server of one model, for scripts that measure models."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class ServedModel:
    """`program` serving `directory` on a free port: `address`, within `with`."""

    def __init__(self, program: Path, directory: Path):
        self._folder = tempfile.TemporaryDirectory()
        ports = Path(self._folder.name) / "ports"
        self._process = subprocess.Popen(
            [program, f"--model={directory}", "--listen=127.0.0.1:0", "--workers=1",
             "--metrics-listen=off", f"--port-file={ports}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not ports.exists():
            if self._process.poll() is not None:
                sys.exit(f"{program}: ended with {self._process.returncode}")
            time.sleep(0.02)
        port = re.search(r"grpc(?:_port=| )(\d+)", ports.read_text()).group(1)
        self.address = f"127.0.0.1:{port}"

    def __enter__(self) -> "ServedModel":
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()
