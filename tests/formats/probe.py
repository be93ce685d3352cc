"""Asks model_probe.cc."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any


class Probe:
    def __init__(self, program: pathlib.Path, directory: pathlib.Path) -> None:
        self.process = subprocess.Popen([program, directory], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **request: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"model_probe ended with status {self.process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
