"""Bulk jobs against the real server: every row once, whatever happens."""

import csv
import gzip
import json
import re

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


def test_a_job_with_other_settings_is_refused(server, rows, tmp_path):
    """Rows would be there twice, or in two languages."""
    out = str(tmp_path / "out")
    run(BulkJob((str(rows),), out, rows_per_partition=10), server.address, {})
    for changed in ({"rows_per_partition": 5}, {"into": "german"}, {"column": "id"},
                    {"arguments": {"options": {"beam_size": 1}}}):
        job = BulkJob((str(rows),), out, **{"rows_per_partition": 10, **changed})
        with pytest.raises(ValueError, match=f"made with {next(iter(changed))}="):
            run(job, server.address, {})
    job = BulkJob((str(rows),), out, rows_per_partition=10, arguments={"priority": "bulk"})
    assert run(job, server.address, {}).rows == 25


def test_an_input_that_grew_is_done_to_its_end(server, rows, tmp_path):
    job = BulkJob((str(rows),), str(tmp_path / "out"), rows_per_partition=10)
    run(job, server.address, {})
    with open(rows, "a") as file:
        file.writelines(json.dumps({"id": n, "text": f"I have {n} pears."}) + "\n" for n in range(25, 33))
    assert [p.name for p in job.pending()] == ["rows-00002", "rows-00003"]
    assert run(job, server.address, {}).rows == 33
    assert [row["id"] for row in read_all(tmp_path / "out")] == list(range(33))


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
    (out,) = (tmp_path / "out").glob("[!_]*")
    written = list(read_rows(str(out), format_of(str(out)), 0, None))
    column = "text" if kind.startswith("txt") else "translation"
    with Client(server.address) as client:
        assert [row[column] for row in written] == [t.text for t in client.translate(texts)]
    if kind == "parquet":
        assert [row["id"] for row in written] == [0, 1, 2]


