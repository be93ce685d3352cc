"""A bulk job on a real Ray cluster of two nodes, one of which is killed.

Optional, since Ray is large: run where it is installed.
"""

import json
import threading
import time

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed: pip install './python[ray]'")
pytest.importorskip("pyarrow")
from ray.cluster_utils import Cluster  # noqa: E402

from conftest import BIN, MODEL  # noqa: E402
from peregrine_translate.bulk.job import BulkJob  # noqa: E402
from peregrine_translate.bulk.on_ray import run_on_ray  # noqa: E402
from peregrine_translate.bulk.rows import read_rows  # noqa: E402

ROWS = 400


@pytest.fixture
def cluster():
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "rows.jsonl"
    with open(path, "w") as file:
        for number in range(ROWS):
            file.write(json.dumps({"id": number, "text": f"I have {number} apples."}) + "\n")
    return BulkJob((str(path),), str(tmp_path / "out"), rows_per_partition=20)


def ids(job):
    return [
        row["id"]
        for partition in job.partitions()
        for row in read_rows(job.output(partition), "jsonl", 0, None)
    ]


def test_a_killed_node_loses_no_row_and_doubles_none(cluster, job, server):
    lost = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    killed = []

    def kill_when_under_way():
        while sum(job.is_done(p) for p in job.partitions()) < 3:
            time.sleep(0.02)
        cluster.remove_node(lost, allow_graceful=False)
        killed.append(len(job.pending()))

    killer = threading.Thread(target=kill_when_under_way)
    killer.start()
    report = run_on_ray(job, server.address, {}, actors=2)
    killer.join()
    assert killed[0] > 0, "the job was over before the node was killed"
    assert ids(job) == list(range(ROWS))
    assert (report.rows, report.failed) == (ROWS, 0)


def test_actors_start_servers_of_their_own(cluster, job, server):
    serve = [str(BIN / "peregrine-server"), f"--model={MODEL}", "--workers=1"]
    report = run_on_ray(job, None, {}, actors=1, serve=serve)
    assert ids(job) == list(range(ROWS))
    assert report.rows == ROWS
