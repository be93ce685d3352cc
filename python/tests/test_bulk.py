"""Bulk jobs against the real server: every row once, whatever happens."""

import csv
import gzip
import json

import pytest

pytest.importorskip("pyarrow")
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402
import zstandard  # noqa: E402

from peregrine_translate import Client  # noqa: E402
from peregrine_translate.bulk import storage  # noqa: E402
from peregrine_translate.bulk.job import BulkJob, run  # noqa: E402
from peregrine_translate.bulk.rows import count_rows, format_of, read_rows  # noqa: E402
from peregrine_translate.command import main  # noqa: E402

TEXTS = [f"I have {number} apples." for number in range(25)]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "in" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate(TEXTS)))
    return path


def read_all(folder):
    return [row for path in sorted(folder.glob("*.jsonl")) for row in read_rows(str(path), "jsonl", 0, None)]


def test_every_row_once_and_in_order(server, rows, tmp_path):
    job = BulkJob((str(rows),), str(tmp_path / "out"), rows_per_partition=10)
    report = run(job, server.address, {})
    out = read_all(tmp_path / "out")
    assert [row["id"] for row in out] == list(range(25))
    assert all(row["translation"] and row["text"] == TEXTS[row["id"]] for row in out)
    assert (report.rows, report.failed) == (25, 0)
    assert report.target_tokens > 25
    assert [p.name for p in job.partitions()] == ["rows-00000", "rows-00001", "rows-00002"]


def test_a_stopped_job_goes_on(server, rows, tmp_path, monkeypatch):
    job = BulkJob((str(rows),), str(tmp_path / "out"), rows_per_partition=10)
    with Client(server.address) as client:
        job.run_partition(client, job.partitions()[1])
    done = (tmp_path / "out" / "rows-00001.jsonl").stat().st_mtime_ns
    (tmp_path / "out" / "rows-00000.part-1").write_text("half a row")
    assert [p.name for p in job.pending()] == ["rows-00000", "rows-00002"]
    seen = []
    report = run(job, server.address, {}, seen.append)
    assert seen == [10, 5]
    assert report.rows == 25
    assert (tmp_path / "out" / "rows-00001.jsonl").stat().st_mtime_ns == done
    assert [row["id"] for row in read_all(tmp_path / "out")] == list(range(25))


def test_a_failing_partition_leaves_no_output(server, rows, tmp_path, monkeypatch):
    job = BulkJob((str(rows),), str(tmp_path / "out"))

    def broken(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(storage.os, "replace", broken)
    with Client(server.address) as client, pytest.raises(OSError, match="disk full"):
        job.run_partition(client, job.partitions()[0])
    assert not [p for p in (tmp_path / "out").iterdir() if p.is_file()]


def test_bad_rows_are_set_aside(server, tmp_path):
    path = tmp_path / "rows.jsonl"
    contents = [{"text": "Hello."}, {"other": "x"}, {"text": 3}, {"text": "x" * 100_000},
                {"text": "Good morning!"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in contents))
    job = BulkJob((str(path),), str(tmp_path / "out"))
    report = run(job, server.address, {})
    assert (report.rows, report.failed) == (2, 3)
    errors = list(read_rows(str(tmp_path / "out" / "_errors" / "rows-00000.jsonl"), "jsonl", 0, None))
    assert [error["row"] for error in errors] == [1, 2, 3]
    assert "no column 'text' in ['other']" in errors[0]["error"]
    assert errors[1]["content"] == {"text": 3}


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "txt", "jsonl.gz", "txt.zst"])
def test_formats(server, tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    texts = ["Hello.", 'A "quoted", text.', "Good morning!"]
    if kind in ("csv", "tsv"):
        with open(path, "w", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if kind == "tsv" else ",")
            writer.writerows([["id", "text"], *([n, t] for n, t in enumerate(texts))])
    elif kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": [0, 1, 2], "text": texts}), path)
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress("".join(json.dumps({"text": t}) + "\n" for t in texts).encode()))
    else:
        data = "".join(t + "\n" for t in texts).encode()
        path.write_bytes(zstandard.compress(data) if kind.endswith("zst") else data)
    assert count_rows(str(path), format_of(str(path))) == 3
    job = BulkJob((str(tmp_path / path.name),), str(tmp_path / "out"))
    assert run(job, server.address, {}).rows == 3
    (out,) = [p for p in (tmp_path / "out").iterdir() if p.is_file()]
    written = list(read_rows(str(out), format_of(str(out)), 0, None))
    column = "text" if kind.startswith("txt") else "translation"
    with Client(server.address) as client:
        assert [row[column] for row in written] == [t.text for t in client.translate(texts)]
    if kind == "parquet":
        assert [row["id"] for row in written] == [0, 1, 2]


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ValueError, match="absent: found no such file"):
        BulkJob((str(tmp_path / "absent"),), str(tmp_path)).partitions()
    with pytest.raises(ValueError, match="found no file in"):
        BulkJob((str(tmp_path),), str(tmp_path)).partitions()
    (tmp_path / "a.exe").write_text("x")
    with pytest.raises(ValueError, match="a.exe: found no known ending, expected one of jsonl"):
        BulkJob((str(tmp_path),), str(tmp_path)).partitions()
    with pytest.raises(ValueError, match="format: found 'xml'"):
        BulkJob(("a",), "b", kind="xml")
    (tmp_path / "a.jsonl").write_text("{}\n[]\n")
    with pytest.raises(ValueError, match="a.jsonl, line 2: found no object"):
        list(read_rows(str(tmp_path / "a.jsonl"), "jsonl", 0, None))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.csv").write_text("text\nHello.\n")
    with pytest.raises(ValueError, match="would be written as a, as"):
        BulkJob((str(tmp_path / "a.jsonl"), str(tmp_path / "b")), "out").partitions()