# Name, contents, translations, and errors of rows that are set aside.
ODD_FILES = {
    "mark.csv": ("\ufefftext,id\r\nGood morning!,1\r\n".encode(), 1, []),
    "semicolons.csv": (b"id;text\n1;Good morning!\n2;\"Yes; no.\"\n", 2, []),
    "excel.csv": (b"sep=|\r\nid|text\r\n1|Good morning!\r\n", 1, []),
    "lines.csv": (b'text,id\n"Good\nmorning!",1\n"He said ""hi"".",2\n', 2, []),
    "long.csv": (b"text,id\nGood morning!,1\nGood, morning!,2\nshort\n", 2,
                 ["line 3: found 3 fields, expected 2"]),
    "wide.csv": (b"id,other,text\n1," + b"x" * 200_000 + b",Good morning!\n", 1, []),
    "blank.jsonl": (b'{"text": "Good morning!"}\n\n  \n{"text": "Good night!"}', 2, []),
    "broken.jsonl": (b'{"text": "Good morning!"}\n{"text": "Go\n[1]\n{"text": null}\n{"text": "a", "text": "Yes."}\n',
                     2, ["line 2: no JSON", "line 3: found no object", "found NoneType"]),
    "mark.jsonl": ('\ufeff{"text": "Good morning!"}\n'.encode(), 1, []),
    "empty.jsonl": (b"", 0, []),
    "empty.csv": (b"", 0, []),
    "only a header.csv": (b"id,text\n", 0, []),
    "old.mac.txt": (b"Good morning!\rGood night!\r", 2, []),
    "frames.txt.zst": (zstandard.compress(b"Good ") + zstandard.compress(b"morning!\nGood night!\n"), 2, []),
    "empty lines.txt": (b"Good morning!\n\n\nGood night!\n", 4, []),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files(server, tmp_path, name):
    data, count, expected = ODD_FILES[name]
    (tmp_path / name).write_bytes(data)
    job = BulkJob((str(tmp_path / name),), str(tmp_path / "out"))
    report = run(job, server.address, {})
    assert (report.rows, report.failed) == (count, len(expected))
    errors = [row["error"] for path in (tmp_path / "out").glob("_errors/*")
              for row in read_rows(str(path), "jsonl", 0, None)]
    assert len(errors) == len(expected)
    for error, part in zip(errors, expected):
        assert part in error


UNREADABLE = {
    "latin.csv": ("text\nCaf\u00e9\n".encode("latin-1"), "found a byte that is no UTF-8"),
    "utf16.jsonl": ('{"text": "a"}\n'.encode("utf-16"), "found a byte that is no UTF-8"),
    "cut.jsonl.gz": (gzip.compress(b'{"text": "a"}\n' * 1000)[:-20], "ended before"),
    "no.txt.gz": (b"Good morning!", "gzip"),
    "cut.txt.zst": (zstandard.compress(b"Good morning!\n" * 1000)[:20], "ended before"),
    "damaged.txt.zst": (zstandard.compress(b"Good morning!\n")[:8] + bytes(20), ""),
    "no.txt.zst": (b"Good morning!", "frame"),
    "no.parquet": (b"PAR1 and no more", "magic bytes"),
    "column.csv": (b"id,words\n1,a\n", r"found no column 'text', expected one of \['id', 'words'\]"),
    "list.json": (b"[\n]", "found a list of JSON, expected an object a line"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named(tmp_path, capsys, name):
    data, expected = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)
    assert main(["bulk", f"--input={tmp_path / name}", f"--out={tmp_path / 'out'}",
                 "--address=127.0.0.1:1"]) == 1
    message = capsys.readouterr().err
    assert re.search(f"peregrine-py: .*{re.escape(name)}.*{expected}", message), message


def test_lines_stay_side_by_side(server, tmp_path):
    (tmp_path / "a.txt").write_text("Good morning!\n" + "x" * 100_000 + "\nGood night!\n")
    job = BulkJob((str(tmp_path / "a.txt"),), str(tmp_path / "out"), into="german")
    report = run(job, server.address, {})
    assert (report.rows, report.failed) == (2, 1)
    lines = (tmp_path / "out" / "a-00000.txt").read_text("utf-8").split("\n")
    assert lines[0] and not lines[1] and lines[2] and len(lines) == 4


def test_parquet_keeps_its_types(server, tmp_path):
    from datetime import datetime, timezone
    from decimal import Decimal

    schema = pyarrow.schema([("text", pyarrow.large_string()), ("n", pyarrow.int8()),
                             ("x", pyarrow.float32()), ("d", pyarrow.decimal128(9, 2)),
                             ("when", pyarrow.timestamp("us", "UTC")), ("none", pyarrow.string()),
                             ("list", pyarrow.list_(pyarrow.int16()))])
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    rows = [["Good morning!", 1, 0.5, Decimal("1.25"), now, None, [1]],
            [None, 2, 0.5, Decimal("1.25"), now, None, [2]]]
    table = pyarrow.Table.from_pylist([dict(zip(schema.names, row)) for row in rows], schema)
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    job = BulkJob((str(tmp_path / "a.parquet"),), str(tmp_path / "out"))
    assert run(job, server.address, {}).failed == 1
    found = pyarrow.parquet.read_table(tmp_path / "out" / "a-00000.parquet")
    assert found.schema == schema.append(pyarrow.field("translation", pyarrow.string()))
    assert found.drop(["translation"]) == table.slice(0, 1)


def test_names_with_dots_are_told_apart(server, tmp_path):
    for year in (2024, 2025):
        (tmp_path / f"rows.{year}.jsonl").write_text('{"text": "Good morning!"}\n')
    job = BulkJob((f"{tmp_path}",), str(tmp_path / "out"))
    assert [p.name for p in job.partitions()] == ["rows.2024-00000", "rows.2025-00000"]
    assert run(job, server.address, {}).rows == 2


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ValueError, match="absent: found no such file"):
        BulkJob((str(tmp_path / "absent"),), str(tmp_path / "out")).partitions()
    with pytest.raises(ValueError, match="found no file in"):
        BulkJob((str(tmp_path),), str(tmp_path / "out")).partitions()
    (tmp_path / "a.exe").write_text("x")
    with pytest.raises(ValueError, match="a.exe: found no known ending, expected one of jsonl"):
        BulkJob((str(tmp_path),), str(tmp_path / "out")).partitions()
    with pytest.raises(ValueError, match="format: found 'xml'"):
        BulkJob(("a",), "b", kind="xml")
    (tmp_path / "a.jsonl").write_text("[\n {}\n]\n")
    with pytest.raises(ValueError, match="a.jsonl: found a list of JSON, expected an object a line"):
        list(read_rows(str(tmp_path / "a.jsonl"), "jsonl", 0, None))
    with pytest.raises(ValueError, match="which is an input; expected another folder"):
        BulkJob((f"{tmp_path}/",), str(tmp_path))
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
    assert keys == ["out/_job.json", "out/_reports/more-00000.jsonl",
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
