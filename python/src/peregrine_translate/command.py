"""The command `peregrine-py`: documents and bulk jobs.

For texts and lines there is `peregrine translate`, which needs no Python.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .channel import Tls
from .client import Client
from .errors import TranslationError
from .text_options import Term


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """0: done. 1: failed, or rows failed. 2: the command line is wrong."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (TranslationError, ValueError, OSError) as error:
        print(f"peregrine-py: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("peregrine_translate"):
            raise
        extra = "ray" if error.name == "ray" else options.extra
        print(
            f"peregrine-py: found no package {error.name}: "
            f"pip install 'peregrine-translate[{extra}]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("peregrine-py: interrupted", file=sys.stderr)
        return 130


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="peregrine-py", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    bulk = commands.add_parser(
        "bulk",
        help="translate files of rows, on this machine or a Ray cluster",
        description="Translates a column of every row. A job that was stopped goes on "
        "where it stopped when the same command is given again.",
    )
    bulk.add_argument("--input", action="append", required=True, metavar="FILE_OR_FOLDER",
                      help="also s3://BUCKET/FOLDER; may be repeated")
    bulk.add_argument("--out", required=True, metavar="FOLDER")
    bulk.add_argument("--format", default="", help="jsonl, csv, tsv, parquet, txt; "
                      "by default what the files' endings say")
    bulk.add_argument("--column", default="text", help="of the text (%(default)s)")
    bulk.add_argument("--into", default="translation", help="column to add (%(default)s)")
    bulk.add_argument("--rows-per-partition", type=int, default=10_000, metavar="N",
                      help="rows of an output file (%(default)s)")
    bulk.add_argument("--shard", default="0/1", metavar="I/N", help="do every N-th partition, "
                      "from the I-th on: for N jobs side by side")
    bulk.add_argument("--ray", metavar="ADDRESS", help="run on this Ray cluster (auto, or "
                      "ray://HOST:PORT); files must be the same on all nodes")
    bulk.add_argument("--actors", type=int, default=1, metavar="N", help="on Ray")
    bulk.add_argument("--serve", metavar="COMMAND", help="on Ray: each actor starts this "
                      "server for itself, as in 'peregrine-server --model=DIR'")
    _add_common(bulk)
    bulk.set_defaults(run=_run_bulk, extra="bulk")

    document = commands.add_parser(
        "document",
        help="translate a file; everything but its text stays as it is",
        description="The ending says what the file is: HTML, Markdown, EPUB, Word, PowerPoint, "
        "OpenDocument, SRT, VTT, PO, XLIFF, TMX, Android and iOS strings, JSON, YAML, CSV, text.",
    )
    document.add_argument("input", metavar="IN")
    document.add_argument("output", metavar="OUT")
    document.add_argument("--keys", action="append", metavar="PATTERN",
                          help="of JSON and YAML, paths such as 'messages.*.text'; may be repeated")
    document.add_argument("--column", action="append", metavar="NAME",
                          help="of CSV, a name or a number from 0; may be repeated")
    document.add_argument("--encoding", metavar="NAME",
                          help="of a text file that is neither UTF-8 nor UTF-16 with a mark, such "
                          "as cp1252; it is written as UTF-8")
    _add_common(document)
    document.set_defaults(run=_run_document, extra="documents")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", default="localhost:50051",
                        help="HOST:PORT, several with commas between (%(default)s)")
    parser.add_argument("--source", default="", help="language of the texts")
    parser.add_argument("--target", default="", help="language to translate into")
    parser.add_argument("--model", default="", help="name of a served model")
    parser.add_argument("--beam-size", type=int, help="by default the model's")
    parser.add_argument("--glossary", metavar="TSV", help="a term a line: source TAB target; "
                        "without a target it is left as it is")
    parser.add_argument("--stored-glossary", action="append", metavar="NAME",
                        help="a glossary that the server stores; may be repeated")
    parser.add_argument("--pattern", action="append", metavar="RE2",
                        help="leave what matches as it is; may be repeated")
    parser.add_argument("--unprotected", action="append", metavar="KIND",
                        help="a kind of span to translate like any text; may be repeated")
    parser.add_argument("--numbers", choices=("either", "source", "target"), default="either",
                        help="how numbers are written (%(default)s)")
    parser.add_argument("--keep-capitals", action="store_true",
                        help="show ALL CAPS and Title Case to the model as they are")
    parser.add_argument("--tls", action="store_true", help="encrypt")
    parser.add_argument("--tls-ca", metavar="FILE", help="authorities to trust")
    parser.add_argument("--token-file", metavar="FILE",
                        help="holds the token; or set PEREGRINE_TOKEN")


def _client_arguments(options: Any) -> Dict[str, Any]:
    arguments: Dict[str, Any] = {}
    if options.tls or options.tls_ca:
        arguments["tls"] = Tls(ca=options.tls_ca)
    if options.token_file:
        with open(options.token_file, encoding="ascii") as file:
            arguments["token"] = file.read()
    return arguments


def _translate_arguments(options: Any) -> Dict[str, Any]:
    arguments: Dict[str, Any] = {
        name: getattr(options, name)
        for name in ("source", "target", "model")
        if getattr(options, name)
    }
    if options.beam_size is not None:
        arguments["options"] = {"beam_size": options.beam_size}
    for name, value in (
        ("glossary", options.glossary and _read_glossary(options.glossary)),
        ("glossaries", options.stored_glossary),
        ("patterns", options.pattern),
        ("unprotected", options.unprotected),
        ("numbers", options.numbers),
        ("keep_capitals", options.keep_capitals),
    ):
        if value:
            arguments[name] = value
    return arguments


def _addresses(options: Any) -> Any:
    addresses: List[str] = options.address.split(",")
    return addresses if len(addresses) > 1 else addresses[0]


def _run_bulk(options: Any) -> int:
    from .bulk.job import BulkJob, run

    job = BulkJob(
        sources=tuple(options.input),
        out=options.out,
        column=options.column,
        into=options.into,
        kind=options.format,
        rows_per_partition=options.rows_per_partition,
        shard=_shard(options.shard),
        arguments={"priority": "bulk", **_translate_arguments(options)},
    )
    began = time.monotonic()
    pending = job.pending()
    rows = sum(partition.stop - partition.start for partition in pending)
    if options.ray:
        import ray

        from .bulk.on_ray import run_on_ray

        ray.init(address=options.ray)
        report = run_on_ray(
            job,
            None if options.serve else _addresses(options),
            _client_arguments(options),
            actors=options.actors,
            serve=shlex.split(options.serve or ""),
        )
    else:
        from tqdm import tqdm

        with tqdm(total=rows, unit="row") as bar:
            report = run(job, _addresses(options), _client_arguments(options), bar.update)
    seconds = time.monotonic() - began
    print(
        f"{report.rows} rows translated, {report.failed} failed"
        f"{' (see _errors in ' + options.out + ')' if report.failed else ''}; "
        f"now {rows} rows in {seconds:.1f} s, {rows / max(seconds, 1e-9):.1f} a second; "
        f"{report.source_tokens} source and {report.target_tokens} target tokens"
    )
    for flag, count in sorted(report.flags.items()):
        print(f"  {flag}: {count}")
    return 1 if report.failed else 0


def _shard(text: str) -> Tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdigit() and count.isdigit()):
        raise ValueError(f"--shard: found {text!r}, expected I/N, as in 0/4")
    return int(index), int(count)