def test_the_command(server, rows, tmp_path, capsys):
    command = ["bulk", f"--input={rows}", f"--out={tmp_path / 'out'}",
               f"--address={server.address}", "--target=de", "--beam-size=1"]
    assert main(command) == 0
    assert "25 rows translated, 0 failed; now 25 rows" in capsys.readouterr().out
    assert main(command) == 0
    assert "25 rows translated, 0 failed; now 0 rows" in capsys.readouterr().out
    assert main([*command[:-1], "--beam-size=9999", f"--out={tmp_path / 'other'}"]) == 1
    assert main(["bulk", "--input=/absent", "--out=x"]) == 1
    assert "peregrine-py: /absent: found no such file" in capsys.readouterr().err


def test_shards_do_all_of_it_once(server, rows, tmp_path):
    command = ["bulk", f"--input={rows}", f"--out={tmp_path / 'out'}", "--rows-per-partition=10",
               f"--address={server.address}"]
    assert main([*command, "--shard=1/2"]) == 0
    assert [p.name for p in sorted((tmp_path / "out").glob("*.jsonl"))] == ["rows-00001.jsonl"]
    assert main([*command, "--shard=0/2"]) == 0
    assert [row["id"] for row in read_all(tmp_path / "out")] == list(range(25))
    assert main([*command, "--shard=2/2"]) == main([*command, "--shard=x"]) == 1


@pytest.fixture
def bucket(monkeypatch):
    """A store that speaks S3, of this process."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[server]'")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key",
                        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="texts")
    yield client
    server.stop()


def test_a_store_that_speaks_s3(server, rows, bucket):
    bucket.upload_file(str(rows), "texts", "in/rows.jsonl")
    bucket.put_object(Bucket="texts", Key="in/more.txt.gz", Body=gzip.compress(b"Good morning!\n"))
    command = ["bulk", "--input=s3://texts/in", "--out=s3://texts/out", "--rows-per-partition=10",
               f"--address={server.address}"]
    assert main(command) == 0
    keys = [e["Key"] for e in bucket.list_objects_v2(Bucket="texts", Prefix="out/")["Contents"]]
    assert keys == ["out/_reports/more-00000.jsonl",
                    *(f"out/_reports/rows-0000{n}.jsonl" for n in range(3)),
                    "out/more-00000.txt", *(f"out/rows-0000{n}.jsonl" for n in range(3))]
    found = [row for n in range(3)
             for row in read_rows(f"s3://texts/out/rows-0000{n}.jsonl", "jsonl", 0, None)]
    assert [row["id"] for row in found] == list(range(25))
    stamp = bucket.head_object(Bucket="texts", Key="out/rows-00000.jsonl")["LastModified"]
    bucket.delete_object(Bucket="texts", Key="out/rows-00001.jsonl")
    assert BulkJob(("s3://texts/in",), "s3://texts/out", rows_per_partition=10).pending()[0].name \
        == "rows-00001"
    assert main(command) == 0
    assert bucket.head_object(Bucket="texts", Key="out/rows-00000.jsonl")["LastModified"] == stamp
    assert main(["bulk", "--input=s3://texts/absent", "--out=s3://texts/x"]) == 1
