"""A bulk job on a Ray cluster, by Ray Data.

Each partition is a row of the data set; an actor with a client of its own
translates it and writes its output. Where a node is lost, Ray gives its
partitions to others; since an output is renamed when it is whole, each row is
there once.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from ..client import Client
from .job import BulkJob, BulkReport, Partition

START_SECONDS = 120


class PartitionWorker:
    """An actor: one client, and a server beside it where one is to be started."""

    def __init__(
        self,
        job: BulkJob,
        address: Union[str, Sequence[str], None],
        client_arguments: Dict[str, Any],
        serve: Sequence[str],
    ) -> None:
        self._job = job
        self._server: Optional[subprocess.Popen[bytes]] = None
        if serve:
            address = self._start(serve)
        assert address is not None
        self._client = Client(address, **client_arguments)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, List[Any]]:
        rows, failed = [], []
        for values in zip(*(batch[name] for name in Partition.__annotations__)):
            partition = Partition(
                str(values[0]), str(values[1]), int(values[2]), int(values[3]), str(values[4])
            )
            if self._job.is_done(partition):  # by an actor that was lost since
                rows.append(0)
                failed.append(0)
                continue
            report = self._job.run_partition(self._client, partition)
            rows.append(report.rows)
            failed.append(report.failed)
        return {"rows": rows, "failed": failed}

    def _start(self, serve: Sequence[str]) -> str:
        folder = tempfile.mkdtemp(prefix="peregrine-")
        port_file = Path(folder, "ports")
        self._server = subprocess.Popen(
            [*serve, "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0",
             f"--port-file={port_file}"],
            stdin=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._server.poll() is None:
            if port_file.exists():
                ports = dict(line.split() for line in port_file.read_text().splitlines())
                return f"127.0.0.1:{ports['grpc']}"
            time.sleep(0.05)
        self._server.kill()
        raise RuntimeError(f"the server did not start: {' '.join(serve)}")

    def __del__(self) -> None:
        if self._server is not None:
            self._server.terminate()


def run_on_ray(
    job: BulkJob,
    address: Union[str, Sequence[str], None],
    client_arguments: Dict[str, Any],
    *,
    actors: int,
    serve: Sequence[str] = (),
    cpus_per_actor: float = 1,
) -> BulkReport:
    """Translates what is not finished, on the cluster that ray.init() names.

    `job.sources` and `job.out` must be the same files on every node. `serve` is
    the command line of a server that each actor starts for itself.
    """
    import ray.data

    job.begin()
    pending = job.pending()
    if pending:
        data = ray.data.from_items([asdict(p) for p in pending], override_num_blocks=len(pending))
        data.map_batches(
            PartitionWorker,
            fn_constructor_args=(job, address, client_arguments, tuple(serve)),
            batch_size=1,
            concurrency=actors,
            num_cpus=cpus_per_actor,
        ).materialize()
    return job.reports()
