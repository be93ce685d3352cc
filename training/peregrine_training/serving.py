"""Translates through Peregrine's own server and client."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

# Where the release build puts the programs, seen from training/.
BINARIES = pathlib.Path("../build/release/bin")
_START_SECONDS = 60.0


@dataclass
class Translation:
    text: str
    flags: list[str]  # what the server warns of: a loop, a truncation
    alternatives: list[str] = field(default_factory=list)  # the next best, best first


def _translation(answer: dict[str, Any]) -> Translation:
    texts = [hypothesis["text"] for hypothesis in answer["hypotheses"]]
    return Translation(texts[0], answer["flags"], texts[1:])


class Server:
    """A server of one model on a free port, from `with` to its end."""

    def __init__(self, model: pathlib.Path, binaries: pathlib.Path = BINARIES,
                 precision: str = "float32") -> None:
        self.binaries = binaries
        for name in ("peregrine-server", "peregrine"):
            if not (binaries / name).exists():
                raise SystemExit(f"{binaries / name} is missing: build it with "
                                 "`cmake --preset release && ninja -C build/release`")
        self._folder = tempfile.TemporaryDirectory()
        ports = pathlib.Path(self._folder.name) / "ports"
        self._process = subprocess.Popen(
            [binaries / "peregrine-server", f"--model={model}", "--listen=127.0.0.1:0",
             f"--precision={precision}",
             "--metrics-listen=off", "--log-level=warning", f"--port-file={ports}"],
            stdout=subprocess.DEVNULL)
        try:
            self.address = f"127.0.0.1:{self._port(ports)}"
        except BaseException:
            self.close()
            raise

    def _port(self, ports: pathlib.Path) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise SystemExit(f"the server ended with {self._process.returncode}")
            if ports.exists():
                return ports.read_text().split()[1]
            time.sleep(0.05)
        raise SystemExit(f"the server did not start within {_START_SECONDS:.0f} s")

    def translate(self, lines: list[str], beam_size: int,
                  num_hypotheses: int = 1,
                  length_penalty: float | None = None) -> list[Translation]:
        """One translation a line, each line taken as one sentence, and its alternatives."""
        source, out = (pathlib.Path(self._folder.name) / name for name in ("in", "out"))
        source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        penalty = [] if length_penalty is None else [f"--length-penalty={length_penalty}"]
        done = subprocess.run(
            [self.binaries / "peregrine", "translate", f"--address={self.address}", "--json",
             "--single-sentence", f"--beam-size={beam_size}",
             f"--num-hypotheses={num_hypotheses}", f"--file={source}", f"--output={out}",
             *penalty],
            stderr=subprocess.PIPE, encoding="utf-8")
        if done.returncode:
            raise SystemExit(f"the client failed with {done.returncode}: {done.stderr[-2000:]}")
        answers = [json.loads(line) if line.strip() else None
                   for line in out.read_text(encoding="utf-8").rstrip("\n").split("\n")]
        if len(answers) != len(lines):
            raise SystemExit(f"{len(answers)} answers for {len(lines)} lines")
        return [_translation(answer) if answer else Translation("", []) for answer in answers]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
