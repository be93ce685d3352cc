"""A real server for the tests that need one.

PEREGRINE_BIN names the folder of the built programs; by default the release
preset's. Without it these tests are skipped.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("PEREGRINE_BIN", REPOSITORY / "build/release/bin"))
MODEL = REPOSITORY / "models/en-de-mdn"
START_SECONDS = 60


class Server:
    """A running server on ports of its own."""

    def __init__(self, folder: Path, *flags: str, listen: str = "127.0.0.1:0"):
        port_file = folder / f"ports-{time.monotonic_ns()}"
        self.log_path = folder / f"{port_file.name}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [
                    str(BIN / "peregrine-server"),
                    f"--model={MODEL}",
                    f"--listen={listen}",
                    "--metrics-listen=127.0.0.1:0",
                    f"--port-file={port_file}",
                    *flags,
                ],
                # Tests that repeat a text mean to have it translated again.
                env={**os.environ, "PEREGRINE_CACHE_MIB": "0"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if port_file.exists():
                found = re.findall(r"\b(grpc|metrics|admin)(?:_port=| )(\d+)", port_file.read_text())
                ports = dict(found)
                if {"grpc", "metrics"} <= set(ports):
                    self.address = f"127.0.0.1:{ports['grpc']}"
                    self.admin_address = f"127.0.0.1:{ports.get('admin', 0)}"
                    return
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError("the server did not start:\n" + self.log_path.read_text())

    def kill(self) -> None:
        """Ends it without a word, as a crash does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory):
    """Starts servers; all are stopped at the end."""
    if not (BIN / "peregrine-server").exists():
        pytest.skip(f"no server: {BIN}/peregrine-server is not built")
    folder = tmp_path_factory.mktemp("servers")
    servers = []

    def start(*flags: str, **places: str) -> Server:
        servers.append(Server(folder, *flags, **places))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server):
    """One that all tests share."""
    return start_server("--workers=1")


@pytest.fixture(scope="session")
def glossary_server(start_server, tmp_path_factory):
    """One that stores glossaries."""
    folder = tmp_path_factory.mktemp("glossaries")
    return start_server(
        "--workers=1", f"--glossaries={folder}", "--admin-listen=127.0.0.1:0"
    )


@pytest.fixture
def both(tmp_path):
    """The document after an identity translation, after capitals, and what was
    left of it."""

    from changes import identity, translate, upper

    from peregrine_translate.documents import open_document

    def run(name, data, **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
        document = open_document(path, **options)
        same = identity(document)
        document = open_document(path, **options)
        return same, translate(document, upper), document.skipped

    return run