def _run_document(options: Any) -> int:
    from tqdm import tqdm

    from .documents import check_output, open_document, translate_document

    arguments = _translate_arguments(options)
    check_output(options.input, options.output)
    document = open_document(
        options.input,
        keys=options.keys,
        columns=options.column,
        encoding=options.encoding,
        target=options.target,
    )
    total = sum(segment.is_translatable for segment in document.segments)
    with Client(_addresses(options), **_client_arguments(options)) as client:
        with tqdm(total=total, unit="segment", disable=None) as bar:
            report = translate_document(client, document, progress=bar.update, **arguments)
    document.write(options.output)
    for title, lines in (("not translated", report.skipped), ("to look at", report.warnings)):
        for line in lines:
            print(f"{title}: {line}")
    print(f"{options.output}: {report.segments} segments, {report.characters} characters translated")
    return 0


def _read_glossary(path: str) -> Dict[str, Term]:
    """As the command `peregrine` reads it."""
    glossary: Dict[str, Term] = {}
    case_sensitive = False
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            fields = line.rstrip("\r\n").split("\t")
            case_sensitive = case_sensitive or fields == ["# case-sensitive"]
            if fields == [""] or line.startswith("#"):
                continue
            if not fields[0]:
                raise ValueError(f"{path}:{number}: expected source TAB target, found no source")
            targets = [field for field in fields[1:] if field]
            glossary[fields[0]] = Term(targets, case_sensitive=case_sensitive)
    return glossary


if __name__ == "__main__":
    sys.exit(main())
